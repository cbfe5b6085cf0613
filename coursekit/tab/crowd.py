"""A race in a tab: tasks can be raced as long as no database is, and threads cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from coursekit import crowd, session
from coursekit.errors import CourseError
from coursekit.tab import loop

ON_A_COMPUTER = "Run this lesson on a computer: `make lab` opens it there."


def race(calls: Sequence[Callable[[], object]], in_one_loop: bool) -> list[object]:
    """See `runtime.Runtime.race`."""
    if not in_one_loop:
        raise CourseError(
            f"{len(calls)} callers at the same moment need threads, and a browser tab has one. "
            f"{ON_A_COMPUTER}"
        )
    if not session.current().environment.asleep:
        raise CourseError(
            "Callers that race need a database session each, and a browser tab has one for all. "
            f"{ON_A_COMPUTER}"
        )
    tasks = crowd.Tasks(calls)
    loop.run_inline(tasks.go())
    return tasks.answers
