"""The one way to a verdict, for the learner's `check`, the command line and the tests.

Here an answer is read, its items are looked at one by one, and what they came to is summed up.
Where the learner's code runs meanwhile is for the runtime to say: on a computer in confined
processes (`hearing`), in a tab in this very interpreter (`tab.sandbox`).
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import json
import os
import re
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coursekit import build, checks, course, places, runtime
from coursekit.checks import Exercise, Item
from coursekit.errors import BuildRefused, CourseError
from coursekit.sandbox import STARTS, Sandbox
from coursekit.tables import MADE
from coursekit.verdict import (
    CouldNotFinish,
    ItemResult,
    NeedsComputer,
    NotYet,
    Outcome,
    Verdict,
    say_once,
)  # fmt: skip

FAILURES = 2
SHOWN = 500
ENDS = "ends"
"""The folder of the course as of each lesson's end, in the folder of the servers."""
KEPT_SECONDS = 24 * 60 * 60
SHAPE = (LookupError, TypeError, AttributeError, ValueError)
"""What reading an answer of an unexpected shape raises."""
STUB = re.compile(r"^(\S+), line \d+, in (\w+):  raise NotImplementedError\b", re.MULTILINE)
"""The learner's line in `got` that nbgrader leaves in place of a solution: file and function."""
TOO_MANY = re.compile(r"TypeError: (\S+)\(\) takes .*positional argument.* given")
SLIP = re.compile(
    r"(?:^(?P<line>\S+, line \d+), in .+\n)?"
    r"^(?:NameError|UnboundLocalError): [^'\n]*'(?P<name>\w+)'(?P<rest>.*)", re.MULTILINE
)  # fmt: skip
"""A name without a value, in the learner's lines: where, which, and what the error says of it."""
UNNAMED = re.compile(r"TypeError: (\S+)\(\) missing \d+ required keyword-only arguments?: '(\w+)'")

Starters = dict[str, list[str]]
"""Target → the cells that the exercise's own notebook has for it."""

Found = ItemResult | NotYet | CouldNotFinish | NeedsComputer | Exception
"""What came of an item."""

Looked = tuple[Outcome, str, list[ItemResult]]
Look = Callable[[Exercise, course.Files, Collection[str]], Looked]
"""Looks at all items with these files, of which the answer touched some."""


@dataclass(frozen=True)
class Order:
    """All that a verdict is made of; it travels as JSON."""

    check: str
    answers: dict[str, str]
    base: str
    """A file with the Box Office to start from."""
    starters: Starters
    sabotaged: int | None = None
    """For tests: the item of that number counts as held without a look."""


# --- the side that asks -----------------------------------------------------------------------


def judge(
    check_id: str,
    answers: Mapping[str, str],
    *,
    sabotaged: int | None = None,
    base: Path | None = None,
    **how: bool,
) -> Verdict:
    """Grade the answers (target → code) of one exercise. Raises UnknownName; else never fails.

    For tests: item number `sabotaged` counts as held without a look; `base` is a folder with the
    boxoffice/ to start from, in place of the lesson's end; `how` is for the runtime to know.
    """
    return prepare(check_id, answers, sabotaged=sabotaged, base=base, **how)()


def prepare(
    check_id: str,
    answers: Mapping[str, str],
    *,
    sabotaged: int | None = None,
    base: Path | None = None,
    **how: bool,
) -> Callable[[], Verdict]:
    """Like `judge`, but all that reads Python is done now, and the verdict is for later.

    For whoever judges in several threads: Python 3.11 cannot make two syntax trees at once.
    """
    exercise = checks.find(check_id)
    try:
        order = Order(
            exercise.id, dict(answers), str(_base(exercise.lesson, base)), starters(exercise),
            sabotaged,
        )  # fmt: skip
    except (CourseError, OSError) as error:
        verdict = ungraded(exercise, str(error))
        return lambda: verdict

    def ask() -> Verdict:
        started = time.monotonic()
        try:
            verdict = runtime.current().judge(exercise, order, **how)
        except (CourseError, OSError) as error:
            verdict = ungraded(exercise, str(error))
        return verdict.timed(time.monotonic() - started)

    return ask


def settle(seconds: float) -> bool:
    """Wait until earlier checks have dropped what they used; False where it takes longer."""
    return runtime.current().settle(seconds)


def ungraded(exercise: Exercise, reason: str) -> Verdict:
    """No verdict, and by no fault of the learner's."""
    return Verdict(
        exercise.id, exercise.title, Outcome.COULD_NOT_BE_GRADED, exercise.points,
        message=f"could not be graded: {reason}. This is a fault of the course, not of your code.",
    )  # fmt: skip


def _base(lesson: str, folder: Path | None) -> Path:
    """A file with Box Office as of the end of a lesson, as JSON, kept between checks."""
    package = folder / "boxoffice" if folder else None
    stamp: object = course._stamp()
    if package:
        stamp = [(str(p), p.stat().st_mtime_ns) for p in sorted(package.rglob("*"))]
    mark = repr((lesson, stamp, Path(build.__file__).stat().st_mtime_ns))
    kept = places.state() / ENDS
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
    """What the learner was given: per target the cells of the notebook as it was released."""
    found: Starters = {normal(target): [] for target in exercise.answers}
    with contextlib.suppress(CourseError):
        for cell in course.handed_out(course.find(exercise.lesson)):
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


def verdict(exercise: Exercise, order: Order, look: Look) -> Verdict:
    """Read the answers, have the items looked at, and sum up."""
    starters = order.starters
    given = {normal(target): code for target, code in order.answers.items()}
    targets = [normal(target) for target in exercise.answers]

    def said(outcome: Outcome, message: str, items: Iterable[ItemResult] | None = None) -> Verdict:
        unseen = [ItemResult(i.title, i.points, ran=False) for i in exercise.items]
        seen = unseen if items is None else items
        found = say_once(_unwritten(item, targets, given, starters) for item in seen)
        left_out = sum(item.points for item in found if item.why and not item.ran)
        points = exercise.points - left_out
        return Verdict(exercise.id, exercise.title, outcome, points, found, message)

    if not exercise.items:
        return ungraded(exercise, "the check has no items")
    if all(is_untouched(given.get(target), starters.get(target, [])) for target in targets):
        return said(
            Outcome.NOT_ATTEMPTED,
            "Nothing to look at yet: the answer cell is as you found it, or has not been run.",
        )
    files: course.Files = load(order.base)
    for target, code in _steps(exercise, given, starters):
        goal = build.parse_target(target)
        try:
            files[goal.path] = build.apply(files.get(goal.path), goal, code)
        except BuildRefused as error:
            return said(Outcome.NOT_YET, str(error))
        except (RecursionError, MemoryError):
            return said(Outcome.NOT_YET, f"Python cannot read {target}: it is nested too deeply.")
    touched = {build.parse_target(target).path for target in given}
    outcome, message, items = look(exercise, files, touched)
    if outcome == Outcome.NOT_YET and not message:
        left = [t for t in targets if is_untouched(given.get(t), starters.get(t, []))]
        message = _still_to_do(left)
    return said(outcome, message, items)


def _still_to_do(targets: Sequence[str]) -> str:
    """The answer cells that were not run, or not changed, in a sentence; nothing where all were."""
    if not targets:
        return ""
    cells = " and ".join(f"the answer cell `%%build {target}`" for target in targets)
    return f"Not run yet, or still as it was given: {cells}. What follows may come from that."


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


def examine(item: Item, take: Callable[[], Sandbox], hurry: Callable[[], None]) -> Found:
    """Look at one item in the sandbox that `take` gives; `hurry` where it does not end."""
    try:
        box = take()
    except Exception as error:
        return error
    try:
        item.look(box)
    except CouldNotFinish as error:
        hurry()
        return error
    except NeedsComputer as error:
        return error
    except NotYet as error:
        return error if error.expected in (STARTS, MADE) else _missed(item, error, box)
    except SHAPE as error:
        return _missed(item, _shape(error, box), box)
    except Exception as error:
        return error
    finally:
        box.leave()
    return ItemResult(item.title, item.points, item.points)


def is_enough(found: Iterable[Found]) -> bool:
    """Whether so many items did not end that there is no sense in going on."""
    return sum(isinstance(each, CouldNotFinish) for each in found) >= FAILURES


def load(base: str) -> course.Files:
    """The files that `_base` wrote down."""
    files: course.Files = json.loads(Path(base).read_text(encoding="utf-8"))
    return files


def sum_up(exercise: Exercise, found: Mapping[int, Found]) -> Looked:
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
        elif isinstance(came, NeedsComputer):
            why = f"Looked at on a computer only: {came}"
            results.append(ItemResult(item.title, item.points, ran=False, why=why))
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
    passed = all(result.passed or (result.why and not result.ran) for result in results)
    return (Outcome.PASSED if passed else Outcome.NOT_YET), "", results


def _missed(item: Item, error: NotYet, box: Sandbox) -> ItemResult:
    got = error.got
    crash = box.crash() if "500" in got else []
    if crash:
        got += "\nYour code stopped here:\n" + "\n".join(crash[-3:])
    why, where = error.why, error.where
    forgotten = box.unawaited()
    if forgotten:
        where = forgotten[0]
    if "coroutine" in got:
        why = "An `await` is missing: an `async def` gives its result only when it is awaited."
    elif forgotten:
        why = (
            "An `async` function that nobody awaits never runs: the call gives a coroutine, which "
            "does nothing, and which an `if` takes for true. Write `await` in front of it."
        )
    elif slip := SLIP.search(got):
        why = (
            f"Nothing bears the name `{slip['name']}` when this line runs. Is it a slip in the "
            "name? Look at the line above, letter by letter. Or the line that gives it a value "
            "did not run."
        )
        if "missing at the top" in slip["rest"]:
            why = "Your code stopped at a name that its file does not know. Begin with that."
        where = slip["line"] or where
        got = got[: slip.end()]  # the values of this call do not matter
    elif crash and (called := _called_wrongly(crash[-1])):
        why, where = called[0], called[1] or where
    elif crash and why:
        why = f"Your code stopped with an error; look at that first. {why}"
    return ItemResult(item.title, item.points, 0, error.expected, _short(got), why, where)


def _called_wrongly(error: str) -> tuple[str, str] | None:
    """Why and where, if a call did not say by name what is to be said by name."""
    many = TOO_MANY.match(error)
    if many and many[1] == "BaseModel.__init__":
        why = (
            "A model takes its fields by name. `.model_validate(row)` behind the model's name "
            "makes one from an object."
        )
        return why, ""
    if many:
        why = (
            f"The call hands over more values by position than `{many[1]}` takes. What follows a "
            "`*` in a function's first line is passed by name: `name=value`."
        )
        return why, "" if "__" in many[1] else f"the first line of `{many[1]}`"
    if missing := UNNAMED.match(error):
        why = f"`{missing[1]}` wants this value by name: `{missing[2]}=…`."
        return why, f"the first line of `{missing[1]}`"
    return None


def _unwritten(
    item: ItemResult, targets: Collection[str], given: Mapping[str, str], starters: Starters
) -> ItemResult:
    """The item; if it ended in an answer cell that is still to be written or run, it says so."""
    stub = STUB.search(item.got)
    target = f"{stub[1]}::{stub[2]}" if stub else ""
    if target not in targets:
        return item
    if target not in given:
        got = "one answer cell has not been run yet"
        why = "The check sees the cells that you ran. Written already? Run it, then check again."
    elif is_untouched(given[target], starters.get(target, [])):
        got = "an answer cell is as it was given: `raise NotImplementedError()`"
        why = "That line keeps the place of your code. Write the cell, run it, then check again."
    else:
        got = "your code came to the line `raise NotImplementedError()`"
        why = "That line keeps the place of your code. Where your code stands, take it out."
    return replace(
        item, expected="each answer cell written and run", got=got, why=why,
        where=f"the cell `%%build {target}`",
    )  # fmt: skip


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
    from coursekit import warm

    names = iter(warm.PRELOAD)
    while warm.import_one(names):
        pass
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
