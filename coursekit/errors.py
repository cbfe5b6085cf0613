"""Errors that speak to a learner: one sentence each, and no traceback of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class CourseError(Exception):
    """Something the learner can act on. The message says what happened and what to do next."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the sentence alone (IPython's own protocol for exceptions)."""
        return [f"✗ {self}"]


class UnknownName(CourseError):
    """A lesson, check or hint that does not exist; names the nearest one."""


class BuildRefused(CourseError):
    """A `%%build` cell that was not written; the old file stays."""


class ServiceDown(CourseError):
    """PostgreSQL, Redis or the warm parent cannot be reached or started."""


class AppFailed(CourseError):
    """The learner's API did not start or did not answer."""


class WorkspaceProblem(CourseError):
    """The learner's folder cannot be read or written."""


class Interrupted(CourseError):
    """The learner pressed Interrupt while the course was at work."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Jupyter's Interrupt ends the work inside with one sentence."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("Interrupted. Nothing is lost: run the cell again.") from None
