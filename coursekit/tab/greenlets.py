"""A stand-in for `greenlet`, which has no build for the tab.

SQLAlchemy's asyncio layer runs its own code, which is not async, in a greenlet, and leaves it
where the driver has to wait. Here the driver never waits (see `postgres`), so the code runs to
its end in one go. It is left once only, before it begins: to wait for its turn with PostgreSQL.
SQLAlchemy itself stays as it is.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, NoReturn

_here: contextvars.ContextVar[greenlet | None] = contextvars.ContextVar("greenlet", default=None)


class greenlet:
    """What SQLAlchemy asks of a greenlet: `switch`, `throw`, `dead`, `parent`."""

    def __init__(
        self, run: Callable[..., Any] | None = None, parent: greenlet | None = None
    ) -> None:
        self.dead = False
        self.parent = _root if parent is None else parent
        self._run = run
        self._call: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def switch(self, *arguments: Any, **named: Any) -> Any:
        """Go on here: the first time with the arguments of the call, then with what was awaited."""
        if self._run is None:  # from the code inside, to have something awaited
            return _finished(arguments[0])
        if self._call is None:
            self._call = arguments, named
            return _turn()
        token = _here.set(self)
        try:
            return self._run(*self._call[0], **self._call[1])
        finally:
            self.dead = True
            _here.reset(token)

    def throw(self, *error: Any) -> NoReturn:
        """The wait for the turn was cancelled, or took too long."""
        self.dead = True
        raise error[1] if len(error) > 1 and error[1] is not None else error[0]


_root: greenlet | None = None
_root = greenlet()


def getcurrent() -> greenlet | None:
    """The greenlet that runs now."""
    return _here.get() or _root


async def _turn() -> None:
    from coursekit.tab import postgres

    await postgres.turn()


def _finished(awaitable: Awaitable[Any]) -> Any:
    """What an awaitable gives that never really waits."""
    steps = awaitable.__await__()
    while True:
        try:
            waits_for = next(steps)
        except StopIteration as end:
            return end.value
        if waits_for is not None:
            steps.close()
            raise RuntimeError(
                "In a browser tab SQLAlchemy cannot wait here for something other than PostgreSQL."
            )


def install() -> None:
    """Be the module `greenlet`, where there is none."""
    module = ModuleType("greenlet", __doc__)
    module.__dict__.update(
        greenlet=greenlet, getcurrent=getcurrent, GreenletExit=SystemExit, __version__="3.0"
    )
    sys.modules.setdefault("greenlet", module)
