"""A verdict on a computer: a job of the warm parent, and sandboxes of confined processes in it.

In that job, which runs no code of the learner's, the sandboxes are made a little ahead of their
use, two items are looked at side by side, and the verdict is sent.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from coursekit import checks, course, jail, judge, places, services, tables, warm
from coursekit.checks import Exercise
from coursekit.confine import Limits, Watch, heavy
from coursekit.confined import ROLES, ConfinedSandbox
from coursekit.errors import CourseError
from coursekit.ground import Ground
from coursekit.judge import Found, Looked, Order
from coursekit.sandbox import ANSWER_SECONDS
from coursekit.supply import DATABASES, Supply, sweep
from coursekit.verdict import ItemResult, Outcome, Verdict

GRACE_SECONDS = 15
AHEAD_SECONDS = 30
LOST_PATIENCE = 2.0
LANES = 2
ROUNDS = 2

_tidying: list[warm.Job] = []
"""Jobs that have told their verdict, and drop what it needed."""
_leaving = threading.Lock()


def ready() -> None:
    """What the warm parent knows before its first job. It forks, so no learner's kernel does it."""
    checks.exercises()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        jail.may_become_others()


class _Channel(Protocol):
    def send(self, **message: object) -> None: ...


# --- the side that asks -----------------------------------------------------------------------


def verdict(
    exercise: Exercise, order: Order, *, here: bool = False, namespace: bool = True,
    ahead: bool = True,
) -> Verdict:  # fmt: skip
    """See `runtime.Runtime.judge`. `ahead` makes databases for the next check of the same kind.

    For tests: `here` judges in this process, as a debugger needs it; `namespace` off takes the
    way of machines without name spaces.
    """
    folder = _sandboxes() / f"{os.getpid()}-{secrets.token_hex(6)}"
    job: dict[str, Any] = {
        "order": asdict(order),
        "folder": str(folder),
        "namespace": namespace and not os.environ.get("COURSEKIT_NO_NAMESPACE"),
        "ahead": ahead,
        "more": os.environ.get("COURSEKIT_CHECKS", ""),
    }
    try:
        return _here(job) if here else _apart(exercise, job)
    finally:
        had_databases = (folder / DATABASES).exists()
        _remove(folder)
        if had_databases and here:
            sweep()


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
    with _leaving:
        for other in [other for other in _tidying if not other.alive()]:
            _tidying.remove(other)
            other.close()
        _tidying.append(job)


def _here(order: dict[str, Any]) -> Verdict:
    ready()
    found: list[Any] = []

    class Kept:
        def send(self, **message: object) -> None:
            found.append(message["verdict"])

    hold(Kept(), **order)
    return Verdict.from_json(found[0])


def _apart(exercise: Exercise, order: dict[str, Any]) -> Verdict:
    job = warm.Job("coursekit.hearing:hold", order)
    message: dict[str, object] | None = None
    try:
        message = job.receive(ROUNDS * exercise.limit + GRACE_SECONDS)
    except TimeoutError:
        return judge.ungraded(exercise, "the check itself did not come to an end")
    finally:
        if message and "verdict" in message:
            _leave(job)
        else:
            job.close()
            if Path(order["folder"], DATABASES).exists():
                with contextlib.suppress(CourseError, OSError):
                    _leave(warm.Job("coursekit.supply:sweep"))
    if message is None:
        return judge.ungraded(exercise, "the process of the check ended without a verdict")
    if "verdict" not in message:
        last = str(message.get("fault", "no verdict")).strip().splitlines()[-1]
        return judge.ungraded(exercise, last)
    verdict = message["verdict"]
    assert isinstance(verdict, dict)
    return Verdict.from_json(verdict)


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


# --- the side that judges ---------------------------------------------------------------------


def hold(
    channel: _Channel, *, order: Mapping[str, Any], folder: str, namespace: bool, more: str,
    ahead: bool,
) -> None:  # fmt: skip
    """The job: come to a verdict, send it, and tidy up. Who asked removes the folder."""
    for path in filter(None, more.split(os.pathsep)):
        checks.load(Path(path))
    wanted = Order(**order)
    supplies: list[Supply] = []
    look = partial(
        _look, folder=Path(folder), sabotaged=wanted.sabotaged, namespace=namespace,
        supplies=supplies,
    )  # fmt: skip
    channel.send(verdict=judge.verdict(checks.find(wanted.check), wanted, look).to_json())
    for supply in supplies[-1:] if isinstance(channel, warm.Channel) else ():
        supply.tidy(ahead)
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
    files = judge.load(str(judge._base(lesson, None)))
    folder = _sandboxes() / f"{os.getpid()}-{secrets.token_hex(6)}"
    namespace = not os.environ.get("COURSEKIT_NO_NAMESPACE")
    for number, exercise in enumerate(waiting.values()):
        with contextlib.closing(Watch(AHEAD_SECONDS)) as watch:
            place = folder / str(number)
            ground = Ground(files, place, watch, ROLES, namespace=namespace, ports=_ports())
            with contextlib.closing(_Boxes(exercise, ground, None, ())) as boxes:
                boxes.ahead()
    _remove(folder)


def _look(
    exercise: Exercise, files: course.Files, touched: Collection[str], folder: Path,
    sabotaged: int | None, namespace: bool, supplies: list[Supply],
) -> Looked:  # fmt: skip
    """Look at the items, each in a sandbox of its own; again where something came between."""
    watch = Watch(exercise.limit)
    watch.weigh(lambda: heavy(folder, Limits()))
    shared, disturbed = True, False
    try:
        for number in range(ROUNDS):
            place = folder / str(number)
            ground = Ground(
                files, place, watch, ROLES, namespace=namespace, shared=shared, ports=_ports()
            )
            with contextlib.closing(_Boxes(exercise, ground, sabotaged, touched)) as boxes:
                supplies += boxes.supplies
                for supply in boxes.supplies:
                    watch.weigh(supply.heavy)
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


def _ports() -> list[int]:
    """Where the user's own database server is, if not behind a socket."""
    port = services.postgres_port()
    return [] if port is None else [port]


class _Boxes:
    """The sandboxes of a check: made a little ahead of their use, and ended behind it."""

    AHEAD = 2

    def __init__(
        self, exercise: Exercise, ground: Ground, left_out: int | None,
        touched: Collection[str],
    ) -> None:  # fmt: skip
        self.ground = ground
        self._supply: Supply | None = None
        if exercise.database == "empty" or (
            exercise.database and tables.makes_tables(ground.files)
        ):
            kind = "empty" if exercise.database == "empty" else ""
            self._supply = Supply(
                ground.files, ground.folder, kind, self._set_up, touched=touched, door=ground.door
            )
        self._needs = [checks.needs(item) for item in exercise.items]
        self._numbers = [n for n in range(len(exercise.items)) if n != left_out]
        self._patience = min(ANSWER_SECONDS, max(exercise.limit - 2, exercise.limit / 2))
        self._made: dict[int, ConfinedSandbox] = {}
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

    def take(self, number: int) -> ConfinedSandbox:
        """The sandbox of that item; those of the next ones are begun."""
        with self._taking:
            for other in [n for n in self._numbers if n >= number][: 1 + self.AHEAD]:
                if other not in self._made:
                    self._made[other] = box = ConfinedSandbox(
                        self.ground, str(other), patience=self._patience, supply=self._supply,
                        ended=self._leave,
                    )  # fmt: skip
                    needs = self._needs[other]
                    self._workers.submit(
                        box.prefetch, api=needs.api, calls=needs.calls, database=needs.database
                    )
            return self._made[number]

    def _set_up(self, url: str) -> None:
        """Have the learner's Box Office make its tables."""
        name = f"tables-{secrets.token_hex(2)}"
        box = ConfinedSandbox(self.ground, name, patience=self._patience)
        with contextlib.closing(box):
            tables.make(box, url)

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

    def _leave(self, box: ConfinedSandbox) -> None:
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


def _items(exercise: Exercise, boxes: _Boxes, sabotaged: int | None) -> Looked:
    found: dict[int, Found] = {}
    waiting = iter(range(len(exercise.items)))
    watch = boxes.ground.watch

    def go_on() -> None:
        for number in waiting:
            if judge.is_enough([*found.values()]) or watch.left() < 0:
                return
            item = exercise.items[number]
            if number == sabotaged:
                found[number] = ItemResult(item.title, item.points, item.points)
            else:
                found[number] = judge.examine(item, partial(boxes.take, number), boxes.hurry)

    lanes = 1 if exercise.one_by_one else min(LANES, os.cpu_count() or 1)
    others = [threading.Thread(target=go_on, daemon=True) for _ in range(lanes - 1)]
    for other in others:
        other.start()
    go_on()
    for other in others:
        other.join()
    over = watch.left() < 0 or judge.is_enough(found.values())
    if len(found) < len(exercise.items) and not over:
        raise RuntimeError("an item was left out")
    return judge.sum_up(exercise, found)
