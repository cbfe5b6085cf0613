"""The side of the seam that needs no processes, on a computer: its own servers, in process code."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Mapping
from pathlib import Path

from coursekit import services, stage
from coursekit.checks import Exercise
from coursekit.computer import Computer
from coursekit.judge import Order
from coursekit.runtime import Finished
from coursekit.tab import asgi, clock, loop, sandbox, tools
from coursekit.verdict import Verdict

NAP = 0.02


class Selector(selectors.DefaultSelector):
    """Waits no longer than the clock lets it."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        clock.look()
        return super().select(min(NAP, timeout if timeout is not None else NAP))


class Loop(loop.Inline, asyncio.SelectorEventLoop):
    """A loop that may run inside another one, and speaks with the real servers."""

    def __init__(self) -> None:
        super().__init__(Selector())


class Inside(Computer):
    """As in a tab; but PostgreSQL and Redis are those of the computer."""

    def __init__(self) -> None:
        super().__init__()
        for thread in threading.enumerate():
            if thread.name == stage.TIDYING:  # it would meet the variables of a sandbox
                thread.join()
        loop.install(Loop)
        asgi.route()

    def serve(  # type: ignore[override]
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> asgi.Application:
        return asgi.Application(folder, variables, scratch)

    def call(
        self,
        function: str,
        arguments: Mapping[str, object],
        folder: Path,
        seconds: float = 30,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        return tools.call(function, arguments, folder, seconds, variables)

    def run(
        self, command: list[str], folder: Path, variables: Mapping[str, str], seconds: float
    ) -> Finished:
        return tools.run(command, folder, variables, seconds)

    def judge(self, exercise: Exercise, order: Order, **how: bool) -> Verdict:
        return sandbox.verdict(exercise, order, Databases(), sessions=100)


class Databases:
    """See `sandbox.Databases`."""

    create = staticmethod(services.database)
    copy = staticmethod(services.copy)
    template = staticmethod(services.template)
    drop = staticmethod(services.drop)
    url = staticmethod(services.postgres_url)
