"""The seam: all that differs between a computer and a browser tab.

Lessons, checks and displays use only this protocol. `computer.py` is the side with processes,
sockets and real servers.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import httpx


@dataclass(frozen=True)
class Environment:
    """The servers that a lesson works with."""

    database_url: str
    redis_url: str
    redis_prefix: str
    postgres: str
    """What answers as PostgreSQL, as in "PostgreSQL 18"."""
    redis: str

    def variables(self) -> dict[str, str]:
        """The same as environment variables for the learner's programs."""
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "REDIS_PREFIX": self.redis_prefix,
        }


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

    def serve(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> Served: ...

    def call(
        self, function: str, arguments: Mapping[str, object], folder: Path, seconds: float = 30
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
        raise NotImplementedError("The browser's side of the seam is not part of this release.")
    from coursekit.computer import Computer

    return Computer()
