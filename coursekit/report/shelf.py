"""Which part of which lesson to teach again: found from the words of a verdict."""

from __future__ import annotations

import re
from contextlib import suppress

from coursekit import build, checks, course
from coursekit.errors import BuildRefused

LESSON = re.compile(r"lesson (\d+\.\d+)")
STEP = re.compile(r"\bsteps? (\d+)")
QUOTED = re.compile(r"'([^'\n]{4,80})'")
FILE = re.compile(r"[\w/]+\.(?:py|sql|md|json|ya?ml|ini)\b")
NAME = re.compile(r"`(\w+)`")


class Shelf:
    """The lessons with the headings of their sections, and what each section writes."""

    def __init__(self) -> None:
        self._lessons = {lesson.id: lesson for lesson in course.lessons() if lesson.exercises}
        self._headings: dict[str, list[str]] = {}
        self._writes: dict[str, list[tuple[build.Target, str]]] = {}
        self._known: dict[tuple[str, str], str] = {}
        for lesson in self._lessons.values():
            self._read(lesson)

    def _read(self, lesson: course.Lesson) -> None:
        heading, headings, writes = "", [], []
        for cell in course.read_cells(lesson.source):
            text = course.source_of(cell)
            if cell.get("cell_type") == "markdown":
                for found in re.findall(r"^## (.+)$", text, re.M):
                    heading = found.strip()
                    headings.append(heading)
            elif text.lstrip().startswith("%%build"):
                first, _, body = text.lstrip().partition("\n")
                for line, _ in build.blocks(first[len("%%build") :], body):
                    with suppress(BuildRefused):
                        writes.append((build.parse_target(line), heading))
        self._headings[lesson.id], self._writes[lesson.id] = headings, writes

    def lessons(self, assigned: set[str]) -> list[course.Lesson]:
        """Those of the chapters that are assigned; all of them where none is known."""
        known = list(self._lessons.values())
        return [lesson for lesson in known if lesson.chapter in assigned] or known

    def of_exercise(self, exercise: checks.Exercise) -> str:
        """Where the file that the exercise changes was last written, up to its lesson."""
        for answer in exercise.answers:
            target = build.parse_target(answer)
            found = self._writing(target.path, target.name, exercise.lesson)
            if found:
                return found
        return self._named(exercise.lesson, "")

    def of_words(self, where: str, lesson: str) -> str:
        """The place that a verdict sends a learner to; empty where its words name none."""
        key = (where, lesson)
        if key not in self._known:
            self._known[key] = self._find(where, lesson)
        return self._known[key]

    def _find(self, where: str, lesson: str) -> str:
        named = LESSON.search(where)
        if named and named[1] in self._lessons:
            return self._named(named[1], self._heading(where, named[1]))
        file = FILE.search(where)
        if not file:
            return ""
        names: list[str | None] = [*NAME.findall(where), None]
        for name in names:
            if found := self._writing(file[0], name, lesson):
                return found
        return ""

    def _heading(self, where: str, lesson: str) -> str:
        step = STEP.search(where)
        quoted = QUOTED.search(where)
        for heading in self._headings[lesson]:
            if step and re.match(rf"Step {step[1]}\b", heading):
                return heading
            if quoted and quoted[1].casefold() in heading.casefold():
                return heading
        return ""

    def _writing(self, path: str, name: str | None, until: str) -> str:
        found = ""
        for lesson, writes in self._writes.items():
            for target, heading in writes:
                if target.path == path and (name is None or target.name in (name, None)):
                    found = self._named(lesson, heading)
            if lesson == until:
                break
        return found

    def _named(self, lesson: str, heading: str) -> str:
        if lesson not in self._lessons:
            return ""
        return f"Lesson {lesson}, {heading or self._lessons[lesson].title}"
