"""A verdict in this very interpreter: the items one after another, each in worlds of its own.

What a computer forbids the learner's code by processes of their own, the clock and the worlds
forbid here; memory is bounded by the tab alone. An item that needs more than a tab has says so.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import httpx

from coursekit import course, judge, places, sandbox, tables
from coursekit.checks import Exercise
from coursekit.judge import Found, Looked, Order
from coursekit.sandbox import (
    ANSWER_SECONDS,
    Answers,
    Called,
    Ran,
    Sandbox,
    no_way_on,
    not_started,
    slow,
)  # fmt: skip
from coursekit.tab import asgi, clock, tools
from coursekit.tab.world import TooMuch, World
from coursekit.verdict import CouldNotFinish, ItemResult, NeedsComputer, NotYet, Verdict

SLOWNESS = 4
"""How many times as long as on a computer a check, and each answer, may take."""
LOST_PATIENCE = 2.0
PRINTED = "your code printed more than 1 MB."
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ")
SESSIONS = "it needs two database sessions at the same time, and a browser tab has one."
CALLERS = "callers at the same moment need threads, and a browser tab has one."


class Databases(Protocol):
    """Where databases are made: `tab.postgres`."""

    def create(self, name: str, /) -> object: ...

    def copy(self, name: str, to: str, /) -> object: ...

    def template(self, key: str, make: Callable[[str], None], /) -> str: ...

    def drop(self, name: str, /) -> None: ...

    def url(self, name: str, /) -> str: ...


def verdict(
    exercise: Exercise, order: Order, databases: Databases, *, sessions: int = 1
) -> Verdict:
    """See `runtime.Runtime.judge`. Each database has that many sessions at once."""
    folder = places.state() / "sandboxes" / secrets.token_hex(6)
    look = partial(
        _look, folder=folder, sabotaged=order.sabotaged, databases=databases, sessions=sessions
    )
    try:
        return judge.verdict(exercise, order, look)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _look(
    exercise: Exercise, files: course.Files, touched: Collection[str], *,
    folder: Path, sabotaged: int | None, databases: Databases, sessions: int,
) -> Looked:  # fmt: skip
    """Look at the items one by one."""
    found: dict[int, Found] = {}
    with contextlib.closing(_Boxes(exercise, files, touched, folder, databases)) as boxes:
        for number, item in enumerate(exercise.items):
            if judge.is_enough(found.values()) or boxes.left() < 0:
                break
            if number == sabotaged:
                found[number] = ItemResult(item.title, item.points, item.points)
            elif item.sessions > sessions:
                found[number] = NeedsComputer(SESSIONS)
            else:
                found[number] = judge.examine(item, partial(boxes.take, str(number)), boxes.hurry)
    return judge.sum_up(exercise, found)


class _Boxes:
    """What the sandboxes of one check share: the files, the time, where databases come from."""

    def __init__(
        self, exercise: Exercise, files: course.Files, touched: Collection[str], folder: Path,
        databases: Databases,
    ) -> None:  # fmt: skip
        self.files = files
        self.home = folder / "files"
        self._folder = folder
        self._deadline = time.monotonic() + SLOWNESS * exercise.limit
        self._patience = SLOWNESS * min(ANSWER_SECONDS, exercise.limit / 2)
        self._supply: _Supply | None = None
        if tables.are_wanted(exercise.database, files):
            kind = "empty" if exercise.database == "empty" else ""
            wanted = tables.Wanted(files, kind, touched)
            self._supply = _Supply(wanted, folder.name, databases, self._set_up)
        course.write_files(files, self.home)
        self._stamp = self._look_at_files()
        gc.freeze()  # what items leave is found sooner

    def left(self) -> float:
        return self._deadline - time.monotonic()

    def take(self, name: str, *, has_database: bool = True) -> InnerSandbox:
        """A sandbox in a folder of its own, where boxoffice/ is the shared one."""
        if self._look_at_files() != self._stamp:  # an item wrote to what all share
            shutil.rmtree(self.home)
            course.write_files(self.files, self.home)
            self._stamp = self._look_at_files()
        place = self._folder / name
        place.mkdir()
        (place / "boxoffice").symlink_to(self.home / "boxoffice")
        supply = self._supply if has_database else None
        return InnerSandbox(self, name, place, self._patience, supply)

    def _look_at_files(self) -> list[tuple[str, int, int]]:
        found = []
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                stat = path.stat()
                found.append((str(path), stat.st_mtime_ns, stat.st_size))
        return found

    def _set_up(self, url: str) -> None:
        """Have the learner's Box Office make its tables."""
        with contextlib.closing(self.take("tables", has_database=False)) as box:
            tables.make(box, url)

    def hurry(self) -> None:
        """After an item that did not come to an end: less patience with the others."""
        self._patience = min(self._patience, LOST_PATIENCE)

    def close(self) -> None:
        if self._supply is not None:
            self._supply.close()
        gc.unfreeze()


class _Supply:
    """The databases of one check; see `sandbox.Supply`."""

    def __init__(
        self, wanted: tables.Wanted, mark: str, databases: Databases, make: Callable[[str], None]
    ) -> None:
        self._wanted = wanted
        self._databases = databases
        self._make = make
        self._prefix = f"box_{mark}_"
        self._taken: set[str] = set()
        self._failure: Exception | None = None

    def take(self, name: str) -> str:
        if self._failure is not None:
            raise self._failure
        database = self._prefix + name
        try:
            self._fill(database)
        except (NotYet, CouldNotFinish) as error:
            failed = self._wanted.failed(error) if isinstance(error, NotYet) else error
            self._failure = failed
            raise failed from None
        self._taken.add(name)
        return self._databases.url(database)

    def _fill(self, database: str) -> None:
        if self._wanted.is_empty:
            self._databases.create(database)
        else:
            template = self._databases.template(self._wanted.mark, self._make)
            self._databases.copy(template, database)

    def give_back(self, name: str) -> None:
        """Drop it."""
        if name in self._taken:
            self._taken.remove(name)
            gc.collect()  # connections that the learner's code left open
            self._databases.drop(self._prefix + name)

    def close(self) -> None:
        for name in [*self._taken]:
            self.give_back(name)


class InnerSandbox(Sandbox):
    """See `sandbox.Sandbox`. The API, the calls and each tool have worlds of their own."""

    def __init__(
        self, boxes: _Boxes, name: str, place: Path, patience: float, supply: _Supply | None
    ) -> None:
        super().__init__(name, place, deadline=boxes.left, patience=patience, supply=supply)
        self._boxes = boxes
        self._databases = supply
        self._api: _Api | None = None
        self._worker: World | None = None

    @property
    def code(self) -> Path:
        """The folder of the boxoffice/ that is imported."""
        return self._place if self._is_own else self._boxes.home

    def world(self) -> World:
        """What a process of its own would have."""
        temporary = self._place / "tmp"
        temporary.mkdir(exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        variables = {
            **kept, "HOME": str(self._place), "TMPDIR": str(temporary),
            "PYTHONPATH": str(self._place), "PYTHONDONTWRITEBYTECODE": "1", **self._variables(),
        }  # fmt: skip
        return World(
            self._place, variables, code=self.code, all_variables=True, is_strict=True,
            keeps_bytecode=not self._is_own,
        )  # fmt: skip

    def _copy(self) -> None:
        (self._place / "boxoffice").unlink()
        course.write_files(self._boxes.files, self._place)

    # --- the API

    def _served(self) -> _Api:
        if self._api is None:
            self._api = _Api(self)
        self._api.start()
        return self._api

    def _stop_api(self) -> None:
        self._close_clients()
        if self._api is not None:
            self._api.close()
            self._api = None

    def crash(self) -> list[str]:
        return self._api.crash() if self._api is not None else []

    def _served_unawaited(self) -> list[str]:
        return self._api.unawaited() if self._api is not None else []

    # --- calls

    def _ask(self, **request: object) -> Called:
        self._is_used = True
        if self._worker is None:
            self._worker = self.world()
        told: dict[str, object] = {}
        with self._explained_end(self._worker, self.patience()):
            told = sandbox.answer(json.loads(json.dumps(request)), self.code)
        return Called.of(told)

    @contextlib.contextmanager
    def _explained_end(self, world: World, seconds: float) -> Iterator[None]:
        """Inside of a world; what came to no end that can be judged has a sentence."""
        limit = None
        try:
            with world.entered(seconds) as limit:
                yield
        except (clock.Expired, TooMuch):
            pass
        except SystemExit as leaving:
            raise CouldNotFinish(f"your code ended itself (exit code {_code(leaving)}).") from None
        if world.output.is_full:
            raise CouldNotFinish(PRINTED)
        if limit is not None and limit.is_over:
            raise slow(seconds)

    def run(self, command: str, seconds: float = 60) -> Ran:
        words = shlex.split(command)
        _ = self.files
        world = self.world()
        seconds = min(seconds, max(self._left(), 0.1))
        code, is_over = tools.perform(world, words, seconds)
        if is_over:
            raise slow(seconds)
        if world.output.is_full:
            raise CouldNotFinish(f"{PRINTED} (`{words[0]}`)")
        return Ran(code, world.output.text())

    def race(
        self,
        callers: int | Sequence[Callable[[], httpx.Response]],
        call: Callable[..., httpx.Response] | None = None,
    ) -> Answers:
        count = callers if isinstance(callers, int) else len(callers)
        raise NeedsComputer(f"{count} {CALLERS}")

    def close(self) -> None:
        super().close()
        self._worker = None
        if self._databases is not None:
            self._databases.give_back(self._name)


class _Api:
    """The running API of one sandbox; see `sandbox.Api`."""

    def __init__(self, box: InnerSandbox) -> None:
        self._box = box
        self._world = box.world()
        self._running: asgi.Running | None = None
        self._failure: Exception | None = None
        self._crash: list[str] = []
        self.url = asgi.announce(self)

    def start(self) -> None:
        """Have it answer. Raises NotYet or CouldNotFinish where it does not start."""
        if self._failure is not None:
            raise self._failure
        if self._running is None:
            self._running = asgi.Running(self._world, self._box.code)
            try:
                self._start(self._running)
            except (NotYet, CouldNotFinish) as error:
                self._failure = error
                raise

    def _start(self, running: asgi.Running) -> None:
        seconds = self._box.patience()
        try:
            running.start(seconds)
        except asgi.Failed as failure:
            self.look()
            raise not_started(failure.lines) from None
        except TooMuch:
            raise CouldNotFinish(PRINTED) from None
        except clock.Expired:
            raise slow(seconds) from None

    def ask(self, request: httpx.Request) -> httpx.Response:
        assert self._running is not None
        return self._running.answer(request, self._box.patience())

    answer = ask
    """For programs that make a client of their own."""

    def crash(self, seconds: float = 0) -> list[str]:
        if self._running is not None:
            self._crash = self._running.crash() or self._crash
        return self._crash

    def unawaited(self) -> list[str]:
        return self._running.unawaited if self._running is not None else []

    def look(self) -> None:
        if self._world.output.is_full:
            raise CouldNotFinish(PRINTED)

    @contextlib.contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Say what went wrong, as NotYet or CouldNotFinish, where no answer comes."""
        try:
            yield
        except httpx.TimeoutException:
            raise slow(self._box.patience()) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            self.look()
            no_way_on(self.crash())
            raise NotYet(
                f"a whole answer to {what}", "the connection broke off in the middle"
            ) from None

    def close(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None


def _code(leaving: SystemExit) -> int:
    return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
