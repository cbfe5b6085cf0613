"""How the lessons are made. `everything.py` runs them."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import again
import pytest
from nbformat.v4 import new_code_cell, new_output

from coursekit import course, places
from coursekit.course import Lesson

ROOT = places.checkout()
LESSONS = [lesson for lesson in course.lessons() if lesson.id != "0"]
EXERCISES = sorted((ROOT / "solutions").rglob("*.ipynb"))
by_id = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.id)


def outputs(path: Path) -> list[tuple[str, str]]:
    """(kind, plain text) of every stored output of a notebook."""
    found = []
    for cell in course.read_cells(path):
        for output in cell.get("outputs", []) or []:
            data = output.get("data", {}).get("text/plain", output.get("text", ""))
            found.append((output["output_type"], "".join(data)))
    return found


def cells(path: Path, kind: str) -> list[str]:
    return [course.source_of(c) for c in course.read_cells(path) if c["cell_type"] == kind]


@by_id
def test_lesson_has_the_parts_of_a_lesson(lesson: Lesson) -> None:
    text = "\n".join(cells(lesson.path, "markdown"))
    code = cells(lesson.path, "code")
    most = 60 if lesson.chapter == "ch01_api" else 70  # a cell for each statement of SQL
    assert 30 <= len(course.read_cells(lesson.path)) <= most
    assert 900 <= len(re.findall(r"\w+", re.sub(r"```.*?```", "", text, flags=re.S))) <= 2300
    assert len(lesson.checks) == len(set(lesson.checks)) >= 3
    assert any(re.search(r"^play\(", source, re.M) for source in code)
    assert re.search(r"^## Sources$", text, re.M)
    assert re.search(r"https://www\.rfc-editor\.org/|https://", text)
    assert f'start("{lesson.id}")' in code[0]


@pytest.mark.parametrize("path", [lesson.path for lesson in course.lessons()] + EXERCISES, ids=str)
def test_headings_are_in_order_and_the_first_is_the_only_title(path: Path) -> None:
    levels = [
        len(mark)
        for text in cells(path, "markdown")
        for mark in re.findall(r"^(#+) ", re.sub(r"```.*?```", "", text, flags=re.S), re.M)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", [lesson.path for lesson in course.lessons()] + EXERCISES, ids=str)
def test_stored_outputs_hold_no_failure_and_no_path_of_a_machine(path: Path) -> None:
    for kind, text in outputs(path):
        assert kind != "error", text
        assert not text.startswith("✗"), text
        assert not re.search(r"/(home|root|work|tmp|Users)/", text), text


@by_id
def test_widgets_are_stored_with_a_text_that_stands_for_them(lesson: Lesson) -> None:
    notebook = json.loads(lesson.path.read_text(encoding="utf-8"))
    state = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    views = [
        output["data"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert views
    for view in views:
        assert view["application/vnd.jupyter.widget-view+json"]["model_id"] in state
        assert "▸" in "".join(view["text/plain"])


@by_id
def test_no_more_than_two_code_cells_stand_in_a_row(lesson: Lesson) -> None:
    kinds = "".join(
        "c" if c["cell_type"] == "code" else "m" for c in course.read_cells(lesson.path)
    )
    assert "ccc" not in kinds


def test_links_between_notebooks_lead_somewhere() -> None:
    for path in [lesson.path for lesson in course.lessons()] + EXERCISES:
        for text in cells(path, "markdown"):
            for goal in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", text):
                assert (path.parent / goal).resolve().exists(), f"{path.name}: {goal}"


def test_what_may_not_be_shown_is_found_when_lessons_run_again() -> None:
    shown = [
        new_output("stream", text="✓ fine"),
        new_output("display_data", data={"text/plain": "✗ a check that fails"}),
        new_output("error", ename="NameError", evalue="x", traceback=["NameError: x"]),
    ]
    cells = [new_code_cell(outputs=shown), new_code_cell()]
    assert list(again.failures(cells)) == ["✗ a check that fails", "NameError: x"]


def test_a_chapter_without_lessons_is_no_success() -> None:
    assert again.main("ch00_nothing") == 1


@pytest.mark.parametrize("lesson", course.lessons(), ids=lambda lesson: lesson.id)
def test_python_that_a_text_quotes_stands_in_box_office(lesson: course.Lesson) -> None:
    """A quotation is a second copy: it has to be one of what the lesson's cells write."""
    written = {line.strip() for text in course.files_after(lesson.id).values()
               for line in text.splitlines()}  # fmt: skip
    for quoted in re.findall(
        r"```python\n(.*?)```", "\n".join(cells(lesson.path, "markdown")), re.S
    ):
        assert {line.strip() for line in quoted.splitlines()} <= written
