"""Official grading: what nbgrader does with a submission, instead of running it.

`nbgrader autograde` hands a submitted notebook through two rows of steps. Here the first row makes
the released notebook anew and puts the learner's cells into it, so nothing that a learner did to
the notebook itself reaches nbgrader. The second row has the judge look at the answers, as `check`
and `coursekit grade` do, and writes the verdicts into the cells, the gradebook and a file.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader import utils  # type: ignore[import-untyped]
from nbgrader.preprocessors import (  # type: ignore[import-untyped]
    NbGraderPreprocessor,
    SaveAutoGrades,
)

from coursekit import course, display, grade, jail, quarters
from coursekit.errors import CourseError
from coursekit.verdict import Outcome, Verdict

MIME = "application/vnd.boxoffice.verdict+json"
CELL_CHARACTERS = 50_000
CELLS = 300
TIMESTAMP = "timestamp.txt"
TIMESTAMP_BYTES = 100
SECRET = "submission_secret.txt"
"""From it nbgrader makes the name under which the learner alone finds the feedback."""

Cell = dict[str, object]


class Submission(NotebookExporter):
    """Reads what was submitted, whatever it is; what cannot be read is a notebook without cells."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**how)  # type: ignore[no-untyped-call]
        for gap in jail.gaps():
            self.log.warning("Not defended on this machine: %s", gap)
        for folder in getattr(self.parent, "assignments", {}):
            tidy(Path(folder))

    def from_filename(  # type: ignore[override]
        self, filename: str, resources: dict[str, Any] | None = None, **how: Any
    ) -> tuple[str, dict[str, Any]]:
        """See nbconvert. No error of what is in the file comes out of here."""
        if self.parent is not None and not self.parent._sanitizing:
            return super().from_filename(filename, resources, **how)  # type: ignore[return-value]
        about = resources if resources is not None else {}
        if self.parent is not None:
            told = about["nbgrader"]
            _drop_others(Path(self.parent._format_dest(told["assignment"], told["student"])))
        cells: list[Cell] = []
        with contextlib.suppress(CourseError, OSError, RecursionError):
            cells = grade.read(Path(filename))
        about["cells"] = cells
        about["metadata"] = {"name": Path(filename).stem, "path": str(Path(filename).parent)}
        return self.from_notebook_node(v4.new_notebook(), resources=about)  # type: ignore[no-any-return, no-untyped-call]


def tidy(folder: Path) -> None:
    """Take out of a submission what is no file of its own.

    One without a time that can be read, or without a secret, gets one: nbgrader would stop there
    for all learners.
    """
    for path in [*folder.rglob("*")]:
        with contextlib.suppress(OSError):
            kind = path.lstat().st_mode
            if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
                path.unlink()
    told = folder / TIMESTAMP
    if _time_in(told) is None:
        if told.exists():
            told.replace(told.with_suffix(".unreadable"))
        changed = max(map(_changed, folder.glob("*.ipynb")), default=datetime.now(UTC))
        told.write_text(f"{changed:%Y-%m-%d %H:%M:%S.%f} UTC")
    secret = folder / SECRET
    if secret.is_dir():
        shutil.rmtree(secret)
    if not secret.exists() or not _is_secret(secret):
        secret.unlink(missing_ok=True)
        secret.write_text(secrets.token_hex(64))


def _is_secret(path: Path) -> bool:
    with path.open("rb") as file:
        return re.fullmatch(rb"[0-9a-f]{32,128}", file.read(200)) is not None


def _drop_others(folder: Path) -> None:
    """nbgrader copies all that was submitted, and would hand it on with the feedback."""
    for path in folder.rglob("*"):
        is_known = path.suffix == ".ipynb" or path.name in {TIMESTAMP, SECRET}
        if not is_known and not path.is_dir():
            path.unlink()


def _time_in(path: Path) -> datetime | None:
    """The time that a `timestamp.txt` tells; None where it tells none."""
    try:
        with path.open("rb") as file:
            words = file.read(TIMESTAMP_BYTES).decode()
        found = utils.parse_utc(words.strip())
        return found.replace(tzinfo=UTC) if isinstance(found, datetime) else None
    except (OSError, ValueError, OverflowError, TypeError, AttributeError):
        return None


# --- the released notebook with the learner's cells ---------------------------------------------


class Rebuild(NbGraderPreprocessor):  # type: ignore[misc]
    """In place of the submitted notebook: the released one, and in it what the learner wrote."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        about = resources["nbgrader"]
        converter = self.parent.parent
        folder = converter.coursedir.format_path(
            converter.coursedir.release_directory, ".", about["assignment"]
        )
        path = Path(folder) / f"{about['notebook']}.ipynb"
        if not path.exists():
            raise CourseError(
                f"There is no {path}. Run `nbgrader generate_assignment {about['assignment']}` "
                "first: submissions are shown in the notebook that was released."
            )
        released = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        return rebuilt(released, resources.pop("cells", [])), resources


def rebuilt(released: NotebookNode, cells: Iterable[Cell]) -> NotebookNode:
    """The released notebook with the learner's answers, and their other cells where they stood."""
    given = {cell.source.strip(): place for place, cell in enumerate(released.cells)}
    answers = {
        cell.metadata.nbgrader["grade_id"]: place
        for place, cell in enumerate(released.cells)
        if utils.is_solution(cell)
    }
    others: dict[int, list[NotebookNode]] = defaultdict(list)
    here, left = -1, CELLS
    for cell in cells:
        source, is_code = _text(cell), cell.get("cell_type") == "code"
        mine = answers.get(grade.grade_id_of(cell)) if is_code else None
        if (place := given.get(source.strip())) is not None:
            here = place
        elif mine is not None:
            here = mine
            released.cells[mine].source = source
        elif source.strip() and left:
            left -= 1
            others[here].append(_other(source, is_code))
    cells_now = [*others[-1]]
    for place, cell in enumerate(released.cells):
        cells_now += [cell, *others[place]]
    released.cells = cells_now
    return released


def _text(cell: Cell) -> str:
    """A cell's text as a file can hold it, and a page can show it."""
    text = course.source_of(cell).encode("utf-8", "replace").decode().replace("\0", "�")
    if len(text) <= CELL_CHARACTERS:
        return text
    return text[:CELL_CHARACTERS] + f"\n# … {len(text) - CELL_CHARACTERS} more characters"


def _other(source: str, is_code: bool) -> NotebookNode:
    """A cell of the learner's own. Text is shown as it was typed: it could bring scripts along."""
    if is_code:
        return v4.new_code_cell(source)  # type: ignore[no-untyped-call, no-any-return]
    return v4.new_markdown_cell("\n".join("    " + line for line in source.splitlines()))  # type: ignore[no-untyped-call, no-any-return]


# --- verdicts -----------------------------------------------------------------------------------


class Judge(NbGraderPreprocessor):  # type: ignore[misc]
    """In place of nbgrader's `Execute`: the verdicts on the submitted file, in its check cells."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        about = resources["nbgrader"]
        coursedir = self.parent.parent.coursedir
        folder = Path(
            coursedir.format_path(
                coursedir.submitted_directory, about["student"], about["assignment"]
            )
        )
        path = folder / f"{about['notebook']}.ipynb"
        graded = _row.grade(path, self._following(path))
        if graded.problem:
            self.log.error("%s could not be graded: %s", path, graded.problem)
        found: dict[str, Verdict] = {}
        for cell in nb.cells:
            if utils.is_grade(cell):
                name = cell.metadata.nbgrader["grade_id"]
                found[name] = verdict = _verdict(graded, cell)
                cell.outputs, cell.execution_count = [output(verdict)], 1
                if verdict.outcome is Outcome.COULD_NOT_BE_GRADED:
                    self.log.error("%s, %s: %s", path, name, verdict.message)
        resources["verdicts"] = found
        submitted = _time_in(folder / TIMESTAMP) or _changed(path)
        record(Path(coursedir.root), about, submitted, graded)
        return nb, resources

    def _following(self, path: Path) -> Path | None:
        """The submitted notebook that nbgrader comes to after this one."""
        folders = self.parent.parent.assignments
        paths = [Path(name) for folder in sorted(folders) for name in sorted(folders[folder])]
        return next(iter(paths[paths.index(path) + 1 :]), None) if path in paths else None


_row = grade.Row(quarters.own)


def _verdict(graded: grade.Graded, cell: NotebookNode) -> Verdict:
    """What the notebook's verdicts say about a check cell; where they do not, that is no mark."""
    for name in grade.CHECK.findall(cell.source):
        for verdict in graded.verdicts:
            if verdict.id == name:
                return verdict
    name = str(cell.metadata.nbgrader["grade_id"])
    why = graded.problem or "there is no check of that name."
    points = float(cell.metadata.nbgrader["points"])
    return Verdict(
        name, name, Outcome.COULD_NOT_BE_GRADED, points, message=f"could not be graded: {why}"
    )


def output(verdict: Verdict) -> NotebookNode:
    """A verdict as the output of its cell: the score, the card and the data."""
    if verdict.outcome is Outcome.COULD_NOT_BE_GRADED:  # stock nbgrader would read any other
        words = {"ename": str(verdict.outcome), "evalue": verdict.message}  # as full marks
        return v4.new_output("error", **words, traceback=[verdict.text()])  # type: ignore[no-untyped-call, no-any-return]
    data = {
        "text/plain": str(verdict.earned),
        "text/html": display.verdict_card(verdict).html,
        MIME: verdict.to_json(),
    }
    return v4.new_output("execute_result", data=data, execution_count=1)  # type: ignore[no-untyped-call, no-any-return]


def _changed(path: Path) -> datetime:
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return datetime.now(UTC)


def record(root: Path, about: Mapping[str, str], submitted: datetime, graded: grade.Graded) -> Path:
    """Keep the verdicts on a submission: one folder for each, so what came before stays."""
    folder = (
        root / "cohort" / "verdicts" / about["assignment"] / about["student"]
        / f"{submitted:%Y%m%dT%H%M%SZ}"
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "learner": about["student"],
        "assignment": about["assignment"],
        "notebook": about["notebook"],
        "submitted": submitted.isoformat(timespec="seconds"),
        "graded": datetime.now(UTC).isoformat(timespec="seconds"),
        **graded.to_json(),
    }
    with contextlib.suppress(ValueError):
        told["file"] = os.path.relpath(graded.file, root)
    path = folder / f"{about['notebook']}.json"
    half = path.with_suffix(f".{secrets.token_hex(4)}")
    half.write_text(json.dumps(told, indent=1), encoding="utf-8")
    half.replace(path)
    return path


class SaveVerdicts(SaveAutoGrades):  # type: ignore[misc]
    """Write the verdicts into the gradebook. What could not be graded is left for the lead."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        self._verdicts: dict[str, Verdict] = resources["verdicts"]
        return super().preprocess(nb, resources)  # type: ignore[no-any-return]

    def _add_score(self, cell: NotebookNode, resources: dict[str, Any]) -> None:
        name = cell.metadata.nbgrader["grade_id"]
        kept = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        verdict = self._verdicts[name]
        is_graded = verdict.outcome is not Outcome.COULD_NOT_BE_GRADED
        kept.auto_score = min(verdict.earned, kept.max_score) if is_graded else None
        kept.needs_manual_grade = not is_graded or kept.manual_score is not None
        self.gradebook.db.commit()
