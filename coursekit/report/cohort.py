"""Who is in a cohort and what each handed in: read from verdicts, a gradebook, or notebooks."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePath

from pydantic import BaseModel, ConfigDict, ValidationError

from coursekit import checks, grade, places
from coursekit.errors import CourseError
from coursekit.verdict import Verdict

STAMP = "%Y%m%dT%H%M%SZ"
SHORTEST = 3
"""Letters that a part of a name has at least to be left out of texts."""

Marks = dict[tuple[str, str], float]
"""Learner and the name of an exercise → the mark that a person gave by hand."""


@dataclass(frozen=True)
class HandIn:
    """One notebook that a learner handed in once, and what came of it."""

    learner: str
    assignment: str
    notebook: str
    submitted: datetime
    verdicts: tuple[Verdict, ...]
    problem: str = ""


@dataclass
class Cohort:
    """Everyone by id, with the name to show; all hand-ins, the oldest first; notes on bad files."""

    names: dict[str, str] = field(default_factory=dict)
    hand_ins: list[HandIn] = field(default_factory=list)
    assigned: set[str] = field(default_factory=set)
    marks: Marks = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, hand_ins: Iterable[HandIn]) -> None:
        self.hand_ins = sorted([*self.hand_ins, *hand_ins], key=lambda one: one.submitted)
        for one in self.hand_ins:
            self.names.setdefault(one.learner, one.learner)
            self.assigned.add(one.assignment)

    def words_of_names(self) -> set[str]:
        """The parts of ids and names, in small letters: what a text without names must not hold."""
        found = {part for pair in self.names.items() for word in pair for part in _parts(word)}
        return {part.casefold() for part in found if len(part) >= SHORTEST}


def _parts(name: str) -> list[str]:
    return [name, *re.split(r"[\W_]+", name)]


# --- verdicts that the official grading left --------------------------------------------------


class Told(BaseModel):
    """A file of verdicts, as far as it is read here. Every field is of the type it should be."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    learner: str
    assignment: str
    notebook: str
    submitted: datetime
    exercises: tuple[Verdict, ...]
    problem: str = ""
    digest: str | None = None
    """Of the notebook and the checks; the official grading leaves none."""


def from_verdicts(folder: Path) -> tuple[list[HandIn], list[str]]:
    """All of `<assignment>/<learner>/<time>/<notebook>.json`, and a note for each bad file."""
    found, notes = [], []
    for path in sorted(folder.glob("*/*/*/*.json")):
        try:
            told = _read(path)
        except CourseError as error:
            notes.append(f"{path.relative_to(folder)}: {error}")
        else:
            found.append(
                HandIn(
                    told.learner, told.assignment, PurePath(told.notebook).stem,
                    _utc(told.submitted), told.exercises, told.problem,
                )
            )  # fmt: skip
    return found, notes


def _read(path: Path) -> Told:
    try:
        text = path.read_bytes()
        if b"\\ud" in text:  # half a character, as Python can have it and JSON's readers refuse it
            with contextlib.suppress(ValueError, RecursionError):
                text = json.dumps(json.loads(text), ensure_ascii=False).encode(errors="replace")
        return Told.model_validate_json(text)
    except OSError as error:
        raise CourseError(f"cannot be read ({error.strerror}).") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            words = "is not JSON: it was cut off or changed."
        else:
            place = ".".join(map(str, first["loc"]))
            words = f"is not a verdict of this course ({place}: {first['msg']})."
        raise CourseError(f"{words} Grade it again.") from None


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _time(text: str) -> datetime:
    """A time in ISO's form or in that of nbgrader's timestamp.txt, in UTC."""
    text = re.sub(r" (?:UTC|GMT)$", "+00:00", text.strip())
    return _utc(datetime.fromisoformat(re.sub(r" ([+-]\d\d:?\d\d)$", r"\1", text)))


# --- a folder of notebooks, without a hub -----------------------------------------------------


@dataclass(frozen=True)
class Paper:
    """A notebook in the folder, and whose it is by where it lies."""

    path: Path
    learner: str
    assignment: str

    @property
    def submitted(self) -> datetime:
        """nbgrader's own note beside the notebook; where there is none, the time of the file."""
        with contextlib.suppress(OSError, ValueError):
            return _time((self.path.parent / "timestamp.txt").read_text(encoding="utf-8"))
        return datetime.fromtimestamp(int(self.path.stat().st_mtime), UTC)


def plain(name: str) -> str:
    """A name of a folder as text that can be written down, whatever its bytes are."""
    return name.encode(errors="replace").decode()


def learners_in(folder: Path) -> set[str]:
    """Everyone who has a folder, with or without a notebook in it."""
    if not folder.is_dir():
        raise CourseError(f"There is no folder {folder}.")
    chapters = _chapters()
    found = {
        plain(path.name)
        for path in folder.iterdir()
        if path.is_dir() and not path.name.startswith(".") and path.name not in chapters
    }
    return found | {plain(paper.learner) for paper in papers_in(folder)}


def papers_in(folder: Path) -> Iterator[Paper]:
    """`<learner>/<assignment>/x.ipynb` as nbgrader collects it, or `<learner>/x.ipynb`."""
    chapters = _chapters()
    by_stem = {p.stem: p.parent.name for p in places.checkout().glob("exercises/*/*.ipynb")}
    for path in grade.notebooks_in([folder.resolve()]):
        home = path.parent
        if home.name in chapters:
            yield Paper(path, home.parent.name, home.name)
        else:
            yield Paper(path, home.name, by_stem.get(path.stem, ""))


def _chapters() -> set[str]:
    return {path.name for path in places.checkout().glob("exercises/*") if path.is_dir()}


def from_notebooks(folders: Sequence[Path], kept: Path) -> list[HandIn]:
    """Grade what is in the folders; what is graded already, and has not changed, is read in `kept`.

    Older hand-ins of the same learners that `kept` knows come along: they tell who is stuck.
    """
    papers = [paper for folder in folders for paper in papers_in(folder)]
    mark = _mark()
    shown = False
    for number, paper in enumerate(papers, 1):
        digest = _digest(paper.path, mark)
        if _is_known(paper, digest, kept):
            continue
        print(f"{number} of {len(papers)}  {paper.path}", file=sys.stderr, flush=True)
        shown = True
        _keep(paper, grade.grade_notebook(paper.path), digest, kept)
    if shown:
        print(file=sys.stderr)
    learners = {learner for folder in folders for learner in learners_in(folder)}
    return [one for one in from_verdicts(kept)[0] if one.learner in learners]


def _mark() -> str:
    """What changes when the checks do."""
    mark = hashlib.sha256()
    for path in sorted(Path(checks.__file__).parent.rglob("*.py")):
        mark.update(path.read_bytes())
    return mark.hexdigest()


def _digest(path: Path, mark: str) -> str:
    try:
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        content = ""
    return hashlib.sha256(f"{mark} {content}".encode()).hexdigest()


def _is_known(paper: Paper, digest: str, kept: Path) -> bool:
    home = kept / _assignment(paper) / paper.learner
    for path in home.glob(f"*/{_escaped(paper.path.stem)}.json"):
        with contextlib.suppress(CourseError):
            told = _read(path)
            is_official = told.digest is None
            if is_official and path.parent.name == paper.submitted.strftime(STAMP):
                return True
            if told.digest == digest:
                return True
    return False


def _assignment(paper: Paper) -> str:
    return paper.assignment or "other"


def _escaped(stem: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", stem)


def _keep(paper: Paper, graded: grade.Graded, digest: str, kept: Path) -> None:
    """Write a verdict where the official grading would; one that is not complete is tried again."""
    data = {
        "learner": plain(paper.learner), "assignment": _assignment(paper),
        "notebook": paper.path.name,
        "submitted": paper.submitted.isoformat(), "graded": datetime.now(UTC).isoformat(),
        "digest": digest if graded.is_complete else "", **graded.to_json(),
    }  # fmt: skip
    home = kept / _assignment(paper) / paper.learner / paper.submitted.strftime(STAMP)
    path = home / f"{paper.path.stem}.json"
    half = path.with_suffix(f".{os.getpid()}")
    try:
        home.mkdir(parents=True, exist_ok=True)
        half.write_text(json.dumps(data), encoding="utf-8")
        half.replace(path)
    except OSError as error:
        raise CourseError(
            f"The verdicts are kept below {kept}, and that cannot be written ({error.strerror}). "
            "Name another folder with --cohort."
        ) from None


# --- names and marks of a gradebook, names of a list ------------------------------------------

NAMES = "select id, first_name, last_name from student"
ASSIGNED = "select name from assignment"
MARKS = """
select submitted_assignment.student_id, base_cell.name,
       coalesce(grade.manual_score, grade.auto_score, 0) + coalesce(grade.extra_credit, 0)
from grade
join base_cell on base_cell.id = grade.cell_id
join submitted_notebook on submitted_notebook.id = grade.notebook_id
join submitted_assignment on submitted_assignment.id = submitted_notebook.assignment_id
where grade.manual_score is not null or coalesce(grade.extra_credit, 0) <> 0
"""


def read_gradebook(path: Path, cohort: Cohort) -> None:
    """Names, assignments and marks by hand from nbgrader's database, which is opened to read only.

    A gradebook that cannot be read leaves a note; the report goes on with ids for names.
    """
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        ) as db:
            names = {str(id): (first, last) for id, first, last in db.execute(NAMES)}
            assigned = {str(name) for (name,) in db.execute(ASSIGNED)}
            marks = {(str(who), str(cell)): float(mark) for who, cell, mark in db.execute(MARKS)}
    except (sqlite3.Error, ValueError, TypeError) as error:
        cohort.notes.append(
            f"{path.name} cannot be read as nbgrader's gradebook ({error}). Names and marks by "
            "hand are missing here."
        )
        return
    cohort.assigned |= assigned
    cohort.marks |= marks
    for id, (first, last) in names.items():
        cohort.names[id] = _full(first, last) or id


def _full(first: object, last: object) -> str:
    return " ".join(str(part).strip() for part in (first, last) if part and str(part).strip())


def read_roster(path: Path, cohort: Cohort) -> None:
    """Names from the list that `nbgrader db student import` reads: id, first_name, last_name."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            # A spreadsheet writes what is the custom of its country.
            between = ";" if first.count(";") > first.count(",") else ","
            rows = list(csv.DictReader(file, delimiter=between))
    except OSError as error:
        raise CourseError(f"The list {path} cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, csv.Error):
        raise CourseError(f"The list {path} is not a CSV file in UTF-8.") from None
    if not rows or not (rows[0].get("id") or "").strip():
        raise CourseError(
            f"The list {path} needs a first line `id,first_name,last_name` and a line for each "
            "learner, as for `nbgrader db student import`."
        )
    for row in rows:
        if id := (row.get("id") or "").strip():
            cohort.names[id] = _full(row.get("first_name"), row.get("last_name")) or id
