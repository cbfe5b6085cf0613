"""`coursekit grade`: verdicts on submitted notebooks, which are read and never run."""

from __future__ import annotations

import contextlib
import glob
import io
import json
import re
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from coursekit import build, checks, course, jail, judge
from coursekit.errors import BuildRefused, CourseError
from coursekit.verdict import SIGNS, Outcome, Verdict

LARGEST = 100 << 20
STRANGE = 3
"""Checks of names that nobody knows: so many are told of."""
AT_ONCE = 3
"""Exercises that are looked at side by side."""
LONGEST = 200_000
"""Characters of one cell with code."""
MOST = 1000
"""Cells with code."""
CHECK = re.compile(r"^[ \t]*check\(\s*[\"']([^\"'\n]+)[\"']\s*\)", re.M)


@dataclass(frozen=True)
class Graded:
    """One notebook: its verdicts, or the `problem` why there are none."""

    file: str
    verdicts: tuple[Verdict, ...] = ()
    problem: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether every exercise in it could be graded."""
        return not self.problem and all(
            verdict.outcome is not Outcome.COULD_NOT_BE_GRADED for verdict in self.verdicts
        )

    @property
    def earned(self) -> float:
        return sum(verdict.earned for verdict in self.verdicts)

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)

    def to_json(self) -> dict[str, Any]:
        return {
            "file": self.file,
            "problem": self.problem,
            "earned": self.earned,
            "points": self.points,
            "exercises": [verdict.to_json() for verdict in self.verdicts],
        }


def grade_notebook(path: Path) -> Graded:
    """The verdicts on one notebook. Never raises for what is in it."""
    return Row().grade(path)


class Row:
    """Notebooks one after the other: the next one is begun while the one before is looked at."""

    def __init__(
        self, within: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
    ) -> None:
        """All that is looked at is looked at `within` such a context."""
        self._within = within
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._begun: dict[Path, Callable[[], Graded]] = {}

    def grade(self, path: Path, following: Path | None = None) -> Graded:
        """The verdicts on one notebook; `following` is the one that is asked for next."""
        begun = self._begun.pop(path, None) or self._begin(path)
        self._begun.clear()  # whoever was expected did not come
        if following is not None:
            self._begun[following] = self._begin(following)
        return begun()

    def _begin(self, path: Path) -> Callable[[], Graded]:
        with self._within():
            try:
                cells = read(path)
                names = exercises_in(cells, path.name)
                if not names:
                    raise CourseError(f"{path.name} holds no exercise of this course.")
                bodies = bodies_in(cells)
            except FileNotFoundError:
                return lambda: Graded(str(path), problem="there is no such file.")
            except (CourseError, OSError, RecursionError) as error:
                problem = str(error)
                return lambda: Graded(str(path), problem=problem)
            asked = [self._pool.submit(self._ask, _prepare(name, bodies)) for name in names]
        return lambda: Graded(str(path), tuple(each.result() for each in asked))

    def _ask(self, ask: Callable[[], Verdict]) -> Verdict:
        with self._within():
            return ask()


def read(path: Path) -> list[dict[str, object]]:
    """The cells of a submitted notebook. Raises CourseError where it is not a file to be read."""
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):  # a link may lead to what is not the learner's
        raise CourseError(f"{path.name} is no file of its own.")
    if about.st_size > LARGEST:
        raise CourseError(f"{path.name} is larger than {LARGEST >> 20} MB.")
    cells = course.read_cells(path)
    code = [course.source_of(cell) for cell in cells if cell.get("cell_type") == "code"]
    if len(code) > MOST:
        raise CourseError(f"{path.name} holds more than {MOST} cells with code.")
    if max(map(len, code), default=0) > LONGEST:
        raise CourseError(f"{path.name} holds a cell of more than {LONGEST:,} characters.")
    return cells


def _prepare(name: str, bodies: dict[str, list[str]]) -> Callable[[], Verdict]:
    try:
        exercise = checks.find(name)
        starters = judge.starters(exercise)
    except CourseError as error:
        problem = f"could not be graded: {error}"
        return lambda: Verdict(name, name, Outcome.COULD_NOT_BE_GRADED, 0, message=problem)
    answers = {}
    for target, found in bodies.items():
        code = chosen(found, starters[target]) if target in starters else found[-1]
        if code is not None:
            answers[target] = code
    return judge.prepare(name, answers, ahead=False)  # the next one is of another kind


def exercises_in(cells: Iterable[dict[str, object]], filename: str) -> list[str]:
    """Exercises of a notebook: those it checks, and those that were released under its name.

    So a learner who deleted a cell is told "not attempted", and loses nothing else.
    """
    found: dict[str, None] = {}
    by_name = {exercise.name: id for id, exercise in checks.exercises().items()}
    for path in sorted(course.posing().glob(f"**/{glob.escape(filename)}")):
        with contextlib.suppress(CourseError):
            found.update(dict.fromkeys(course.exercise_names(path)))
    for cell in cells:
        if cell.get("cell_type") == "code":
            found.update(dict.fromkeys(CHECK.findall(course.source_of(cell))))
            if (name := grade_id_of(cell)) in by_name:
                found[by_name[name]] = None
    strange = [name for name in found if name not in checks.exercises()]
    return [name for name in found if name not in strange[STRANGE:]]


def grade_id_of(cell: dict[str, object]) -> str:
    """The name that nbgrader knows a cell by; "" where it has none."""
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    name = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return name if isinstance(name, str) else ""


def bodies_in(cells: Iterable[dict[str, object]]) -> dict[str, list[str]]:
    """Target → the code of its `%%build` cells in order. Cells that name no target are left out."""
    found: dict[str, list[str]] = {}
    for cell in cells:
        first, _, body = course.source_of(cell).lstrip().partition("\n")
        if cell.get("cell_type") == "code" and first.split()[:1] == ["%%build"]:
            for words, text in build.blocks(first.strip()[len("%%build") :], body):
                with contextlib.suppress(BuildRefused):
                    found.setdefault(judge.normal(words), []).append(text)
    return found


def chosen(bodies: Sequence[str], given: Sequence[str]) -> str | None:
    """The learner's answer among the cells of a target: the last that is not as it was given."""
    return next((body for body in reversed(bodies) if not judge.is_untouched(body, given)), None)


def notebooks_in(paths: Iterable[Path]) -> Iterator[Path]:
    """The notebooks at or below the paths; a path that is missing is handed on, to be reported."""
    for path in paths:
        if path.is_dir():
            yield from (
                found
                for found in sorted(path.rglob("*.ipynb"))
                if not any(part.startswith(".") for part in found.relative_to(path).parts)
            )
        else:
            yield path


# --- the command ------------------------------------------------------------------------------


def main(given: Sequence[str | Path], as_json: bool = False) -> int:
    """0: everything could be graded. 1: something could not. 2: there was nothing to grade."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file's name may be in any encoding
    paths = list(notebooks_in(map(Path, given)))
    if not paths:
        print("There is no notebook (.ipynb) to grade.", file=sys.stderr)
        return 2
    for gap in jail.gaps():
        print(f"! not defended on this machine: {gap}", file=sys.stderr)
    results, row = [], Row()
    for number, (path, following) in enumerate(zip_longest(paths, paths[1:]), 1):
        if len(paths) > 1:
            print(f"{number} of {len(paths)}  {path}", file=sys.stderr, flush=True)
        results.append(row.grade(path, following))
    if as_json:
        print(json.dumps([graded.to_json() for graded in results], indent=1))
    else:
        print("\n\n".join(map(report, results)))
    return 0 if all(graded.is_complete for graded in results) else 1


def report(graded: Graded) -> str:
    """One notebook as a table; what was missed stands under its exercise."""
    if graded.problem:
        return f"{graded.file}\n  ! could not be graded: {graded.problem}"
    lines = [f"{graded.file}  {graded.earned:g} of {graded.points:g} points"]
    width = max(len(verdict.id) for verdict in graded.verdicts)
    for verdict in graded.verdicts:
        score = f"{verdict.earned:g}/{verdict.points:g}"
        lines.append(
            f"  {SIGNS[verdict.outcome]} {verdict.id:<{width}}  {score:>7}  {verdict.outcome}"
        )
        if verdict.message and verdict.outcome is not Outcome.NOT_ATTEMPTED:
            lines += [f"      {line}" for line in verdict.message.splitlines()]
        lines += [
            f"      {line}"
            for item in verdict.items
            if item.ran and not item.passed
            for line in item.text().splitlines()
        ]
    return "\n".join(lines)
