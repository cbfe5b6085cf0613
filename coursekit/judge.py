"""The one way to a verdict, for the learner's `check`, the command line and the tests.

`judge` orders a job from the warm parent. In that process, which runs no code of the learner's,
the sandbox is made, the items are looked at one by one, and the verdict is computed.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import json
import os
import secrets
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from coursekit import build, checks, course, places, warm
from coursekit.checks import Exercise, Item
from coursekit.confine import Watch
from coursekit.errors import BuildRefused, CourseError
from coursekit.ground import Ground
from coursekit.sandbox import ANSWER_SECONDS, ROLES, Sandbox
from coursekit.supply import DATABASES, MADE, Supply, makes_tables, sweep
from coursekit.verdict import CouldNotFinish, ItemResult, NotYet, Outcome, Verdict, say_once

GRACE_SECONDS = 15
AHEAD_SECONDS = 30
LOST_PATIENCE = 2.0
FAILURES = 2
LANES = 2
ROUNDS = 2
STARTS = "your API starts"
FIRST = "Each item starts with the tables that your code makes."
IN_BLOCK = (
    "Alembic opens a transaction, and this statement works only outside of one. Put it under "
    "`with op.get_context().autocommit_block():`."
)
SHOWN = 500
KEPT_SECONDS = 24 * 60 * 60
SHAPE = (LookupError, TypeError, AttributeError, ValueError)
"""What reading an answer of an unexpected shape raises."""

Starters = dict[str, list[str]]
"""Target → the cells that the exercise's own notebook has for it."""

_tidying: list[warm.Job] = []
"""Jobs that have told their verdict, and drop what it needed."""

checks.exercises()  # so that the warm parent has them


class _Channel(Protocol):
    def send(self, **message: object) -> None: ...


# --- the side that asks -----------------------------------------------------------------------


def judge(
    check_id: str,
    answers: Mapping[str, str],
    *,
    sabotaged: int | None = None,
    namespace: bool = True,
    here: bool = False,
    base: Path | None = None,
) -> Verdict:
    """Grade the answers (target → code) of one exercise. Raises UnknownName; else never fails.

    For tests: item number `sabotaged` counts as held without a look; `namespace` off takes the
    way of machines without name spaces; `here` runs in this process, as a debugger needs it;
    `base` is a folder with the boxoffice/ to start from, in place of the lesson's end.
    """
    exercise = checks.find(check_id)
    started = time.monotonic()
    folder = _sandboxes() / f"{os.getpid()}-{secrets.token_hex(6)}"
    try:
        order: dict[str, Any] = {
            "check": exercise.id,
            "answers": dict(answers),
            "base": str(_base(exercise.lesson, base)),
            "starters": starters(exercise),
            "folder": str(folder),
            "sabotaged": sabotaged,
            "namespace": namespace and not os.environ.get("COURSEKIT_NO_NAMESPACE"),
            "more": os.environ.get("COURSEKIT_CHECKS", ""),
        }
        verdict = _here(order) if here else _apart(exercise, order)
    except (CourseError, OSError) as error:
        verdict = _ungraded(exercise, str(error))
    finally:
        had_databases = (folder / DATABASES).exists()
        _remove(folder)
        if had_databases and here:
            sweep()
    return verdict.timed(time.monotonic() - started)


def _remove(folder: Path) -> None:
    """Remove a sandbox's folder, in which an interrupted check may write to its last moment."""
    for _ in range(25):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)


def settle(seconds: float) -> bool:
    """Wait until earlier checks have dropped what they used; False where it takes longer."""
    deadline = time.monotonic() + seconds
    for job in [*_tidying]:
        with contextlib.suppress(TimeoutError):
            while job.receive(max(0.001, deadline - time.monotonic())) is not None:
                pass
            _tidying.remove(job)
            job.close()
    return not _tidying


def _leave(job: warm.Job) -> None:
    """Let a job tidy up after its verdict, for as long as this process lives."""
    for other in [other for other in _tidying if not other.alive()]:
        _tidying.remove(other)
        other.close()
    _tidying.append(job)


def _here(order: dict[str, Any]) -> Verdict:
    found: list[Any] = []

    class Kept:
        def send(self, **message: object) -> None:
            found.append(message["verdict"])

    hold(Kept(), **order)
    return Verdict.from_json(found[0])


def _apart(exercise: Exercise, order: dict[str, Any]) -> Verdict:
    job = warm.Job("coursekit.judge:hold", order)
    message: dict[str, object] | None = None
    try:
        message = job.receive(ROUNDS * exercise.limit + GRACE_SECONDS)
    except TimeoutError:
        return _ungraded(exercise, "the check itself did not come to an end")
    finally:
        if message and "verdict" in message:
            _leave(job)
        else:
            job.close()
            if Path(order["folder"], DATABASES).exists():
                with contextlib.suppress(CourseError, OSError):
                    _leave(warm.Job("coursekit.supply:sweep"))
    if message is None:
        return _ungraded(exercise, "the process of the check ended without a verdict")
    if "verdict" not in message:
        last = str(message.get("fault", "no verdict")).strip().splitlines()[-1]
        return _ungraded(exercise, last)
    verdict = message["verdict"]
    assert isinstance(verdict, dict)
    return Verdict.from_json(verdict)


def _ungraded(exercise: Exercise, reason: str) -> Verdict:
    return Verdict(
        exercise.id, exercise.title, Outcome.COULD_NOT_BE_GRADED, exercise.points,
        message=f"could not be graded: {reason}. This is a fault of the course, not of your code.",
    )  # fmt: skip


def _sandboxes() -> Path:
    """The folder of all sandboxes; those whose owner is gone are removed."""
    home = places.state() / "sandboxes"
    home.mkdir(exist_ok=True)
    for old in home.iterdir():
        with contextlib.suppress(ValueError):
            owner = int(old.name.partition("-")[0])
            try:
                os.kill(owner, 0)
            except ProcessLookupError:
                shutil.rmtree(old, ignore_errors=True)
            except PermissionError:
                pass
    return home


def _base(lesson: str, folder: Path | None) -> Path:
    """A file with Box Office as of the end of a lesson, as JSON, kept between checks."""
    package = folder / "boxoffice" if folder else None
    stamp: object = course._stamp()
    if package:
        stamp = [(str(p), p.stat().st_mtime_ns) for p in sorted(package.rglob("*"))]
    mark = repr((lesson, stamp, Path(build.__file__).stat().st_mtime_ns))
    kept = places.state() / "ends"
    path = kept / f"{hashlib.sha256(mark.encode()).hexdigest()[:16]}.json"
    if path.exists():
        return path
    files = _read(package) if package else course.files_after(lesson)
    kept.mkdir(exist_ok=True)
    for old in kept.glob("*.json"):
        with contextlib.suppress(OSError):
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                old.unlink()
    half = path.with_suffix(f".{os.getpid()}-{secrets.token_hex(3)}")
    half.write_text(json.dumps(files), encoding="utf-8")
    half.replace(path)
    return path


def _read(package: Path) -> course.Files:
    """The text files below a boxoffice/ folder."""
    found: course.Files = {}
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            with contextlib.suppress(UnicodeDecodeError):
                found[str(path.relative_to(package))] = path.read_text(encoding="utf-8")
    return found


def notebook_of(exercise: Exercise, kind: str = "exercises") -> Path:
    """The notebook that poses the exercise (or, of kind "solutions", its solution)."""
    lesson = course.find(exercise.lesson).path
    root = places.checkout()
    return root / kind / lesson.relative_to(root / "notebooks")


def starters(exercise: Exercise) -> Starters:
    """What the learner was given: per target the cells of the released notebook."""
    found: Starters = {normal(target): [] for target in exercise.answers}
    with contextlib.suppress(CourseError):
        for cell in course.build_cells(notebook_of(exercise)):
            if str(cell.target) in found:
                found[str(cell.target)].append(cell.body)
    return found


def normal(target: str) -> str:
    """A target as `%%build` understands it."""
    return str(build.parse_target(target))


# --- what counts as an attempt ----------------------------------------------------------------


def same_code(one: str, other: str) -> bool:
    """Whether two cells differ in comments and white space at most."""
    return _dump(one) == _dump(other)


def _dump(code: str) -> str:
    try:
        return ast.dump(ast.parse(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(line.split("#")[0].strip() for line in code.splitlines() if line.strip())


def is_stub(code: str) -> bool:
    """Whether some function is only what nbgrader leaves in place of a solution."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body
            if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                body = body[1:]
            if [ast.unparse(statement) for statement in body] == ["raise NotImplementedError()"]:
                return True
    return False


def is_untouched(code: str | None, given: Sequence[str]) -> bool:
    """Whether an answer is missing, or still what the learner was given."""
    if code is None or not code.strip():
        return True
    if given:
        return any(same_code(code, cell) for cell in given)
    return is_stub(code)


# --- the side that judges ---------------------------------------------------------------------


def hold(
    channel: _Channel,
    *,
    check: str,
    answers: dict[str, str],
    base: str,
    starters: Starters,
    folder: str,
    sabotaged: int | None,
    namespace: bool,
    more: str,
) -> None:
    """The job: come to a verdict, send it, and tidy up. Who asked removes the folder."""
    for path in filter(None, more.split(os.pathsep)):
        checks.load(Path(path))
    exercise = checks.find(check)
    supplies: list[Supply] = []
    verdict = _verdict(
        exercise, answers, Path(base), starters, Path(folder), sabotaged, namespace, supplies
    )
    channel.send(verdict=verdict.to_json())
    for supply in supplies[-1:] if isinstance(channel, warm.Channel) else ():
        supply.tidy()
        sweep(channel)


def ahead(_channel: _Channel, *, lesson: str) -> None:
    """The job: make what the first checks of a lesson's exercises would have to wait for."""
    waiting = {
        exercise.database: replace(exercise, items=[])
        for exercise in checks.exercises().values()
        if exercise.lesson == lesson and exercise.database
    }
    if not waiting:
        return
    files: course.Files = json.loads(_base(lesson, None).read_text(encoding="utf-8"))
    folder = _sandboxes() / f"{os.getpid()}-{secrets.token_hex(6)}"
    namespace = not os.environ.get("COURSEKIT_NO_NAMESPACE")
    for number, exercise in enumerate(waiting.values()):
        with contextlib.closing(Watch(AHEAD_SECONDS)) as watch:
            ground = Ground(files, folder / str(number), watch, ROLES, namespace=namespace)
            with contextlib.closing(_Boxes(exercise, ground, None, ())) as boxes:
                boxes.ahead()
    _remove(folder)


def _verdict(
    exercise: Exercise, answers: dict[str, str], base: Path, starters: Starters, folder: Path,
    sabotaged: int | None, namespace: bool, supplies: list[Supply],
) -> Verdict:  # fmt: skip
    given = {normal(target): code for target, code in answers.items()}
    targets = [normal(target) for target in exercise.answers]

    def said(outcome: Outcome, message: str, items: Iterable[ItemResult] | None = None) -> Verdict:
        unseen = [ItemResult(i.title, i.points, ran=False) for i in exercise.items]
        found = say_once(unseen if items is None else items)
        return Verdict(exercise.id, exercise.title, outcome, exercise.points, found, message)

    if not exercise.items:
        return _ungraded(exercise, "the check has no items")
    if all(is_untouched(given.get(target), starters.get(target, [])) for target in targets):
        return said(
            Outcome.NOT_ATTEMPTED,
            "Nothing to look at yet: the answer cell is as you found it, or has not been run.",
        )
    files: course.Files = json.loads(base.read_text(encoding="utf-8"))
    for target, code in _steps(exercise, given, starters):
        goal = build.parse_target(target)
        try:
            files[goal.path] = build.apply(files.get(goal.path), goal, code)
        except BuildRefused as error:
            return said(Outcome.NOT_YET, str(error))
        except (RecursionError, MemoryError):
            return said(Outcome.NOT_YET, f"Python cannot read {target}: it is nested too deeply.")
    touched = {build.parse_target(target).path for target in given}
    return said(*_look(exercise, files, touched, folder, sabotaged, namespace, supplies))


def _steps(
    exercise: Exercise, given: Mapping[str, str], starters: Starters
) -> Iterator[tuple[str, str]]:
    """The cells that make the file to look at, in order: as they do in the learner's sandbox.

    First what the exercise's notebook gives for its targets, then what the learner ran: the
    answers, and whatever else of Box Office they changed; but no answer of another exercise.
    """
    targets = [normal(target) for target in exercise.answers]
    for target in targets:
        for code in starters.get(target, []):
            yield target, code
    elsewhere = {
        normal(target)
        for other in checks.exercises().values()
        if other.id != exercise.id and other.lesson == exercise.lesson
        for target in other.answers
    } - set(targets)
    for target, code in given.items():
        goal = build.parse_target(target)
        if target not in elsewhere and not goal.is_scratch and not goal.source and code.strip():
            yield target, code


def _look(
    exercise: Exercise, files: course.Files, touched: Collection[str], folder: Path,
    sabotaged: int | None, namespace: bool, supplies: list[Supply],
) -> tuple[Outcome, str, list[ItemResult]]:  # fmt: skip
    """Look at the items, each in a sandbox of its own; again where something came between."""
    watch = Watch(exercise.limit)
    shared, disturbed = True, False
    try:
        for number in range(ROUNDS):
            place = folder / str(number)
            ground = Ground(files, place, watch, ROLES, namespace=namespace, shared=shared)
            with contextlib.closing(_Boxes(exercise, ground, sabotaged, touched)) as boxes:
                supplies += boxes.supplies
                found = _items(exercise, boxes, sabotaged)
                disturbed = boxes.was_disturbed and found[0] is not Outcome.PASSED
            if not disturbed and not ground.is_altered:
                return found
            shared = shared and not ground.is_altered  # an item saw what another one wrote
            watch.give(exercise.limit - watch.left())
    finally:
        watch.close()
    if disturbed and found[0] is not Outcome.COULD_NOT_BE_GRADED:
        words = "could not be graded: the database server stopped meanwhile. Run the cell again."
        return Outcome.COULD_NOT_BE_GRADED, words, []
    return found


class _Boxes:
    """The sandboxes of a check: made a little ahead of their use, and ended behind it."""

    AHEAD = 2

    def __init__(
        self, exercise: Exercise, ground: Ground, left_out: int | None,
        touched: Collection[str],
    ) -> None:  # fmt: skip
        self.ground = ground
        self._supply: Supply | None = None
        if exercise.database == "empty" or (exercise.database and makes_tables(ground.files)):
            kind = "empty" if exercise.database == "empty" else ""
            self._supply = Supply(ground.files, ground.folder, kind, self._set_up, touched=touched)
        self._needs = [checks.needs(item) for item in exercise.items]
        self._numbers = [n for n in range(len(exercise.items)) if n != left_out]
        self._patience = min(ANSWER_SECONDS, exercise.limit / 2)
        self._made: dict[int, Sandbox] = {}
        self._taking = threading.Lock()
        self._workers = ThreadPoolExecutor(3)
        self._workers.submit(self._import)

    def _import(self) -> None:
        """What the items will use, before the first process is forked."""
        modules = {m for n in self._numbers for m in self._needs[n].modules}
        if any(self._needs[n].api for n in self._numbers):
            modules.add("boxoffice.app")
        if self._supply is not None and self._supply.is_own:
            modules.add("boxoffice.database")
        self.ground.load(sorted(m for m in modules if self.ground.has(m)))

    def take(self, number: int) -> Sandbox:
        """The sandbox of that item; those of the next ones are begun."""
        with self._taking:
            for other in [n for n in self._numbers if n >= number][: 1 + self.AHEAD]:
                if other not in self._made:
                    self._made[other] = box = Sandbox(
                        self.ground, str(other), patience=self._patience, supply=self._supply
                    )  # fmt: skip
                    needs = self._needs[other]
                    self._workers.submit(
                        box.prefetch, api=needs.api, calls=needs.calls, database=needs.database
                    )
            return self._made[number]

    def _set_up(self, url: str) -> None:
        """Have the learner's Box Office make its tables."""
        box = Sandbox(self.ground, f"tables-{secrets.token_hex(2)}", patience=self._patience)
        try:
            called = box.attempt("boxoffice.database:set_up", url)
        finally:
            box.close()
        if called.error:
            said = "\n".join(called.lines[-2:]) or called.error
            raise NotYet(MADE, said, IN_BLOCK if "inside a transaction block" in said else FIRST)

    @property
    def supplies(self) -> list[Supply]:
        return [self._supply] if self._supply is not None else []

    def ahead(self) -> None:
        for supply in self.supplies:
            supply.ahead()

    @property
    def was_disturbed(self) -> bool:
        """Whether the database server fell over meanwhile."""
        return self._supply is not None and self._supply.was_disturbed

    def leave(self, box: Sandbox) -> None:
        """End it, without waiting."""
        self._workers.submit(box.close)

    def hurry(self) -> None:
        """After an item that did not come to an end: less patience with the others."""
        with self._taking:
            self._patience = LOST_PATIENCE
            for box in self._made.values():
                box.hurry(LOST_PATIENCE)

    def close(self) -> None:
        """End all, and wait until nothing is left. Twice does no harm."""
        self._workers.shutdown(cancel_futures=True)
        self.ground.close()
        for box in self._made.values():
            box.close()
        if self._supply is not None:
            self._supply.close()


Found = ItemResult | NotYet | CouldNotFinish | Exception


def _items(
    exercise: Exercise, boxes: _Boxes, sabotaged: int | None
) -> tuple[Outcome, str, list[ItemResult]]:
    found: dict[int, Found] = {}
    waiting = iter(range(len(exercise.items)))
    watch = boxes.ground.watch

    def go_on() -> None:
        for number in waiting:
            ended = sum(isinstance(each, CouldNotFinish) for each in list(found.values()))
            if ended >= FAILURES or watch.left() < 0:
                return
            item = exercise.items[number]
            if number == sabotaged:
                found[number] = ItemResult(item.title, item.points, item.points)
            else:
                found[number] = _examine(item, boxes, number)

    lanes = 1 if exercise.one_by_one else min(LANES, os.cpu_count() or 1)
    others = [threading.Thread(target=go_on, daemon=True) for _ in range(lanes - 1)]
    for other in others:
        other.start()
    go_on()
    for other in others:
        other.join()
    if len(found) < len(exercise.items) and not watch.left() < 0:
        ended = sum(isinstance(each, CouldNotFinish) for each in found.values())
        if ended < FAILURES:
            raise RuntimeError("an item was left out")
    return _sum_up(exercise, found)


def _examine(item: Item, boxes: _Boxes, number: int) -> Found:
    try:
        box = boxes.take(number)
    except Exception as error:
        return error
    try:
        item.look(box)
    except CouldNotFinish as error:
        boxes.hurry()
        return error
    except NotYet as error:
        return error if error.expected in (STARTS, MADE) else _missed(item, error, box)
    except SHAPE as error:
        return _missed(item, _shape(error, box), box)
    except Exception as error:
        return error
    finally:
        boxes.leave(box)
    return ItemResult(item.title, item.points, item.points)


def _sum_up(
    exercise: Exercise, found: Mapping[int, Found]
) -> tuple[Outcome, str, list[ItemResult]]:
    """What the items came to, in their order, whichever was done first."""
    results: list[ItemResult] = []
    failures: list[str] = []
    no_start = ""
    for number, item in enumerate(exercise.items):
        came = found.get(number)
        if came is None or len(failures) >= FAILURES:
            results.append(ItemResult(item.title, item.points, ran=False))
        elif isinstance(came, ItemResult):
            results.append(came)
        elif isinstance(came, CouldNotFinish):
            got = "the same as above" if str(came) in failures else str(came)
            failures.append(str(came))
            results.append(
                ItemResult(item.title, item.points, expected="your code answers", got=got)
            )
        elif isinstance(came, NotYet):
            known, no_start = came.got == no_start, came.got
            again = "it does not, as above" if came.expected == STARTS else "they cannot, as above"
            got, why = (again, "") if known else (came.got, came.why)
            results.append(ItemResult(item.title, item.points, 0, came.expected, _short(got), why))
        else:
            ours = f'item "{item.title}": {type(came).__name__}: {came}{_line(came)}'
            if isinstance(came, CourseError):  # its words say all
                ours = str(came)
            return (
                Outcome.COULD_NOT_BE_GRADED,
                f"could not be graded: {ours}. This is a fault of the course, not of your code.",
                [],
            )
    if failures:
        return Outcome.COULD_NOT_FINISH, f"could not finish: {failures[0]}", results
    passed = all(result.passed for result in results)
    return (Outcome.PASSED if passed else Outcome.NOT_YET), "", results


def _missed(item: Item, error: NotYet, box: Sandbox) -> ItemResult:
    got = error.got
    crash = box.crash() if "500" in got else []
    if crash:
        got += "\nYour code stopped here:\n" + "\n".join(crash[-3:])
    why = error.why
    if "coroutine" in got:
        why = "An `await` is missing: an `async def` gives its result only when it is awaited."
    elif crash and why:
        why = f"Your code stopped with an error; look at that first. {why}"
    return ItemResult(item.title, item.points, 0, error.expected, _short(got), why, error.where)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _shape(error: Exception, box: Sandbox) -> NotYet:
    if box.crash():
        return NotYet("an answer of your API", "500 Internal Server Error")
    words = f"{type(error).__name__}: {error}"
    return NotYet(
        "an answer of the shape that the task asks for",
        "another shape" + f" ({_short(words)})",
        "Compare the answer of your API with the one in the task, name by name.",
    )


def _line(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "checks" in f.filename]
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


# --- trying one entry of a bank from the shell -------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One file of a bank: answers, and what the verdict must say about them."""

    says: tuple[str, ...]
    answers: dict[str, str]


def read_entry(path: Path) -> Entry:
    """Read `# says: …` lines and `# %%build target` blocks."""
    says: list[str] = []
    answers: dict[str, str] = {}
    target = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%build "):
            target = normal(line[len("# %%build ") :])
            answers[target] = ""
        elif target is not None:
            answers[target] += line + "\n"
        elif line.startswith("# says:"):
            says.append(line[len("# says:") :].strip())
        elif line.strip() and not line.startswith("#"):
            raise CourseError(f"{path.name}: code before the first `# %%build` line")
    if not answers:
        raise CourseError(f"{path.name}: no `# %%build` line")
    return Entry(tuple(says), answers)


def plain(text: str) -> str:
    """Text for comparing: one space between words, no case."""
    return " ".join(text.split()).casefold()


def main(words: Sequence[str]) -> int:
    """`python -m coursekit.judge ch01.name FILE…`: the verdict on each, and the seconds it took."""
    rest = list(words)
    base = None
    if "--base" in rest[:-1]:
        place = rest.index("--base")
        base = Path(rest[place + 1])
        del rest[place : place + 2]
    if len(rest) < 2:
        print(
            "usage: python -m coursekit.judge [--base FOLDER] CHECK_ID FILE_OR_FOLDER …",
            file=sys.stderr,
        )
        return 2
    for name in warm.PRELOAD:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for module, why in checks.faults().items():
        print(f"! {module} could not be imported: {why}", file=sys.stderr)
    good = True
    paths = [Path(word) for word in rest[1:]]
    for path in [p for q in paths for p in (sorted(q.glob("*.py")) if q.is_dir() else [q])]:
        entry = read_entry(path)
        verdict = judge(rest[0], entry.answers, here=True, base=base)
        text = verdict.text()
        wrong = [says for says in entry.says if plain(says) not in plain(text)]
        as_meant = verdict.passed != bool(entry.says) and not wrong
        good &= as_meant
        mark = "as meant" if as_meant else "NOT AS MEANT"
        print(f"--- {path.name}: {mark} ({verdict.seconds:.2f} s)\n{text}")
        for says in wrong:
            print(f"! does not say: {says}")
    return 0 if good else 1


if __name__ == "__main__":
    # Through the module that everyone imports, so that there is one set of classes.
    try:
        sys.exit(importlib.import_module("coursekit.judge").main(sys.argv[1:]))
    except CourseError as error:
        sys.exit(f"✗ {error}")
