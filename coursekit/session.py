"""The lesson that this kernel is in: what `start` sets up and the other names use."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import coursekit
from coursekit import build, course, display, imports, places, runtime, workspace
from coursekit.errors import BuildRefused, CourseError, WorkspaceProblem, interruptible

ANSWERS = "answers.json"
FIRST_WITH_TABLES = 2
"""The chapter from which on `start` sets the database too."""


@dataclass
class Session:
    """One kernel in one lesson, or in its exercises."""

    lesson: course.Lesson
    exercises: bool
    home: Path
    """The workspace's root, where progress is kept."""
    workspace: workspace.Workspace
    environment: runtime.Environment
    name: str = ""
    """What the database and the Redis namespace are called after, and the namespace's number."""
    number: int = 0
    stage: runtime.Stage = field(default_factory=runtime.Stage)
    served: dict[str, runtime.Served] = field(default_factory=dict)

    refused: set[str] = field(default_factory=set)
    """Targets whose cell, as it was run last, was refused."""

    @property
    def variables(self) -> dict[str, str]:
        return self.environment.variables()

    def serve(self, scratch: str | None = None) -> runtime.Served:
        """The running application: Box Office, or that of one scratch file."""
        name = scratch or ""
        if name not in self.served:
            path = None
            if scratch:
                target = build.parse_target(scratch)
                if not target.is_scratch:
                    raise CourseError('client("scratch/name.py") serves files of scratch/ alone.')
                path = self.workspace.place(target)
            self.served[name] = runtime.current().serve(
                self.workspace.backend, self.variables, path
            )
        return self.served[name]

    def touch(self) -> None:
        """Files have changed: the applications look again before they answer."""
        for served in self.served.values():
            served.touch()

    @property
    def _answers(self) -> Path:
        return self.workspace.root / ANSWERS

    def answers(self) -> dict[str, str]:
        """Target → code of the exercise cells that were run in this lesson, the latest last."""
        return read_answers(self.workspace)

    def record_answer(self, target: str, body: str) -> None:
        with workspace.locked(self.workspace.root, ".answers.lock"):
            answers = self.answers()
            answers.pop(target, None)
            answers[target] = body  # the latest comes last, as it does in the files
            text = json.dumps(answers, indent=1, ensure_ascii=False)
            workspace.replace(self._answers, text)

    def lend_given(self, target: build.Target, text: str, body: str) -> tuple[str, list[str]]:
        """A file's text with the imports that the given cells have for a target, where `body`
        uses a name that nothing in the file binds; and these names."""
        if not target.name:
            return text, []
        return imports.lend(text, given(self.lesson).get(str(target), []), body)

    def complete(self, target: build.Target, text: str, body: str) -> str:
        """A cell with the imports of its file that it uses and that only earlier cells had: so
        the check and the next `start` come to what the server has."""
        if not target.name:
            return body
        files = course.files_after(self.lesson.id)
        known = with_answers(files, {str(target): body}, given(self.lesson)).get(target.path, "")
        return imports.lend(body, [text], body, known)[0]

    def heal(self) -> None:
        """Have PostgreSQL and Redis answer again, after one of them died."""
        runtime.current().prepare(self.name, self.number)
        for note in runtime.current().notes():
            display.show(display.card("!", note, "brass"))

    @property
    def notebook(self) -> Path:
        """The notebook that this kernel belongs to, as far as we know."""
        if not self.exercises:
            return self.lesson.path
        root = places.checkout()
        return root / "exercises" / self.lesson.path.relative_to(root / "notebooks")

    def close(self) -> None:
        for served in self.served.values():
            served.close()
        self.served.clear()


_session: Session | None = None


def current() -> Session:
    """The session of this kernel. Raises CourseError where `start` has not run."""
    if _session is None:
        raise CourseError(
            'No lesson is running in this kernel. Run the first code cell, `start("…")`, '
            "then this one again."
        )
    return _session


def is_running() -> bool:
    """Whether a lesson has been started in this kernel."""
    return _session is not None


def unknown_name(name: str) -> str:
    """What to run, where the learner's cell uses a name that another cell makes; "" for others."""
    if name in coursekit.__all__:
        return (
            f"`{name}` is not known in this kernel yet. Run the first code cell of the notebook, "
            "which imports it, then this one again."
        )
    if _session is None:
        return ""
    with contextlib.suppress(CourseError):
        if first := course.maker_of(_session.notebook, name):
            return (
                f"`{name}` is not known in this kernel yet. Another cell of the notebook makes it, "
                f"at its line `{first}`. Run that cell, then this one again."
            )
    return ""


def start(lesson_id: str = "", *, fresh: bool = False, exercises: bool = False) -> display.Shown:
    """Set a lesson up: the files, PostgreSQL, Redis, a database of its own.

    What earlier lessons wrote is put back where it is missing; the learner's own files stay as
    they are. `fresh=True` begins from the course's own state and first sets the learner's files
    aside. `exercises=True` opens the sandbox of the lesson's exercises.

    Returns the status line. Raises UnknownName, ServiceDown or WorkspaceProblem.
    """
    if not lesson_id:
        raise CourseError('Which lesson? As in start("1.1").')
    if not isinstance(lesson_id, str):
        raise CourseError(f'A lesson\'s number is text: start("{lesson_id}").')
    with interruptible(), display.waiting("Starting PostgreSQL and Redis"):
        return display.spoken(_start(lesson_id, fresh, exercises))


def _start(lesson_id: str, fresh: bool, exercises: bool) -> display.Shown:
    global _session
    lesson = course.find(lesson_id)
    home = places.workspace(lesson.id)
    root = home / "exercises" / lesson.id if exercises else home
    space = workspace.Workspace(root)
    name = lesson.id.replace(".", "_") + ("_exercises" if exercises else "")
    number = [known.id for known in course.lessons()].index(lesson.id) * 2 + exercises
    servers = runtime.current().begin(lambda: runtime.current().prepare(name, number))
    try:
        put_back = _put_back(lesson, space, exercises, fresh)
    finally:
        environment = servers()
    stage = _set_stage(lesson, space, exercises, environment)
    now = Session(lesson, exercises, home, space, environment, name, number, stage)
    before, _session = _session, now
    if before is not None and (before.workspace, before.environment) == (space, environment):
        _session.served = before.served  # the same lesson again: its clients stay good
        _session.touch()
    elif before is not None:
        before.close()
    os.environ.update(environment.variables(), PGAPPNAME=f"notebook {os.getpid()}")
    return _status(_session, *put_back)


def _set_stage(
    lesson: course.Lesson,
    space: workspace.Workspace,
    exercises: bool,
    environment: runtime.Environment,
) -> runtime.Stage:
    """The lesson's database, from the chapter on that is about it."""
    if int(lesson.id.split(".")[0]) < FIRST_WITH_TABLES:
        runtime.current().leave_stage()
        return runtime.Stage()
    files = course.files_after(lesson.id) if exercises else course.files_at(lesson.id)
    stage = runtime.current().set_stage(environment, space.backend, files)
    if exercises:
        runtime.current().foresee(lesson.id)
    return stage


def _put_back(
    lesson: course.Lesson, space: workspace.Workspace, exercises: bool, fresh: bool
) -> tuple[workspace.Restored, Path | None]:
    """Bring the files to where the lesson begins."""
    aside = space.archive() if fresh else None
    files = course.files_after(lesson.id) if exercises else course.files_at(lesson.id)
    try:
        space.backend.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceProblem(
            f"Your workspace {space.root} cannot be made ({error.strerror}). Set "
            "COURSEKIT_WORKSPACE to a folder you may write to."
        ) from None
    if fresh and exercises:
        answers = space.root / ANSWERS
        if answers.exists():
            space.keep(answers)
            answers.unlink()
    if exercises:
        files = with_answers(files, read_answers(space), given(lesson))
        return space.restore(files, lambda *_: True), aside
    return space.restore(files, course.is_ours, course.is_of_our_cells), aside


def read_answers(space: workspace.Workspace) -> dict[str, str]:
    """Target → code of the exercise cells that were run; says so where the file was damaged."""
    data, aside = workspace.read_json(space.root / ANSWERS)
    if aside:
        display.show(
            display.card(
                "!",
                f"Your kept answers could not be read. They were set aside as {aside.name}; "
                "run your answer cells again.",
                "brass",
            )
        )
    return {str(target): str(body) for target, body in data.items()}


def given(lesson: course.Lesson) -> dict[str, list[str]]:
    """Target → the cells that the lesson's exercises have for it, as they are handed out."""
    found: dict[str, list[str]] = {}
    with contextlib.suppress(CourseError):
        for cell in course.handed_out(lesson):
            found.setdefault(str(cell.target), []).append(cell.body)
    return found


def with_answers(
    files: course.Files, answers: Mapping[str, str], handed_out: Mapping[str, list[str]]
) -> course.Files:
    """The files with the cells that a learner ran in the exercises, as far as they fit.

    As in a check, an answer comes on top of what was `handed_out` for its target.
    """
    files = dict(files)
    for name, answer in answers.items():
        for body in (*handed_out.get(name, []), answer):
            with contextlib.suppress(BuildRefused):
                target = build.parse_target(name)
                if not target.is_scratch and not target.source:
                    files[target.path] = build.apply(files.get(target.path), target, body)
    return files


def _status(session: Session, restored: workspace.Restored, aside: Path | None) -> display.Shown:
    kind = "exercises of lesson" if session.exercises else "lesson"
    stand = session.workspace.count()
    files = (
        f"{stand} file{'' if stand == 1 else 's'} of Box Office stand{'s' if stand == 1 else ''}"
    )
    ready = "are ready" if session.exercises else "is ready"
    files = files if stand else "no file yet"
    line = f"{kind} {session.lesson.id} {ready} · {session.environment} · {files}"
    if tables := _tables(session):
        line += f" · {tables}"
    parts = _found(session)
    if restored.removed or restored.changed:
        begins = (
            "where the exercises begin, with your answers in"
            if session.exercises
            else ("where the lesson begins: run its cells from the top to where you were")
        )
        parts.append(("set back", f"the files stand {begins}"))
    if aside:
        parts.append(("set aside", f"your files, in {aside.relative_to(session.home)}"))
    if lost := course.left_out(session.lesson.id):
        parts.append(("left out", f"{lost[0]}: it is not Python any more. Undo the change there."))
    if restored.kept:
        parts.append(("yours, kept", ", ".join(restored.kept)))
        flag = ", exercises=True" if session.exercises else ""
        parts.append(
            (
                "to begin anew",
                f'`start("{session.lesson.id}"{flag}, fresh=True)` takes the course\'s files '
                "and keeps a copy of yours",
            )
        )
    return display.card("✓", line[0].upper() + line[1:], "pass", parts=parts)


def _tables(session: Session) -> str:
    """What is in the database, in the lessons that are about it."""
    stage = session.stage
    if int(session.lesson.id.split(".")[0]) < FIRST_WITH_TABLES:
        return ""
    if not stage.tables:
        return "an empty database"
    count = len(stage.tables)
    tables = f"{count} {'table' if count == 1 else 'tables'}"
    return f"{tables} with the sample season" if stage.laid and stage.filled else tables


def _found(session: Session) -> list[tuple[str, str]]:
    """What a learner should know of the database as it was found, and as it is now."""
    stage = session.stage
    parts = [("mended", note) for note in runtime.current().notes()]
    parts += [("ended", f"{who}: what it had not committed is undone") for who in stage.ended]
    if stage.kept:
        parts.append(
            (
                "database",
                "set back to where the lesson begins; what you wrote to it before is kept: "
                f'`sql("…", database="{stage.kept}")`',
            )
        )
    if stage.shared:
        parts.append(
            (
                "shared",
                "another notebook has this lesson open, so the database stays as it is, for both "
                "of you. To begin anew: shut that kernel down, then run this cell again",
            )
        )
    parts += [
        ("waiting", f"{who}. What it changed is locked until it commits or rolls back")
        for who in stage.waiting
    ]
    if stage.failed:
        parts.append(("your set_up", "failed, so the tables are the course's own:"))
        parts += [("", line) for line in stage.failed]
    return parts
