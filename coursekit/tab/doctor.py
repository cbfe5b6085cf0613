"""What `coursekit doctor` looks at in a tab."""

from __future__ import annotations

import platform
from collections.abc import Callable

from coursekit.doctor import Finding, look_at_lessons
from coursekit.tab import mirror


def look_at_python() -> Finding:
    return Finding(True, f"Python {platform.python_version()} runs in this tab")


def look_at_files() -> Finding:
    if not mirror.DRIVE.is_dir():
        return Finding(
            False,
            "what you write is gone when you close or reload this page",
            "Leave the private window, or let this site keep its data (cookies) in the browser",
        )
    return Finding(True, "what you write is kept in this browser")


def look_at_waiting() -> Finding:
    from pyodide.ffi import can_run_sync

    if not can_run_sync():
        return Finding(
            False,
            "this browser cannot wait inside a cell, as PostgreSQL needs it",
            "Open the lesson in a current Chrome, Edge or Firefox",
        )
    return Finding(True, "PostgreSQL can run here; the first lesson that uses it loads it")


LOOKS: tuple[Callable[[], Finding], ...] = (
    look_at_python, look_at_files, look_at_waiting, look_at_lessons,
)  # fmt: skip
