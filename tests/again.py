"""A chapter's lessons backwards in one workspace, the last twice: `python tests/again.py CHAPTER`.

The workspace is that of COURSEKIT_WORKSPACE. What a later lesson has built stands when an earlier
one runs: the learner's own files win. Each lesson's own checks must pass all the same.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from nbformat import NotebookNode

from coursekit import course, logbook, places
from coursekit.course import Lesson
from coursekit.errors import CourseError
from coursekit.publish import publish


def failures(cells: list[NotebookNode]) -> Iterator[str]:
    """What cells show that no cell of a lesson may show: an error that nothing expects, a ✗."""
    for cell in cells:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/plain", output.get("text", "")))
            if output["output_type"] == "error" or text.startswith("✗"):
                yield text or "\n".join(output.get("traceback", []))


def run(lesson: Lesson) -> list[str]:
    """Run a lesson where the learner's files are; what failed in it."""
    try:
        return [*failures(publish(lesson.path, store=False, isolate=False))]
    except CourseError as error:
        return [str(error)]


def main(chapter: str) -> int:
    lessons = [one for one in course.lessons() if one.chapter == chapter]
    failed = []
    for lesson in reversed([*lessons, *lessons[-1:]]):
        begun = time.monotonic()
        found = run(lesson)
        failed += [f"{lesson.id}: {words}" for words in found]
        sign = "✗" if found else "✓"
        print(f"{sign} {lesson.id} again, {time.monotonic() - begun:.0f} s", flush=True)
    progress, note = logbook.load(places.workspace())
    failed += [note] if note else []
    for lesson in lessons:
        passed = progress.passed_checks(lesson)
        if passed != len(lesson.checks):
            failed.append(f"{lesson.id}: {passed} of {len(lesson.checks)} checks have passed")
    print("\n".join(failed), end="\n" if failed else "")
    return 1 if failed or not lessons else 0


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
