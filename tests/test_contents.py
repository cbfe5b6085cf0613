"""What JupyterLab shows of a published notebook, and what it keeps of a learner's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nbformat

from coursekit import course
from coursekit.contents import Contents
from coursekit.course import MARK


def notebook(folder: Path, **metadata: object) -> Path:
    made = nbformat.v4.new_notebook(metadata=metadata)
    cell = nbformat.v4.new_code_cell("1 + 1", execution_count=3)
    cell.outputs = [nbformat.v4.new_output("execute_result", {"text/plain": "2"})]
    made.cells = [cell]
    path = folder / "lesson.ipynb"
    nbformat.write(made, path)
    return path


def outputs_shown(folder: Path) -> list[object]:
    model = asyncio.run(Contents(root_dir=str(folder)).get("lesson.ipynb"))
    return model["content"]["cells"][0]["outputs"]


def test_published_outputs_are_not_shown_and_stay_in_the_file(tmp_path: Path) -> None:
    path = notebook(tmp_path, **{MARK: {"outputs": "of the course's own run"}})
    before = path.read_bytes()
    assert outputs_shown(tmp_path) == []
    assert path.read_bytes() == before


def test_what_a_learner_saved_is_shown(tmp_path: Path) -> None:
    path = notebook(tmp_path, **{MARK: {"outputs": "of the course's own run"}})
    manager = Contents(root_dir=str(tmp_path))
    theirs = json.loads(path.read_text())
    model = {"type": "notebook", "format": "json", "content": nbformat.from_dict(theirs)}
    asyncio.run(manager.save(model, "lesson.ipynb"))
    assert len(outputs_shown(tmp_path)) == 1


def test_other_notebooks_are_shown_as_they_are(tmp_path: Path) -> None:
    notebook(tmp_path)
    assert len(outputs_shown(tmp_path)) == 1


def save(folder: Path, path: str, text: str) -> None:
    """What JupyterLab does with a notebook in which the learner replaced text by other text."""
    manager = Contents(root_dir=str(folder))
    model = asyncio.run(manager.get(path))
    before, after = text.split(" → ")
    for cell in model["content"]["cells"]:
        cell["source"] = cell["source"].replace(before, after)
    asyncio.run(manager.save({"type": "notebook", "content": model["content"]}, path))


def test_a_lesson_that_a_learner_saved_stays_the_courses_too(course_folder: Path) -> None:
    name = "notebooks/ch01_api/01_list_shows.ipynb"
    lesson = course_folder / name
    published = json.loads(lesson.read_text())
    published["metadata"][MARK] = {}
    lesson.write_text(json.dumps(published))
    course_text, title = course.files_at("1.2"), course.find("1.1").title

    for text in ("return TITLES → raise ValueError", "# List shows → # Mine", "raise → return"):
        save(course_folder, name, text)
        assert course.files_at("1.2") == course_text
        assert course.find("1.1").title == title
        assert not course.is_ours("services/shows.py", course_text["services/shows.py"] + "x = 1")
    assert "return ValueError" in lesson.read_text()

    lesson.write_text("{")  # a disk that was full
    assert course.files_at("1.2") == course_text

    published["cells"][3]["source"] += "later = 1\n"
    lesson.write_text(json.dumps(published))  # a newer version of the course
    assert course.files_at("1.2")["services/shows.py"].endswith("later = 1\n")


def test_only_published_lessons_are_kept(course_folder: Path) -> None:
    save(course_folder, "notebooks/ch01_api/01_list_shows.ipynb", "TITLES → NAMES")
    assert "NAMES" in course.files_at("1.2")["services/shows.py"]  # an author's, not yet published
    notebook(course_folder, **{MARK: {}})
    save(course_folder, "lesson.ipynb", "1 + 1 → 2 + 2")
    assert not (course_folder / course.KEPT).exists()


def test_a_copy_that_cannot_be_made_stops_no_learner(course_folder: Path) -> None:
    name = "notebooks/ch01_api/01_list_shows.ipynb"
    published = json.loads((course_folder / name).read_text())
    published["metadata"][MARK] = {}
    (course_folder / name).write_text(json.dumps(published))
    (course_folder / course.KEPT).write_text("in the way")
    save(course_folder, name, "TITLES → NAMES")
    assert "NAMES" in (course_folder / name).read_text()
