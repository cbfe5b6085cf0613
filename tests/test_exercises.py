"""exercises/ is what nbgrader makes of solutions/, and every exercise is whole."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from coursekit import checks, course, judge, places, session
from coursekit.publish import release

ROOT = places.checkout()


@pytest.mark.timeout(120)
def test_exercises_are_the_release_of_the_solutions_byte_for_byte(tmp_path: Path) -> None:
    released = {p.relative_to(tmp_path): p.read_bytes() for p in release(tmp_path)}
    stored = {
        p.relative_to(ROOT / "exercises"): p.read_bytes()
        for p in (ROOT / "exercises").rglob("*.ipynb")
        if ".ipynb_checkpoints" not in p.parts
    }
    assert sorted(released) == sorted(stored), "run `make release`"
    for path, content in released.items():
        assert content == stored[path], f"{path} differs: run `make release`"


@pytest.mark.parametrize(
    "lesson", [lesson for lesson in course.lessons() if lesson.id != "0"], ids=lambda x: x.id
)
def test_lesson_has_its_exercises(lesson: course.Lesson) -> None:
    exercises = [checks.find(name) for name in lesson.exercises]
    assert len(exercises) >= 3
    kinds = {exercise.kind for exercise in exercises}
    assert {"complete", "mend", "write"} <= kinds
    assert "stretch" in kinds
    assert {exercise.lesson for exercise in exercises} == {lesson.id}


def test_every_check_is_used_by_a_notebook() -> None:
    used = {name for lesson in course.lessons() for name in lesson.exercises}
    assert set(checks.exercises()) == used


def test_points_and_names_of_the_notebooks_are_those_of_the_checks() -> None:
    for path in sorted((ROOT / "solutions").rglob("*.ipynb")):
        names = course.exercise_names(path)
        graded = {
            cell["metadata"]["nbgrader"]["grade_id"]: cell["metadata"]["nbgrader"]["points"]
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
            if cell["metadata"].get("nbgrader", {}).get("grade")
        }
        expected = {name.split(".")[1]: checks.find(name).points for name in names}
        assert graded == expected, path.name


@pytest.mark.parametrize(
    "lesson", [lesson for lesson in course.lessons() if lesson.exercises], ids=lambda x: x.id
)
def test_what_was_handed_out_is_what_the_released_notebook_holds(lesson: course.Lesson) -> None:
    path = ROOT / "exercises" / lesson.path.relative_to(ROOT / "notebooks")
    assert course.handed_out(lesson) == course.build_cells(path)


def test_an_answer_that_is_saved_in_the_notebook_is_no_starter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exercise = checks.find("ch01.replaced_venue")
    before, handed_out = judge.starters(exercise), session.given(course.find(exercise.lesson))
    for folder in ("notebooks", "solutions", "exercises"):
        shutil.copytree(ROOT / folder / "ch01_api", tmp_path / folder / "ch01_api")
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    name = course.find(exercise.lesson).path.name
    solved = tmp_path / "exercises" / "ch01_api" / name
    shutil.copy(tmp_path / "solutions" / "ch01_api" / name, solved)
    assert judge.starters(exercise) == before
    assert session.given(course.find(exercise.lesson)) == handed_out
    solved.unlink()
    assert exercise.id in course.find(exercise.lesson).exercises


def test_no_solution_is_left_in_an_exercise() -> None:
    for path in (ROOT / "exercises").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert "BEGIN SOLUTION" not in text
        assert "NotImplementedError" in text
