"""The course as its notebooks tell it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import SHOUT, SHOWS, write_notebook

from coursekit import course
from coursekit.errors import BuildRefused, CourseError, UnknownName


def test_lessons_are_found_in_reading_order(course_folder: Path) -> None:
    assert [lesson.id for lesson in course.lessons()] == ["0", "1.1", "1.2"]
    first = course.find("1.1")
    assert (first.title, first.chapter, first.stem) == ("List shows", "ch01_api", "01_list_shows")
    assert first.checks == ("a show is found",)
    assert first.exercises == ("ch90.loud",)
    assert course.find("0").chapter == ""


def test_what_a_learner_puts_beside_the_lessons_is_no_lesson(course_folder: Path) -> None:
    chapter = course_folder / "notebooks/ch01_api"
    for name in ("01_list_shows-Copy1.ipynb", "Untitled.ipynb", ".~01_list_shows.ipynb"):
        write_notebook(chapter / name, "# Mine", "%%build app.py\nmine = 1\n")
    write_notebook(chapter / ".ipynb_checkpoints/01_list_shows-checkpoint.ipynb", "# Old")
    assert [lesson.id for lesson in course.lessons()] == ["0", "1.1", "1.2"]
    assert "mine" not in course.files_at("end")["app.py"]


def test_an_unknown_lesson_names_the_nearest(course_folder: Path) -> None:
    with pytest.raises(UnknownName, match=r'no lesson "1.9". Did you mean "1.2"'):
        course.find("1.9")
    with pytest.raises(UnknownName, match=r"There are: 0, 1.1, 1.2"):
        course.find("xyz")


def test_box_office_at_the_start_and_the_end_of_a_lesson(course_folder: Path) -> None:
    assert course.files_at("0") == course.files_at("1.1") == {}
    assert course.files_at("1.2")["services/shows.py"] == SHOWS
    assert course.files_after("1.1") == course.files_at("1.2")
    end = course.files_after("1.2")
    assert SHOUT in end["services/shows.py"]
    assert end["docs/notes.md"] == "# Notes\n"
    assert course.files_at("end") == end
    assert course.origins() == {
        "app.py": "1.1", "services/shows.py": "1.2", "docs/notes.md": "1.2",
    }  # fmt: skip


def test_assemble_writes_the_files(course_folder: Path, tmp_path: Path) -> None:
    written = course.assemble("1.2", tmp_path / "out")
    assert [str(p.relative_to(tmp_path / "out/boxoffice")) for p in written] == [
        "app.py",
        "services/shows.py",
    ]
    assert len(course.assemble_end("1.2", tmp_path / "end")) == 3


def test_scratch_cells_are_no_part_of_box_office(course_folder: Path) -> None:
    path = course_folder / "notebooks/ch01_api/03_try_things.ipynb"
    write_notebook(path, "# Try", "%%build scratch/rpc.py\nx = 1")
    assert course.files_at("end") == course.files_after("1.2")


def test_every_step_of_the_course_is_known_as_ours(course_folder: Path) -> None:
    for text in (SHOWS, course.files_at("end")["services/shows.py"], SHOWS + "\n\n"):
        assert course.is_ours("services/shows.py", text)
    assert not course.is_ours("services/shows.py", SHOWS + "mine = 1\n")
    assert not course.is_ours("services/other.py", SHOWS)


def test_a_broken_cell_is_left_out_for_a_learner_and_refused_for_an_author(
    course_folder: Path, tmp_path: Path
) -> None:
    path = course_folder / "notebooks/ch01_api/01_list_shows.ipynb"
    write_notebook(
        path, "# List shows", "%%build app.py\nx = (", "%%build ../y.py\ny = 1", "%%build\n",
        f"%%build services/shows.py\n{SHOWS}",
    )  # fmt: skip
    assert course.files_at("1.2") == {"services/shows.py": SHOWS}
    lost = course.left_out("1.2")
    assert len(lost) == 3
    assert {words.rpartition(", ")[2] for words in lost} == {"a cell of 01_list_shows.ipynb"}
    with pytest.raises(BuildRefused, match=r"01_list_shows.ipynb"):
        course.assemble("end", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "{", '{"cells": 3}', "[]", '"x"'])
def test_a_file_that_is_no_notebook_is_named(course_folder: Path, text: str) -> None:
    path = course_folder / "notebooks/ch01_api/02_shout_titles.ipynb"
    path.write_text(text)
    with pytest.raises(CourseError, match=r"02_shout_titles.ipynb is not a notebook"):
        course.lessons()


@pytest.mark.parametrize(
    ("line", "title"),
    [(' "it is loud"', "it is loud"), (" it's loud", "it's loud"), (" plain words", "plain words")],
)
def test_titles_of_checks(line: str, title: str) -> None:
    assert course.check_title(line) == title


def test_a_check_needs_a_title() -> None:
    with pytest.raises(CourseError, match='%%check "one buyer wins"'):
        course.check_title("  ")


def test_generated_files_come_from_box_office_itself(course_folder: Path) -> None:
    write_notebook(
        course_folder / "notebooks/ch01_api/03_describe.ipynb", "# Describe",
        "%%build spec.py\nfrom boxoffice.services.shows import TITLES\n\n\n"
        "def text():\n    return ', '.join(TITLES)\n\n\ndef number():\n    return 7\n",
        "%%build docs/titles.txt --from boxoffice.spec:text\n# made by spec.py\n",
    )  # fmt: skip
    assert course.files_at("end")["docs/titles.txt"] == "Hamlet, Macbeth, Othello\n"
    with pytest.raises(BuildRefused, match="returned int, and a file needs a str"):
        course.generate(course.files_at("end"), "boxoffice.spec:number")
    with pytest.raises(BuildRefused, match="AttributeError"):
        course.generate(course.files_at("end"), "boxoffice.spec:nothing")
