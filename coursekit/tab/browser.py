"""The browser tab's side of the seam: one interpreter, no processes, no sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from coursekit import course, display, places, session
from coursekit.errors import CourseError
from coursekit.runtime import Environment, Finished, Stage
from coursekit.tab import mirror, postgres

if TYPE_CHECKING:
    from coursekit.checks import Exercise
    from coursekit.doctor import Finding
    from coursekit.judge import Order
    from coursekit.tab.asgi import Application
    from coursekit.verdict import Verdict

T = TypeVar("T")

FIRST_WITH_DATABASE = 2
"""The chapter from which on a lesson has PostgreSQL loaded."""


class Tab:
    """See `runtime.Runtime`."""

    def __init__(self) -> None:
        from coursekit.tab import asgi, startup, stored

        assert startup  # also where the kernel was not told to run it
        asgi.route()
        stored.install()
        self._notes = _keep_files()

    def prepare(self, name: str, number: int) -> Environment:
        is_needed = int(name.split("_")[0]) >= FIRST_WITH_DATABASE
        database = f"boxoffice_{name}"
        if is_needed:
            postgres.create(database)
        return Environment(
            database_url=postgres.url(database),
            redis_url=f"redis://fakeredis/{number % 16}",
            redis_prefix=f"boxoffice:{name}:",
            postgres=postgres.version() if is_needed else "PostgreSQL",
            redis="fakeredis",
            asleep=not is_needed,
        )

    def begin(self, work: Callable[[], T]) -> Callable[[], T]:
        result = work()
        return lambda: result

    def revived(self) -> str:
        return ""

    def blocked(self, database_url: str, program: str) -> str:
        return ""  # no session waits for another: there is one

    def notes(self) -> list[str]:
        said, self._notes = self._notes, []
        return said

    def set_stage(self, environment: Environment, folder: Path, files: Mapping[str, str]) -> Stage:
        from coursekit.tab import stage

        def run(folder: Path, url: str) -> list[str]:
            variables = {**environment.variables(), "DATABASE_URL": url}
            said = self.call("coursekit.tables:set_up", {"url": url}, folder, 60, variables)
            lines = said.get("lines", [])
            return [str(line) for line in lines] if isinstance(lines, list) else []

        name = postgres.named(environment.database_url)
        return stage.prepare(name, folder, dict(files), run)

    def foresee(self, lesson: str) -> None: ...

    def looks(self) -> Sequence[Callable[[], Finding]]:
        from coursekit.tab import doctor

        return doctor.LOOKS

    def race(self, calls: Sequence[Callable[[], object]], in_one_loop: bool) -> list[object]:
        from coursekit.tab import crowd

        return crowd.race(calls, in_one_loop)

    def judge(self, exercise: Exercise, order: Order, **how: bool) -> Verdict:
        from coursekit.tab import sandbox

        return sandbox.verdict(exercise, order, postgres)

    def settle(self, seconds: float) -> bool:
        return True

    def leave_stage(self) -> None: ...

    def serve(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> Application:
        from coursekit.tab import asgi

        return asgi.Application(folder, {**variables, "PGAPPNAME": "api"}, scratch)

    def call(
        self,
        function: str,
        arguments: Mapping[str, object],
        folder: Path,
        seconds: float = 30,
        variables: Mapping[str, str] | None = None,
    ) -> dict[str, object]:
        from coursekit.tab import tools

        return tools.call(function, arguments, folder, seconds, variables)

    def run(
        self, command: list[str], folder: Path, variables: Mapping[str, str], seconds: float
    ) -> Finished:
        from coursekit.tab import tools

        return tools.run(command, folder, {**variables, "PGAPPNAME": "run"}, seconds)


NOT_KEPT = (
    "this browser lets the page keep no files, so what you write is gone when you close or "
    "reload it. A private window does that, and so do strict settings for cookies"
)


def _keep_files() -> list[str]:
    """Have what the learner writes kept on the page's drive; a note where that is not possible."""
    from IPython import get_ipython

    shell = get_ipython()
    if not mirror.DRIVE.is_dir():
        return [NOT_KEPT]
    copy = mirror.Mirror(places.workspace(), mirror.DRIVE / mirror.FOLDER, _is_ours)
    try:
        copy.load()
    except OSError:
        return [NOT_KEPT]
    if shell is not None:
        shell.events.register("post_run_cell", lambda _: _soon(lambda: _push(copy)))
        # IPython says nothing after a cell with `await`: what that wrote is kept before the next.
        shell.events.register("pre_run_cell", lambda _: _push(copy))
        shell.events.register("pre_run_cell", lambda _: copy.pull())
    return []


def _soon(do: Callable[[], None]) -> None:
    """When the cell is through: each file takes some eight requests to the page's drive."""
    try:
        asyncio.get_running_loop().call_soon(do)
    except RuntimeError:
        do()


def _push(copy: mirror.Mirror) -> None:
    try:
        copy.push()
    except OSError as error:
        words = (
            f"What you wrote could not be kept for a reload ({error.strerror}). Is the browser's "
            "storage full? It is tried again after the next cell."
        )
        display.show(display.card("!", words, "brass"))


def _is_ours(path: str, text: str) -> bool:
    """Whether the course wrote this: first by what stood when the lesson began, which is quick."""
    with suppress(CourseError):
        lesson = session.current().lesson
        if course.files_at(lesson.id).get(path) == text:
            return True
    return course.is_ours(path, text)
