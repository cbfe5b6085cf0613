"""`nbgrader autograde` gives what `coursekit grade` and `check` give; no bad notebook stops it."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT
from nbgrader.api import Gradebook

from coursekit import checks, course, display, grade, judge, official
from coursekit.verdict import Outcome, Verdict

pytestmark = pytest.mark.usefixtures("presence")

CHAPTER = "ch01_api"
NOTEBOOK = "02_implement_endpoints"
SECRET = "the lead's own notes"
LEARNERS = ("bad", "doubled", "forger", "gone", "heavy", "partly", "right", "starter")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course folder, all its learners graded by one `nbgrader autograde`."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for kind in ("solutions", "exercises"):
        (root / kind / CHAPTER).mkdir(parents=True)
        shutil.copy(ROOT / kind / CHAPTER / f"{NOTEBOOK}.ipynb", root / kind / CHAPTER)
    before = (root / "exercises" / CHAPTER / f"{NOTEBOOK}.ipynb").read_bytes()
    nbgrader(root, "generate_assignment", CHAPTER, "--force")
    assert (root / "exercises" / CHAPTER / f"{NOTEBOOK}.ipynb").read_bytes() == before
    for learner in LEARNERS:
        submit(root, learner)
    nbgrader(root, "autograde", CHAPTER)
    nbgrader(root, "generate_feedback", CHAPTER)
    return root


def nbgrader(root: Path, *words: str) -> str:
    """Run one of nbgrader's commands as a lead does; it must end well."""
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *words],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def submitted(root: Path, learner: str) -> Path:
    return root / "cohort/submitted" / learner / CHAPTER / f"{NOTEBOOK}.ipynb"


def submit(root: Path, learner: str) -> None:
    path = submitted(root, learner)
    path.parent.mkdir(parents=True)
    kind = "exercises" if learner in {"starter", "forger"} else "solutions"
    notebook = json.loads((ROOT / kind / CHAPTER / f"{NOTEBOOK}.ipynb").read_text())
    cells = notebook["cells"]
    stamp = "2026-11-20 10:00:00 UTC"
    if learner == "partly":
        first = exercises()[0]
        for cell in cells:
            for target, code in wrong_answer(first).items():
                if f"%%build {target}" in "".join(cell["source"]).splitlines()[:1]:
                    cell["source"] = f"%%build {target}\n{code}"
        cells.insert(1, cell_of("markdown", "<script>alert('to the lead')</script>"))
        (path.parent / "notes.txt").symlink_to("/etc/passwd")
        (path.parent / "notes.html").write_text("<script>")
    if learner == "doubled":
        cells += [dict(cell) for cell in cells]
    if learner == "forger":
        forge(notebook)
    if learner == "gone":
        cells[:] = [cell for cell in cells if "nbgrader" not in cell["metadata"]]
        stamp = "no time at all"
    if learner == "heavy":
        for cell in cells:
            if cell["cell_type"] == "code":
                text = "x" * (50_000_000 // len(cells))
                cell["outputs"] = [{"output_type": "stream", "name": "stderr", "text": text}]
    path.write_text("{" if learner == "bad" else json.dumps(notebook))
    if learner != "starter":
        (path.parent / "timestamp.txt").write_text(stamp)


def forge(notebook: dict[str, Any]) -> None:
    """Whatever a notebook can say of itself: marks, points, verdicts and another name."""
    for cell in notebook["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        if nbgrader.get("grade"):
            name = f"ch01.{nbgrader['grade_id']}"
            passed = Verdict(name, name, Outcome.PASSED, 1000).to_json()
            data = {"text/plain": "1000", official.MIME: {**passed, "earned": 1000}}
            cell["outputs"] = [
                {
                    "output_type": "execute_result",
                    "data": data,
                    "metadata": {},
                    "execution_count": 1,
                }
            ]
            nbgrader.update(points=1000, score=1000, locked=False, solution=True, comment="Great.")
    notebook["metadata"] |= {"student": "right", "nbgrader": {"student": "right", "score": 1000}}


def cell_of(kind: str, source: str) -> dict[str, object]:
    return {"cell_type": kind, "metadata": {}, "source": source}


def exercises() -> list[str]:
    return list(course.exercise_names(ROOT / "exercises" / CHAPTER / f"{NOTEBOOK}.ipynb"))


def wrong_answer(id: str) -> dict[str, str]:
    """An answer from the bank that earns some of the points."""
    bank = ROOT / "tests/bank" / CHAPTER / checks.find(id).name
    for path in sorted(bank.glob("wrong_*.py")):
        answers = judge.read_entry(path).answers
        if judge.judge(id, answers).earned > 0:
            return answers
    raise AssertionError(f"every wrong answer to {id} earns nothing")


def scores(root: Path, learner: str) -> dict[str, float | None]:
    """Name of the exercise → what the gradebook has for it."""
    with Gradebook(f"sqlite:///{root}/cohort/gradebook.db", "box-office") as gradebook:
        kept = gradebook.find_submission_notebook(NOTEBOOK, CHAPTER, learner)
        return {grade.name: grade.auto_score for grade in kept.grades}


def record(root: Path, learner: str) -> dict[str, object]:
    [path] = (root / "cohort/verdicts" / CHAPTER / learner).glob(f"*/{NOTEBOOK}.json")
    told: dict[str, object] = json.loads(path.read_text())
    return told


def facts(verdict: dict[str, object]) -> object:
    """What is the same in every run: the sentences speak of random values."""
    items = [(i["title"], i["earned"], i["why"]) for i in verdict["items"]]  # type: ignore[attr-defined]
    return verdict["id"], verdict["outcome"], items


# --- one function ---------------------------------------------------------------------------


@pytest.mark.parametrize("learner", ["starter", "partly", "right", "doubled", "gone", "heavy"])
def test_official_grade_is_that_of_the_command_and_of_the_learner(
    cohort: Path, learner: str
) -> None:
    graded = grade.grade_notebook(submitted(cohort, learner))
    cells = course.read_cells(submitted(cohort, learner))
    told = record(cohort, learner)
    assert told["learner"] == learner
    assert told["problem"] == ""
    official = [facts(each) for each in told["exercises"]]  # type: ignore[attr-defined]
    assert official == [facts(v.to_json()) for v in graded.verdicts]
    assert scores(cohort, learner) == {
        checks.find(verdict.id).name: verdict.earned for verdict in graded.verdicts
    }
    own = {target: found[-1] for target, found in grade.bodies_in(cells).items()}
    assert official == [facts(judge.judge(v.id, own).to_json()) for v in graded.verdicts]


@pytest.mark.parametrize(
    ("learner", "outcomes"),
    [
        ("starter", {Outcome.NOT_ATTEMPTED}),
        ("right", {Outcome.PASSED}),
        ("doubled", {Outcome.PASSED}),
        ("heavy", {Outcome.PASSED}),
        ("gone", {Outcome.NOT_ATTEMPTED}),
        ("forger", {Outcome.NOT_ATTEMPTED}),
        ("partly", {Outcome.PASSED, Outcome.NOT_YET}),
    ],
)
def test_each_learner_gets_the_own_outcome(
    cohort: Path, learner: str, outcomes: set[Outcome]
) -> None:
    told = record(cohort, learner)["exercises"]
    assert isinstance(told, list)
    assert {each["outcome"] for each in told} == outcomes
    earned = sum(each["earned"] for each in told)
    points = sum(each["points"] for each in told)
    if learner == "partly":
        assert 0 < earned < points
    else:
        assert earned == (points if outcomes == {Outcome.PASSED} else 0)


def test_what_could_not_be_graded_is_no_mark_and_left_to_the_lead(cohort: Path) -> None:
    assert set(scores(cohort, "bad").values()) == {None}
    with Gradebook(f"sqlite:///{cohort}/cohort/gradebook.db", "box-office") as gradebook:
        kept = gradebook.find_submission_notebook(NOTEBOOK, CHAPTER, "bad")
        assert kept.needs_manual_grade
        assert all(grade.needs_manual_grade for grade in kept.grades)
        assert not gradebook.find_submission_notebook(NOTEBOOK, CHAPTER, "right").needs_manual_grade
    assert "is not a notebook" in str(record(cohort, "bad")["problem"])
    page = (cohort / "cohort/feedback/bad" / CHAPTER / f"{NOTEBOOK}.html").read_text()
    assert "could not be graded" in page
    assert "is not a notebook" in page
    assert "30 that could not be graded yet" in Page(page).text


def test_check_without_a_verdict_is_never_full_marks() -> None:
    output = official.output(Verdict("ch01.x", "X", Outcome.COULD_NOT_BE_GRADED, 3, message="no"))
    assert output.output_type == "error"  # which stock nbgrader takes for 0


def test_scores_are_exported(cohort: Path, tmp_path: Path) -> None:
    nbgrader(cohort, "export", f"--to={tmp_path / 'grades.csv'}")
    rows = {row["student_id"]: row for row in csv.DictReader((tmp_path / "grades.csv").open())}
    assert set(rows) == set(LEARNERS)
    assert float(rows["right"]["score"]) == float(rows["right"]["max_score"]) > 0
    assert float(rows["forger"]["score"]) == 0
    assert rows["forger"]["max_score"] == rows["right"]["max_score"]


def test_graded_again_by_force_keeps_the_history(cohort: Path) -> None:
    time = cohort / "cohort/submitted/right" / CHAPTER / "timestamp.txt"
    time.write_text("2026-11-21 11:30:00.123456 UTC")
    said = nbgrader(cohort, "autograde", CHAPTER, "--student=right")
    assert "Updating existing assignment" in said
    kept = sorted(path.name for path in (cohort / "cohort/verdicts" / CHAPTER / "right").iterdir())
    assert kept == ["20261120T100000Z", "20261121T113000Z"]
    shutil.rmtree(cohort / "cohort/verdicts" / CHAPTER / "right" / kept[1])


# --- what a lead and a learner see ------------------------------------------------------------


class Page(HTMLParser):
    """The tags of a page, what they ask for, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [
            value or "" for name, value in attrs
            if name in {"src", "href", "srcset", "action", "data", "poster"} or name[:2] == "on"
        ]  # fmt: skip

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("learner", LEARNERS)
def test_feedback_page_loads_and_runs_nothing(cohort: Path, learner: str) -> None:
    text = (cohort / "cohort/feedback" / learner / CHAPTER / f"{NOTEBOOK}.html").read_text()
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object"} & {*page.tags}
    assert all(asked.startswith("#") for asked in page.asked)
    assert not re.search(r"url\(|@import", text)
    assert "default-src 'none'" in text


def test_feedback_page_has_each_sentence(cohort: Path) -> None:
    page = (cohort / "cohort/feedback/partly" / CHAPTER / f"{NOTEBOOK}.html").read_text()
    shown = " ".join(Page(page).text.split())
    missed = 0
    for each in record(cohort, "partly")["exercises"]:  # type: ignore[attr-defined]
        assert each["title"].replace("`", "") in shown
        for item in each["items"]:
            assert words(item["title"]) in shown
            missed += bool(item["why"])
            for label in ("expected", "got", "why", "where"):
                assert words(item[label]) in shown
    assert missed
    assert "<code" in page


def words(text: str) -> str:
    """A sentence as a page shows it."""
    return " ".join(Page(display.inline(text)).text.split())


def test_lead_sees_the_released_notebook_with_the_learners_cells(cohort: Path) -> None:
    path = cohort / "cohort/autograded/partly" / CHAPTER / f"{NOTEBOOK}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    ids = [c.metadata.nbgrader.grade_id for c in notebook.cells if "nbgrader" in c.metadata]
    assert len(ids) == len({*ids})
    [told] = [cell for cell in notebook.cells if "alert" in cell.source]
    assert told.source.startswith("    <script>"), "text of a learner is shown, never rendered"


def test_nothing_but_notebooks_goes_into_feedback(cohort: Path) -> None:
    names = {path.name for path in (cohort / "cohort/feedback/partly" / CHAPTER).iterdir()}
    assert names == {f"{NOTEBOOK}.html", "timestamp.txt", "submission_secret.txt"}
    assert not (cohort / "cohort/submitted/partly" / CHAPTER / "notes.txt").exists()


def test_feedback_is_released_for_all(cohort: Path) -> None:
    (cohort / "cohort/exchange/box-office/feedback").mkdir(parents=True)
    nbgrader(cohort, "release_feedback", CHAPTER)
    assert len([*(cohort / "cohort/exchange/box-office/feedback").iterdir()]) == len(LEARNERS)


# --- collecting -------------------------------------------------------------------------------

COLLECT = "2026-11-20 12:00:00.000000 UTC"


def hand_in(root: Path, name: str, uid: int, files: dict[str, str | Path]) -> Path:
    """What a learner's `nbgrader submit` leaves in the exchange."""
    folder = root / "cohort/exchange/box-office/inbound" / name
    folder.mkdir(parents=True)
    for path, content in files.items():
        if isinstance(content, Path):
            (folder / path).symlink_to(content)
        else:
            (folder / path).write_text(content)
    if os.getuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, uid, uid, follow_symlinks=False)
    return folder


@pytest.mark.skipif(os.getuid() != 0, reason="only root can hand in as other users")
def test_collecting_takes_only_what_is_the_learners_own(cohort: Path, tmp_path: Path) -> None:
    import pwd

    daemon, nobody = pwd.getpwnam("daemon"), pwd.getpwnam("nobody")
    secret = tmp_path / "secret.ipynb"
    secret.write_text(SECRET)
    good = {f"{NOTEBOOK}.ipynb": "{}", "timestamp.txt": COLLECT}
    early, late = f"+{CHAPTER}+2026-11-20 12:00:00 UTC+a", f"+{CHAPTER}+2026-11-22 12:00:00 UTC+b"
    hand_in(cohort, f"daemon{early}", daemon.pw_uid, good)
    hand_in(cohort, f"daemon{late}", nobody.pw_uid, {f"{NOTEBOOK}.ipynb": "forged"})
    hand_in(cohort, f"mail{early}", nobody.pw_uid, {f"{NOTEBOOK}.ipynb": "forged"})
    hand_in(cohort, f"nobody+{CHAPTER}+yesterday", nobody.pw_uid, good)
    folder = hand_in(
        cohort, f"nobody{early}", nobody.pw_uid,
        {f"{NOTEBOOK}.ipynb": secret, "02.ipynb": "{}", "run.py": "1", "timestamp.txt": "never"},
    )  # fmt: skip
    os.mkfifo(folder / "pipe.ipynb")
    folder.chmod(0o500)
    said = nbgrader(cohort, "collect", CHAPTER)
    assert "daemon+" in said
    assert "belongs to nobody, another user than it names" in said
    assert "its name cannot be read" in said
    got = cohort / "cohort/submitted"
    assert (got / "daemon" / CHAPTER / f"{NOTEBOOK}.ipynb").read_text() == "{}"
    assert not (got / "mail").exists() or not any((got / "mail").iterdir())
    names = {path.name for path in (got / "nobody" / CHAPTER).iterdir()}
    own = {"timestamp.txt", "submission_secret.txt"}
    assert names == {"02.ipynb", "timestamp.unreadable", *own}
    for name in ("daemon", "nobody", "mail"):
        shutil.rmtree(got / name, ignore_errors=True)


def test_time_of_a_submission() -> None:
    def told(words: bytes) -> datetime | None:
        path = Path(os.environ["COURSEKIT_STATE"]) / "timestamp.txt"
        path.write_bytes(words)
        try:
            return official._time_in(path)
        finally:
            path.unlink()

    assert told(b"2026-11-20 10:00:00.5 UTC") == datetime(2026, 11, 20, 10, 0, 0, 500000, UTC)
    for words in (b"", b"\xff\xfe", b"yesterday", b"9999-99-99", b"2026-11-20 10:00 +99999999"):
        assert told(words) is None
