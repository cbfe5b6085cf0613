"""`coursekit report`: what it counts, what it shows, what it leaves out, and bad input."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import ROOT

from coursekit import cli, grade, identity, judge, report
from coursekit.errors import CourseError
from coursekit.report import cohort, figures, names, page, sentences
from coursekit.report.figures import State
from coursekit.verdict import ItemResult, Outcome, Verdict

STEM = "02_implement_endpoints"
CHAPTER = "ch01_api"
RELEASED = ROOT / "exercises" / CHAPTER / f"{STEM}.ipynb"
EXERCISES = ("move_performance", "show_played", "delete_seen", "venue_pages")
MONDAY = datetime(2026, 11, 9, 9, tzinfo=UTC)
NOW = MONDAY + timedelta(days=10)
AMELIE, BORIS, SILENT = "amélie", "boris", "zoé"
WRONG = {
    "move_performance": "wrong_end_stays",
    "show_played": "wrong_null",
    "delete_seen": "wrong_no_star",
}


# --- hand-ins, really graded ------------------------------------------------------------------


def bank(exercise: str, name: str) -> Mapping[str, str]:
    found = sorted((ROOT / "tests/bank/ch01_api" / exercise).glob(f"{name}*.py"))
    return judge.read_entry(found[0]).answers


def hand_in(folder: Path, answers: Mapping[str, str], at: datetime) -> Path:
    """The released notebook with answers from the bank in its answer cells."""
    notebook = json.loads(RELEASED.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        target = source.partition("\n")[0].removeprefix("%%build ").strip()
        is_answer = cell["metadata"].get("nbgrader", {}).get("solution")
        if is_answer and target in answers:
            cell["source"] = f"%%build {target}\n{answers[target]}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{STEM}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    os.utime(path, (at.timestamp(), at.timestamp()))
    return path


def answers(**chosen: str) -> dict[str, str]:
    return {k: v for exercise, name in chosen.items() for k, v in bank(exercise, name).items()}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of hand-ins without a hub, and the cohort's folder after two reports on it."""
    root = tmp_path_factory.mktemp("cohort ö")
    folder, home = root / "hand-ins", root / "cohort"
    hand_in(folder / AMELIE / CHAPTER, answers(**dict.fromkeys(EXERCISES, "right")), MONDAY)
    hand_in(folder / BORIS, answers(**WRONG), MONDAY)
    (folder / SILENT).mkdir()
    assert report.main([str(folder)], home=str(home), now=NOW) == 0
    again = {**WRONG, "show_played": "right"}
    hand_in(folder / BORIS, answers(**again), MONDAY + timedelta(days=4))
    assert report.main([str(folder)], home=str(home), now=NOW) == 0
    return folder, home


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    text = (folder / name).read_text(encoding="utf-8-sig")
    return list(csv.DictReader(text.splitlines()))


def test_a_folder_of_notebooks_is_graded_and_reported(graded: tuple[Path, Path]) -> None:
    _, home = graded
    learners = {row["learner"]: row for row in rows(home / "report", "learners.csv")}
    assert list(learners) == [AMELIE, BORIS, SILENT]
    assert learners[AMELIE]["exercises_passed"] == "4"
    assert learners[AMELIE]["points"] == "30"
    assert (learners[BORIS]["exercises_passed"], learners[BORIS]["exercises_tried"]) == ("1", "3")
    assert learners[BORIS]["hand_ins"] == "2"
    assert learners[SILENT]["hand_ins"] == "0"
    progress = {(r["learner"], r["exercise"]): r for r in rows(home / "report", "progress.csv")}
    assert progress[BORIS, "ch01.move_performance"]["state"] == State.OPEN
    assert progress[BORIS, "ch01.venue_pages"]["state"] == State.UNTRIED
    assert progress[SILENT, "ch01.show_played"]["state"] == State.MISSING
    assert progress[BORIS, "ch01.move_performance"]["stuck_since"] == "2026-11-09T09:00:00Z"
    assert progress[BORIS, "ch01.show_played"]["stuck_since"] == ""


def test_the_misconception_is_the_sentence_that_was_given(graded: tuple[Path, Path]) -> None:
    _, home = graded
    said = {row["sentence"]: row for row in rows(home / "report", "sentences.csv")}
    end = said["The end must move with the beginning. Otherwise the venue is busy at the old time."]
    assert (end["learners"], end["learners_still"]) == ("1", "1")
    assert end["teach_again"].startswith("Lesson 1.2")
    items = {row["item"]: row for row in rows(home / "report", "items.csv")}
    item = items["The performance begins at the new time and lasts as long as before."]
    assert (item["looked_at"], item["missed"], item["failure_rate"]) == ("2", "1", "0.5")
    assert item["commonest_sentence"] == end["sentence"]


def test_what_is_graded_and_unchanged_is_not_graded_again(
    graded: tuple[Path, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, home = graded
    monkeypatch.setattr(cohort.grade, "grade_notebook", lambda path: pytest.fail(f"again: {path}"))
    assert report.main([str(folder)], home=str(home), now=NOW) == 0
    assert "3 learners, 3 hand-ins" in capsys.readouterr().out


def test_the_page_without_names_tells_nobody(graded: tuple[Path, Path], tmp_path: Path) -> None:
    folder, home = graded
    roster = tmp_path / "names.csv"
    roster.write_text(f"id,first_name,last_name\n{BORIS},Борис,O'Neill\n", encoding="utf-8")
    words = [str(folder), "--cohort", str(home), "--roster", str(roster), "--no-names"]
    assert cli.main(["report", *words]) == 0
    out = home / "report-no-names"
    for path in out.iterdir():
        told = path.name + path.read_text(encoding="utf-8")
        for name in (AMELIE, "amelie", BORIS, SILENT, "Борис", "Neill", str(folder)):
            assert name.casefold() not in told.casefold(), (path.name, name)
    first = [row["learner"] for row in rows(out, "learners.csv")]
    assert all(word.startswith("Learner ") for word in first)
    assert first == sorted(first)
    assert cli.main(["report", *words]) == 0
    assert [row["learner"] for row in rows(out, "learners.csv")] == first
    assert (home / names.KEY).stat().st_mode & 0o077 == 0


def test_what_a_learner_wrote_tells_no_name_either(tmp_path: Path) -> None:
    told = "`zoé.lefèvre` sent 'Zoé', and LEFÈVRE came back."
    kept(tmp_path, "zoé.lefèvre", MONDAY, verdict(0, why=told), verdict(0, why="", got=told,
         id="ch01.delete_seen"))  # fmt: skip
    kept(tmp_path, "ana", MONDAY, problem="submitted/ana/Ana Ruiz.ipynb is not a notebook.")
    (tmp_path / "verdicts" / CHAPTER / "ana" / "x").mkdir()
    (tmp_path / "verdicts" / CHAPTER / "ana" / "x" / "broken.json").write_text("{")
    roster = tmp_path / "names.csv"
    roster.write_text("id,first_name,last_name\nzoé.lefèvre,Zoé,Lefèvre\nana,Ana,Ruiz\n")
    report.main([], home=str(tmp_path), roster=str(roster), without_names=True, now=NOW)
    for path in (tmp_path / "report-no-names").iterdir():
        told = path.read_text(encoding="utf-8").casefold()
        assert not [
            word for word in ("zoé", "lefèvre", "ruiz", ">ana", "ana/", "ana ") if word in told
        ]


def test_only_the_lead_may_enter_the_folder_of_a_report(graded: tuple[Path, Path]) -> None:
    assert (graded[1] / "report").stat().st_mode & 0o077 == 0


# --- what is counted --------------------------------------------------------------------------


def verdict(
    *earned: float, id: str = "ch01.show_played", why: str = "Because.", got: str = "that"
) -> Verdict:
    """Of one item for each number, worth 2; missed with a sentence where less is earned."""
    items = tuple(
        ItemResult(f"Item {n}.", 2, 2)
        if points == 2
        else ItemResult(f"Item {n}.", 2, points, "this", got, why)
        for n, points in enumerate(earned, 1)
    )  # fmt: skip
    outcome = Outcome.PASSED if set(earned) == {2} else Outcome.NOT_YET
    return Verdict(id, "A title", outcome, 2 * len(earned), items)


def untried() -> Verdict:
    items = (ItemResult("Item 1.", 2, ran=False),)
    return Verdict("ch01.show_played", "A title", Outcome.NOT_ATTEMPTED, 2, items, "Nothing yet.")


def ungraded() -> Verdict:
    outcome = Outcome.COULD_NOT_BE_GRADED
    return Verdict("ch01.show_played", "A title", outcome, 2, message="could not be graded: disk")


def counted(
    *tries: Verdict, learner: str = "ana", marks: cohort.Marks | None = None
) -> figures.Figures:
    """Figures of a learner who hands in each verdict a day after the one before."""
    found = cohort.Cohort(marks=marks or {})
    found.add(
        cohort.HandIn(learner, CHAPTER, STEM, MONDAY + timedelta(days=day), (one,))
        for day, one in enumerate(tries)
    )
    return figures.count(found, NOW, found.names)


def record(found: figures.Figures) -> figures.Record:
    return found.learners[0].records["ch01.show_played"]


@pytest.mark.parametrize(
    ("tries", "since", "count"),
    [
        ([verdict(0, 2)], 0, 1),
        ([verdict(0, 2), verdict(2, 0)], 0, 2),
        ([verdict(0, 2), verdict(2, 2)], None, 0),
        ([verdict(2, 2), verdict(0, 2)], 1, 1),
        ([untried(), verdict(0, 0)], 1, 1),
        ([verdict(0, 0), untried()], None, 0),
        ([untried()], None, 0),
        ([verdict(0, 0), ungraded()], None, 0),
    ],
)
def test_stuck_since_the_first_attempt_after_which_none_passed(
    tries: list[Verdict], since: int | None, count: int
) -> None:
    found = counted(*tries).stuck
    if since is None:
        assert found == ()
    else:
        (one,) = found
        assert one.since == MONDAY + timedelta(days=since)
        assert one.lasts == NOW - one.since
        assert one.tries == count


def test_the_newest_hand_in_stands_and_the_earlier_ones_are_remembered() -> None:
    found = counted(verdict(0, 2), verdict(2, 2))
    (exercise,) = [e for e in found.exercises if e.id == "ch01.show_played"]
    assert record(found).state is State.PASSED
    assert (exercise.rate, exercise.ever_open) == (0, 1)
    item = exercise.items["Item 1."]
    assert (item.looked, item.missed, item.ever) == (1, 0, 1)
    assert item.sentence == "Because."


def test_a_fault_of_the_machinery_is_nobodys_failure() -> None:
    found = counted(ungraded())
    (exercise,) = [e for e in found.exercises if e.id == "ch01.show_played"]
    assert record(found).state is State.UNGRADED
    assert (exercise.tried, exercise.rate) == (0, 0)
    assert found.faults[0].why == "could not be graded: disk"
    settled = counted(ungraded(), marks={("ana", "show_played"): 2})
    assert (record(settled).state, settled.faults) == (State.PASSED, ())


def test_a_mark_by_hand_takes_the_place_of_the_points() -> None:
    full = counted(verdict(0, 2), marks={("ana", "show_played"): 4})
    assert (record(full).state, record(full).earned, full.stuck) == (State.PASSED, 4, ())
    less = counted(verdict(0, 2), marks={("ana", "show_played"): 3})
    assert (record(less).state, record(less).earned) == (State.OPEN, 3)


def test_sentences_that_differ_in_what_varies_are_one() -> None:
    found = cohort.Cohort()
    whys = [f"`find` gave {n} rows for 'seat {n}', not 1." for n in (2, 3, 12)] + ["Another."]
    found.add(
        cohort.HandIn(f"l{n}", CHAPTER, STEM, MONDAY, (verdict(0, why=why),))
        for n, why in enumerate(whys)
    )
    said = figures.count(found, NOW, found.names).sentences
    assert [(s.text, s.learners) for s in said] == [
        ("`find` gave … rows for …, not 1.", 3), ("Another.", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("got", "why", "where", "said"),
    [
        ("a.py, line 4, in f:  x\nKeyError: 'x'", "", "", "Expected: a row. Got: KeyError: 'x'"),
        ("two rows\nand more", "", "", "Expected: a row. Got: two rows"),
        ("two rows", "A seat is one row.", "", "A seat is one row."),
        ("the same as above", "", "", ""),
        ("two rows", "the same as above", "", ""),
        ("two rows", "Mend that first.", "the first item of this check", ""),
    ],
)
def test_the_sentence_of_an_item(got: str, why: str, where: str, said: str) -> None:
    item = ItemResult("Title.", 1, expected="a row", got=got, why=why, where=where)
    assert sentences.told(item) == said


def test_the_commonest_sentence_is_that_of_most_learners() -> None:
    found = cohort.Cohort()
    tries = [
        ("ana", "Rare."),
        ("ana", "Rare."),
        ("ana", "Rare."),
        ("ben", "Often."),
        ("cy", "Often."),
    ]
    found.add(
        cohort.HandIn(who, CHAPTER, STEM, MONDAY + timedelta(hours=n), (verdict(0, why=why),))
        for n, (who, why) in enumerate(tries)
    )
    (exercise,) = [
        e for e in figures.count(found, NOW, found.names).exercises if e.id == "ch01.show_played"
    ]
    assert exercise.items["Item 1."].sentence == "Often."


def test_a_learner_counts_once_for_a_sentence() -> None:
    (sentence,) = counted(verdict(0), verdict(0), verdict(2)).sentences
    assert (sentence.learners, sentence.still) == (1, 0)


def test_chapters_that_nobody_has_are_not_shown() -> None:
    assert {e.chapter for e in counted(verdict(0)).exercises} == {CHAPTER}


def test_where_to_teach_again() -> None:
    shelf = figures.Shelf()
    find = shelf.of_words
    assert (
        find("lesson 1.2, step 3", "1.2") == "Lesson 1.2, Step 3: Services that never heard of HTTP"
    )
    assert find("lesson 1.1, 'Step 1: nouns'", "1.2") == "Lesson 1.1, Step 1: nouns"
    assert find("`refuse_clash` in services/performances.py", "1.2").startswith("Lesson 1.2, Step")
    assert find("the last line of the route", "1.2") == ""
    assert find("lesson 9.9, step 1", "1.2") == ""


# --- a gradebook ------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Object of type .* not in session")
def test_names_and_marks_come_from_the_gradebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbgrader.api import Gradebook

    # nbgrader calls `alembic` by its bare name
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    path = tmp_path / "gradebook.db"
    with Gradebook(f"sqlite:///{path}") as book:
        book.add_student("ana", first_name="Ána", last_name="Ruiz")
        book.add_student("ben")
        book.add_assignment(CHAPTER)
        book.add_notebook(STEM, CHAPTER)
        book.add_grade_cell("show_played", STEM, CHAPTER, max_score=4, cell_type="code")
        book.add_submission(CHAPTER, "ana")
        grade = book.find_grade("show_played", STEM, CHAPTER, "ana")
        grade.auto_score, grade.manual_score = 2, 4
        book.db.commit()
    before = path.read_bytes()
    found = cohort.Cohort()
    cohort.read_gradebook(path, found)
    assert found.names == {"ana": "Ána Ruiz", "ben": "ben"}
    assert found.marks == {("ana", "show_played"): 4}
    assert found.assigned == {CHAPTER}
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "id,first_name,last_name\nana,Ána,Ruiz\nben,,\n",
        "\ufeffid;first_name;last_name\r\nana;Ána;Ruiz\r\nben;;\r\n",
        "email,id,last_name,first_name\na@b.example,ana,Ruiz,Ána\n,ben,,\n,,,\n",
    ],
)
def test_a_list_of_names_may_come_from_any_spreadsheet(tmp_path: Path, text: str) -> None:
    (tmp_path / "names.csv").write_text(text, encoding="utf-8", newline="")
    found = cohort.Cohort()
    cohort.read_roster(tmp_path / "names.csv", found)
    assert found.names == {"ana": "Ána Ruiz", "ben": "ben"}


def test_a_broken_gradebook_leaves_a_note(tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("not a database")
    found = cohort.Cohort()
    cohort.read_gradebook(tmp_path / "gradebook.db", found)
    assert found.names == {}
    assert "cannot be read as nbgrader's gradebook" in found.notes[0]


# --- what is shown ----------------------------------------------------------------------------


def kept(home: Path, learner: str, at: datetime, *verdicts: Verdict, **more: object) -> Path:
    """A verdict as the official grading leaves it."""
    path = home / "verdicts" / CHAPTER / learner / f"{at:{cohort.STAMP}}" / f"{STEM}.json"
    path.parent.mkdir(parents=True)
    data = {
        "learner": learner, "assignment": CHAPTER, "notebook": f"{STEM}.ipynb",
        "submitted": at.isoformat(), "graded": at.isoformat(), "file": "x", "problem": "",
        "earned": 0, "points": 0, "exercises": [one.to_json() for one in verdicts], **more,
    }  # fmt: skip
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_what_the_official_grading_leaves_is_read(tmp_path: Path) -> None:
    official = pytest.importorskip("coursekit.official", reason="nbgrader is not installed")
    about = {"assignment": CHAPTER, "student": "ana", "notebook": STEM}
    graded = grade.Graded("x", (verdict(0, 2), untried()))
    official.record(tmp_path, about, MONDAY, graded)
    official.record(tmp_path, about, NOW, grade.Graded("x", problem="it is no notebook."))
    hand_ins, notes = cohort.from_verdicts(tmp_path / "cohort" / "verdicts")
    assert notes == []
    assert [(one.submitted, one.problem) for one in hand_ins] == [
        (MONDAY, ""), (NOW, "it is no notebook.")
    ]  # fmt: skip
    assert hand_ins[0].verdicts == graded.verdicts


def test_what_learners_wrote_is_text_and_no_formula(tmp_path: Path) -> None:
    nasty = "=cmd|'/c calc'!A1"
    mark = "<script>alert(1)</script>"
    kept(tmp_path, "x1", MONDAY, verdict(0, why=f"{mark} & `<b>`"))
    roster = tmp_path / "names.csv"
    with roster.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "first_name", "last_name"], ["x1", nasty, mark]])
    assert report.main([], home=str(tmp_path), roster=str(roster), now=NOW) == 0
    html = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert mark not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>" in html
    assert rows(tmp_path / "report", "learners.csv")[0]["name"].startswith("'=cmd")


def test_the_page_names_no_other_file(tmp_path: Path) -> None:
    kept(tmp_path, "ana", MONDAY, verdict(0))
    report.main([], home=str(tmp_path), now=NOW)
    html = (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    for word in ("src=", "@import", "url(", "http://", "https://"):
        rest = html.replace("http://www.w3.org/2000/svg", "")
        assert word not in rest, word
    for colour in identity.LIGHT.values():
        assert colour in html


@pytest.mark.parametrize(
    ("lasts", "said"),
    [(timedelta(minutes=5), "0 hours"), (timedelta(hours=1), "1 hour"),
     (timedelta(hours=30), "1 day"), (timedelta(days=9, hours=3), "9 days")],
)  # fmt: skip
def test_a_length_of_time_in_words(lasts: timedelta, said: str) -> None:
    assert page.ago(lasts) == said


def chromium() -> str | None:
    known = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, known)), None)


def test_everyone_can_use_the_page(tmp_path: Path) -> None:
    """Light, dark, on a phone and without scripts, in Chromium, with axe-core."""
    tools = ROOT / "_build/vendor/tools/axe-core"
    if not (shutil.which("node") and chromium() and tools.is_dir()):
        reason = (
            "the report's page was not tested: it needs Node.js, Chromium and `make book` before"
        )
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    for number in range(14):
        earned = [2.0 * (number % 3 > 0), 2.0 * (number % 4 > 0)]
        kept(tmp_path, f"l{number:02}", MONDAY + timedelta(days=number % 5), verdict(*earned),
             untried() if number % 2 else verdict(2, id="ch01.delete_seen"))  # fmt: skip
    kept(tmp_path, "l90", MONDAY, ungraded())
    kept(tmp_path, "l91", MONDAY, problem="it is not a notebook.")
    roster = tmp_path / "names.csv"
    roster.write_text("id,first_name,last_name\nl99,Nobody,Yet\n", encoding="utf-8")
    assert report.main([], home=str(tmp_path), roster=str(roster), now=NOW) == 1
    ran = subprocess.run(
        ["node", str(ROOT / "tests/site/report.mjs"), str(tmp_path / "report/index.html")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    seen = json.loads(ran.stdout)
    for name, look in seen.items():
        assert look["requests"] == [], name
        assert look["errors"] == [], name
    assert seen["light"]["faults"] == []
    assert seen["dark"]["faults"] == []
    assert seen["light"]["ground"] != seen["dark"]["ground"]
    assert seen["phone"]["wider"] <= 0
    assert "What to teach again" in seen["plain"]["text"]
    assert "it is not a notebook." in seen["plain"]["text"]
    order = seen["sorted"]
    assert order["sort"] == "descending"
    assert order["column"] == sorted(order["column"], reverse=True)
    assert sorted(order["before"]) == sorted(order["after"]) != order["after"]


# --- bad input --------------------------------------------------------------------------------


def refused(*words: str, home: Path) -> str:
    with pytest.raises(CourseError) as caught:
        report.main(words, home=str(home), now=NOW)
    return str(caught.value)


def test_bad_input_gets_a_sentence(tmp_path: Path) -> None:
    home, empty = tmp_path / "cohort", tmp_path / "empty"
    empty.mkdir()
    assert "nothing to report on" in refused(home=home)
    assert "There is no folder" in refused(str(tmp_path / "gone"), home=home)
    assert "no notebook and no learner's folder" in refused(str(empty), home=home)
    path = kept(home, "ana", MONDAY, verdict(0))
    path.write_text("{", encoding="utf-8")
    assert "None of the verdicts" in refused(home=home)
    for text, said in ((b"", "first line"), (b"name\nAna\n", "first line"), (b"id\n\xff", "UTF-8")):
        roster = tmp_path / "names.csv"
        roster.write_bytes(text)
        with pytest.raises(CourseError, match=said):
            report.main([], home=str(home), roster=str(roster), now=NOW)


NOT_A_NUMBER = json.dumps(
    {
        "learner": "ben", "assignment": CHAPTER, "notebook": STEM, "problem": "",
        "submitted": MONDAY.isoformat(),
        "exercises": [{**verdict(0).to_json(), "points": float("nan")}],
    }
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"learner": "x"}', "\x00\xff", "[" * 100_000, NOT_A_NUMBER],
    ids=range(6),
)
def test_a_bad_verdict_stops_no_other(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kept(tmp_path, "ana", MONDAY, verdict(2, 2))
    kept(tmp_path, "ben", MONDAY, verdict(2, 2)).write_text(text, encoding="latin-1")
    assert report.main([], home=str(tmp_path), now=NOW) == 1
    assert "ben" in capsys.readouterr().err
    assert "1 learner, 1 hand-in." in report_text(tmp_path, capsys)
    assert "Yours to look at first" in (tmp_path / "report/index.html").read_text(encoding="utf-8")


def report_text(home: Path, capsys: pytest.CaptureFixture[str]) -> str:
    report.main([], home=str(home), now=NOW)
    return capsys.readouterr().out


def test_a_cohort_that_has_handed_in_nothing_has_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "hand-ins"
    (folder / "ana").mkdir(parents=True)
    assert report.main([str(folder)], home=str(tmp_path / "cohort"), now=NOW) == 0
    html = (tmp_path / "cohort/report/index.html").read_text(encoding="utf-8")
    assert "Nobody has handed in anything yet." in html


def test_any_name_of_a_folder_and_any_exercise_can_be_shown(tmp_path: Path) -> None:
    strange = [os.fsdecode(b"\xff\xfe"), '<b>&"', "=1+1", "\N{ARABIC LETTER BEH}\N{BELL}", "-"]
    for name in strange:
        kept(tmp_path, name, MONDAY, verdict(0, 2, id="ch77.gone"))
    for without in (False, True):
        assert report.main([], home=str(tmp_path), now=NOW, without_names=without) == 0
        folder = str(tmp_path / "verdicts" / CHAPTER)
        out, home = str(tmp_path / "of folders"), str(tmp_path / "other")
        assert report.main([folder], home=home, out=out, now=NOW, without_names=without) == 0
    assert "ch77.gone" in (tmp_path / "report/index.html").read_text(encoding="utf-8")
    assert len(rows(tmp_path / "report-no-names", "learners.csv")) == len(strange)


def test_a_notebook_that_cannot_be_read_is_the_leads(tmp_path: Path) -> None:
    folder = tmp_path / "hand-ins"
    (folder / "ana").mkdir(parents=True)
    (folder / "ana" / f"{STEM}.ipynb").write_text("no notebook", encoding="utf-8")
    assert report.main([str(folder)], home=str(tmp_path / "cohort"), now=NOW) == 1
    html = (tmp_path / "cohort/report/index.html").read_text(encoding="utf-8")
    assert f"{STEM}.ipynb is not a notebook." in html
    assert rows(tmp_path / "cohort/report", "not_graded.csv")[0]["learner"] == "ana"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-09 09:00:00.123456 UTC", MONDAY.replace(microsecond=123456)),
        ("2026-11-09 10:00:00 +0100", MONDAY),
        ("2026-11-09T09:00:00Z", MONDAY),
        ("2026-11-09 09:00:00", MONDAY),
    ],
)
def test_the_time_of_a_hand_in_is_nbgraders(tmp_path: Path, written: str, read: datetime) -> None:
    path = hand_in(tmp_path / "ana" / CHAPTER, {}, NOW)
    assert cohort.Paper(path, "ana", CHAPTER).submitted == NOW
    (path.parent / "timestamp.txt").write_text(written, encoding="utf-8")
    assert cohort.Paper(path, "ana", CHAPTER).submitted == read


def test_the_command_says_what_went_wrong_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "coursekit.cli", "report", "gone"], cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "✗ There is no folder gone.\n")
