"""Servers of official grading's own: no learner's or lead's, and in memory where that has room.

They are there from the first submission that a process grades until that process ends, or until
nothing was graded for a while. Where `COURSEKIT_STATE` names a folder, its servers are used.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil

from coursekit import judge, places, services, warm
from coursekit.errors import CourseError

PREFIX = "boxoffice-grading-"
IDLE_SECONDS = 60
STATE, IDLE = "COURSEKIT_STATE", "COURSEKIT_IDLE_SECONDS"


_entering = threading.Lock()
_inside = 0
_before: dict[str, str | None] = {}


@contextlib.contextmanager
def own() -> Iterator[None]:
    """Meanwhile all that this process starts or asks is of its own quarters. For any thread.

    Not longer: a Jupyter server that grades by nbgrader's formgrader goes on with the lead's.
    """
    global _inside
    with _entering:
        if not _inside and os.environ.get(STATE):
            is_named = True
        else:
            is_named = False
            if not _inside:
                _before.update({name: os.environ.get(name) for name in (STATE, IDLE)})
                os.environ[STATE] = str(_folder())
                os.environ.setdefault(IDLE, str(IDLE_SECONDS))
                _open()
            _inside += 1
    try:
        yield
    finally:
        if not is_named:
            with _entering:
                _inside -= 1
                if not _inside:
                    _go_back()


def _go_back() -> None:
    for name, value in _before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@functools.cache
def _folder() -> Path:
    room = places.passing()
    tidy(room)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=room))
    folder.chmod(0o711)  # PostgreSQL passes through as another user
    atexit.register(_leave, folder)
    ends = places.state() / judge.ENDS  # the course as of each lesson is the same for all
    ends.mkdir(exist_ok=True)
    (folder / judge.ENDS).symlink_to(ends)
    return folder


@functools.cache
def _open() -> None:
    """Have what the first check would wait for start now, side by side."""
    with contextlib.suppress(CourseError, OSError):
        warm.ensure()
        if not services.given_url("DATABASE_URL"):
            services._start("postgres")


def _leave(folder: Path) -> None:
    os.environ[STATE] = str(folder)
    with contextlib.suppress(KeyError, psutil.Error):  # nobody will read its data again
        services.processes()["postgres"].send_signal(signal.SIGQUIT)
    warm.stop()
    services.stop()
    shutil.rmtree(folder, ignore_errors=True)


def tidy(room: Path) -> None:
    """Remove the folders of processes that were killed, once their servers stopped."""
    for folder in room.glob(f"{PREFIX}*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdecimal() and not psutil.pid_exists(int(owner)) and not _is_used(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_used(folder: Path) -> bool:
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(str(folder) in word for word in process.cmdline()):
                return True
    return False
