"""A time limit for code that runs in this very interpreter and may never end.

While a limit holds, Python tells us of each function that begins and each loop that goes round in
code that is no library (`sys.monitoring`; before Python 3.12 a thread does the looking). When the
time is over that code gets an `Expired`, again and again until it is out. A sleep ends with the
limit too. What never comes back to Python, such as a large number to a large power, cannot be
ended so.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import CodeType
from typing import SupportsIndex

TOOL = 4
"""Our number among those who monitor; 0 to 3 and 5 are for debuggers, coverage and profilers."""
NAP = 0.02


class Expired(BaseException):
    """The time is over. No `except Exception` of the learner's catches it."""


@dataclass(eq=False)
class Limit:
    """A limit that holds; `is_over` when it was reached.

    Without an `__eq__`: the one that is generated counts as the learner's code, and to take a
    limit off the list would end with it.
    """

    deadline: float
    is_over: bool = False

    def left(self) -> float:
        return self.deadline - monotonic()

    def look(self) -> bool:
        """Whether the time is over."""
        self.is_over = self.is_over or self.left() < 0
        return self.is_over


_limits: list[Limit] = []
_nearest = float("inf")


def _set_nearest() -> None:
    global _nearest
    _nearest = min((each.deadline for each in _limits), default=float("inf"))


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[Limit]:
    """Raise Expired in code of the learner's that still runs after `seconds`.

    Limits may be nested; the nearest one counts.
    """
    mine = Limit(monotonic() + max(0.0, seconds))
    _limits.append(mine)
    _set_nearest()
    before = time.sleep
    time.sleep = sleep
    try:
        with _watching():
            yield mine
    finally:
        time.sleep = before
        _limits.remove(mine)
        _set_nearest()


def look() -> None:
    """Raise Expired where the time is over."""
    if monotonic() > _nearest and sum(each.look() for each in _limits):
        raise Expired


# Pyodide's own lets other loops in, where the browser can; ours would wait for them for ever.
_plain_sleep: Callable[[float], None] = getattr(time.sleep, "__wrapped__", time.sleep)


def sleep(seconds: SupportsIndex | float) -> None:
    """`time.sleep`, and not beyond the limit."""
    seconds = float(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    nearest = min((each.left() for each in _limits), default=seconds)
    if nearest < seconds:
        _plain_sleep(max(0.0, nearest) + 0.001)
        look()
    _plain_sleep(seconds)


# --- being told -------------------------------------------------------------------------------


def _libraries() -> tuple[str, ...]:
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths.add(str(Path(__file__).parent.parent))
    zipped = f"python{sys.version_info[0]}{sys.version_info[1]}.zip"
    paths |= {path for path in sys.path if path.endswith(zipped)}
    # Pyodide writes its own with two slashes at the front
    return tuple(sorted(f"/{path.strip('/')}/" for path in paths if path))


LIBRARIES = _libraries()
NO_FILES = ("<frozen", "<ipython", "<attrs", "<sqlalchemy")
"""What has no file of its own, and is none of the learner's programs: also cells of a notebook."""


def is_library(path: str) -> bool:
    """Whether a file (or what stands in a code object for one) is none of the learner's."""
    return path.startswith(LIBRARIES) or path.startswith(NO_FILES) or "/ipykernel_" in path


if sys.version_info >= (3, 12):

    def _started(code: CodeType, _offset: int) -> object:
        if is_library(code.co_filename):
            return sys.monitoring.DISABLE
        events = sys.monitoring.events
        if not sys.monitoring.get_local_events(TOOL, code):
            sys.monitoring.set_local_events(TOOL, code, events.JUMP | events.PY_START)
        look()
        return None

    def _jumped(_code: CodeType, _from: int, _to: int) -> object:
        if monotonic() > _nearest:
            look()
        return None

    def _monitor() -> None:
        events = sys.monitoring.events
        sys.monitoring.use_tool_id(TOOL, "coursekit")
        sys.monitoring.register_callback(TOOL, events.PY_START, _started)
        sys.monitoring.register_callback(TOOL, events.JUMP, _jumped)
        # For good: each change of what is monitored has all code of the process prepared anew.
        sys.monitoring.set_events(TOOL, events.PY_START)
        atexit.register(_unhook)  # what is called later finds this module empty

    def _unhook() -> None:
        for event in (sys.monitoring.events.PY_START, sys.monitoring.events.JUMP):
            sys.monitoring.register_callback(TOOL, event, None)

    @contextlib.contextmanager
    def _watching() -> Iterator[None]:
        if sys.monitoring.get_tool(TOOL) is None:
            _monitor()
        yield

else:

    @contextlib.contextmanager
    def _watching() -> Iterator[None]:
        """A thread that looks at the clock, and throws into this one."""
        import ctypes
        import threading

        over, here = threading.Event(), ctypes.c_ulong(threading.get_ident())
        throw = ctypes.pythonapi.PyThreadState_SetAsyncExc

        def watch() -> None:
            while not over.wait(NAP):
                if any(each.look() for each in _limits) and not over.is_set():
                    throw(here, ctypes.py_object(Expired))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield
        finally:
            over.set()
            throw(here, None)
            watcher.join()
            throw(here, None)
