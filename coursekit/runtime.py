"""The seam: all that differs between a computer and a browser tab.

Lessons, checks and displays use only this protocol. `computer.py` is the side with processes,
sockets and real servers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import httpx

if TYPE_CHECKING:
    from coursekit.checks import Exercise
    from coursekit.doctor import Finding
    from coursekit.judge import Order
    from coursekit.verdict import Verdict

T = TypeVar("T")


@dataclass(frozen=True)
class Environment:
    """The servers that a lesson works with."""

    database_url: str
    redis_url: str
    redis_prefix: str
    postgres: str
    """What answers as PostgreSQL, as in "PostgreSQL 18"."""
    redis: str
    asleep: bool = False
    """Whether they begin only when a lesson needs them."""

    def __str__(self) -> str:
        """Who answers, for the status line."""
        if self.asleep:
            return "your API answers inside this tab"
        return f"{self.postgres} and {self.redis} answer"

    def variables(self) -> dict[str, str]:
        """The same as environment variables for the learner's programs."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REDIS_PREFIX": self.redis_prefix,
        }


@dataclass(frozen=True)
class Stage:
    """The lesson's database where the lesson begins, and what was found on the way there."""

    tables: tuple[str, ...] = ()
    filled: bool = False
    """Whether there are rows in the tables."""
    laid: bool = False
    """Whether Box Office's own `set_up` made it; else it is empty."""
    shared: bool = False
    """Another kernel works in it, so it stands as it was."""
    kept: str = ""
    """The database that holds what was written before."""
    ended: tuple[str, ...] = ()
    """Sessions that held a transaction open, and were ended."""
    waiting: tuple[str, ...] = ()
    """Those that still hold one open, in a database that is shared."""
    failed: tuple[str, ...] = ()
    """The learner's own lines, where their `set_up` failed; then the course's was used."""

    def with_tables(self, tables: tuple[str, ...], filled: bool) -> Stage:
        return replace(self, tables=tables, filled=filled)


@dataclass(frozen=True)
class Finished:
    """A tool that ran to its end: exit code and what it printed."""

    code: int
    output: str


class Served(Protocol):
    """One application that answers HTTP, and comes back after a change."""

    @property
    def url(self) -> str: ...

    def transport(self) -> httpx.BaseTransport: ...

    def ensure(self) -> None:
        """Have the current files served. Raises AppFailed with the learner's own lines."""

    def touch(self) -> None:
        """Files have changed: look again before the next answer."""

    def recover(self) -> None:
        """Replace an application that no longer answers."""

    def crash(self) -> list[str]:
        """The learner's lines of the latest error that no handler caught, once."""

    def printed(self) -> str:
        """What the application printed since the last call."""

    def close(self) -> None: ...


class Runtime(Protocol):
    """Servers, applications and calls in processes of their own."""

    def prepare(self, name: str, number: int) -> Environment:
        """Have PostgreSQL and Redis answer; a database and a namespace for `name`."""

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin some work beside this one, where that is possible; called, it gives the result."""

    def revived(self) -> str:
        """A sentence, where PostgreSQL was down and runs again now; "" where it was up."""

    def blocked(self, database_url: str, program: str) -> str:
        """Who holds the lock that a program ("api", "run") waits for; "" where it waits for none.

        Without a program: who holds a transaction open and does nothing in it.
        """

    def notes(self) -> list[str]:
        """What was done to have the servers start again, for the learner to know; said once."""

    def set_stage(self, environment: Environment, folder: Path, files: Mapping[str, str]) -> Stage:
        """Bring the lesson's database to where the lesson begins.

        Box Office in `folder` says what is in it; where that fails, the course's own `files` do.
        """

    def foresee(self, lesson: str) -> None:
        """Begin what the first checks of that lesson's exercises would have to wait for."""

    def looks(self) -> Sequence[Callable[[], Finding]]:
        """What `coursekit doctor` looks at."""

    def race(self, calls: Sequence[Callable[[], object]], in_one_loop: bool) -> list[object]:
        """Let callers go at the same moment: what each got, an exception where one was raised.

        They are threads, or (coroutine functions) tasks `in_one_loop`.
        """

    def judge(self, exercise: Exercise, order: Order, **how: bool) -> Verdict:
        """Have the items of an exercise looked at, apart from what this kernel holds.

        `how` is for tests of one runtime.
        """

    def settle(self, seconds: float) -> bool:
        """Wait until earlier verdicts have dropped what they used; False where it takes longer."""

    def leave_stage(self) -> None:
        """This kernel works in no lesson's database any more."""

    def serve(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> Served: ...

    def call(
        self,
        function: str,
        arguments: Mapping[str, object],
        folder: Path,
        seconds: float = 30,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        """Call `module:function(channel, **arguments)` apart from the kernel; its first message."""

    def run(
        self, command: list[str], folder: Path, variables: Mapping[str, str], seconds: float
    ) -> Finished:
        """Run a Python tool in `folder`."""


@cache
def current() -> Runtime:
    """The runtime of this machine."""
    if sys.platform == "emscripten":
        from coursekit.tab.browser import Tab

        return Tab()
    from coursekit.computer import Computer

    return Computer()
