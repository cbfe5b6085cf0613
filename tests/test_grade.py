"""`coursekit grade` on submitted notebooks, good and bad. They are read, and never run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import democourse
import pytest
from democourse import TARGET, code, exercise_cells, notebook, words

from coursekit import grade, judge
from coursekit.verdict import Outcome

NAME = "01_list_shows.ipynb"
RIGHT = democourse.RIGHT


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with democourse.installed(tmp_path_factory.mktemp("demo")) as root:
        yield root


def only(graded: grade.Graded) -> Outcome:
    assert not graded.problem
    assert [verdict.id for verdict in graded.verdicts] == ["ch90.pages"]
    return graded.verdicts[0].outcome


def test_right_submission_passes_as_check_does(demo: Path, tmp_path: Path) -> None:
    path = notebook(tmp_path / NAME, exercise_cells(RIGHT))
    graded = grade.grade_notebook(path)
    assert only(graded) is Outcome.PASSED
    direct = judge.judge("ch90.pages", {TARGET: RIGHT})
    assert graded.verdicts[0].items == direct.items
    assert graded.is_complete


def test_next_notebook_is_begun_while_the_one_before_is_looked_at(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []
    for name, answer in (("right", RIGHT), ("starter", ""), ("other", RIGHT)):
        (tmp_path / name).mkdir()
        paths.append(notebook(tmp_path / name / NAME, exercise_cells(*filter(None, [answer]))))
    right, starter, other = paths
    opened: list[Path] = []
    read = grade.read
    monkeypatch.setattr(grade, "read", lambda path: opened.append(path) or read(path))  # type: ignore[func-returns-value]
    row = grade.Row()
    assert only(row.grade(right, starter)) is Outcome.PASSED
    assert opened == [right, starter]
    assert only(row.grade(starter)) is Outcome.NOT_ATTEMPTED
    assert opened == [right, starter]
    assert only(row.grade(right, starter)) is Outcome.PASSED
    assert only(row.grade(other)) is Outcome.PASSED, "another one came than was expected"
    assert opened[-1] == other


def test_notebook_is_not_run(demo: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    cells = [
        code(f"open({str(trap)!r}, 'w').write('run')"), code("1 / 0"), code("%%bash\nexit 1"),
        *exercise_cells(RIGHT),
    ]  # fmt: skip
    assert only(grade.grade_notebook(notebook(tmp_path / NAME, cells))) is Outcome.PASSED
    assert not trap.exists()


def test_untouched_submission_is_not_attempted(demo: Path, tmp_path: Path) -> None:
    path = notebook(tmp_path / NAME, exercise_cells())
    assert only(grade.grade_notebook(path)) is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("gone", [{2}, {3}, {2, 3}, {0, 1, 2}])
def test_deleted_cells_are_not_attempted(demo: Path, tmp_path: Path, gone: set[int]) -> None:
    cells = [cell for number, cell in enumerate(exercise_cells()) if number not in gone]
    path = notebook(tmp_path / NAME, cells)
    assert only(grade.grade_notebook(path)) is Outcome.NOT_ATTEMPTED


def test_renamed_notebook_is_known_by_its_checks(demo: Path, tmp_path: Path) -> None:
    path = notebook(tmp_path / "Copy of mine.ipynb", exercise_cells(RIGHT))
    assert only(grade.grade_notebook(path)) is Outcome.PASSED


def test_nbgrader_id_alone_is_enough(demo: Path, tmp_path: Path) -> None:
    cells = [*exercise_cells(RIGHT)[:-1], code("# deleted by mistake", "pages")]
    assert only(grade.grade_notebook(notebook(tmp_path / "x.ipynb", cells))) is Outcome.PASSED


def test_last_cell_of_a_target_wins_unless_it_is_the_stub(demo: Path, tmp_path: Path) -> None:
    wrong = code(f"%%build {TARGET}\n{RIGHT.replace('limit]', 'limit + 1]')}")
    right, stub = code(f"%%build {TARGET}\n{RIGHT}"), code(f"%%build {TARGET}\n{democourse.STUB}")
    check = code("check('ch90.pages')")
    for cells, outcome in (
        ([wrong, right, check], Outcome.PASSED),
        ([right, wrong, check], Outcome.NOT_YET),
        ([right, stub, check], Outcome.PASSED),
        ([check, stub, right], Outcome.PASSED),
    ):
        assert only(grade.grade_notebook(notebook(tmp_path / NAME, cells))) is outcome


def test_code_outside_of_build_cells_does_not_count(demo: Path, tmp_path: Path) -> None:
    cells = [*exercise_cells(), code(RIGHT), words(f"%%build {TARGET}\n{RIGHT}")]
    path = notebook(tmp_path / NAME, cells)
    assert only(grade.grade_notebook(path)) is Outcome.NOT_ATTEMPTED


def test_sources_as_lines_and_cells_with_the_same_id(demo: Path, tmp_path: Path) -> None:
    cells = exercise_cells(RIGHT)
    for cell in cells:
        cell["id"] = "same"
        cell["source"] = str(cell["source"]).splitlines(keepends=True)
    assert only(grade.grade_notebook(notebook(tmp_path / NAME, cells))) is Outcome.PASSED


def test_huge_outputs_do_no_harm(demo: Path, tmp_path: Path) -> None:
    cells = exercise_cells(RIGHT)
    cells[2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 20_000_000}]
    assert only(grade.grade_notebook(notebook(tmp_path / NAME, cells))) is Outcome.PASSED


def test_cell_that_names_no_target_is_left_out(demo: Path, tmp_path: Path) -> None:
    cells = [
        code("%%build"), code("%%build ../../etc/passwd.py\nx = 1"), code("%%build a b c\n"),
        *exercise_cells(RIGHT),
    ]  # fmt: skip
    assert only(grade.grade_notebook(notebook(tmp_path / NAME, cells))) is Outcome.PASSED


def bad_notebooks(folder: Path) -> dict[str, str]:
    """Bad submissions below `folder`; name → what must be said."""
    folder.mkdir(parents=True, exist_ok=True)
    deep = "[" * 100_000
    texts: dict[str, tuple[bytes, str]] = {
        "empty.ipynb": (b"", "is not a notebook"),
        "not_json.ipynb": (b"%PDF-1.4 \xff\xfe", "is not a notebook"),
        "list.ipynb": (b"[1, 2]", "is not a notebook"),
        "no_cells.ipynb": (b'{"metadata": {}}', "is not a notebook"),
        "cells_are_text.ipynb": (b'{"cells": "many"}', "is not a notebook"),
        "odd_cells.ipynb": (
            b'{"cells": [1, null, {"cell_type": "code"}, {"cell_type": "code", "source": 5, '
            b'"metadata": [1]}]}',
            "holds no exercise",
        ),
        "deep.ipynb": (deep.encode(), "recursion"),
    }
    for name, (content, _) in texts.items():
        (folder / name).write_bytes(content)
    (folder / "loop.ipynb").symlink_to(folder / "loop.ipynb")
    (folder / "gone.ipynb").symlink_to(folder / "nowhere")
    (folder / "theirs.ipynb").symlink_to(folder.parent / "a" / NAME)
    os.mkfifo(folder / "pipe.ipynb")
    newlines = code("\n" * 300_000)
    notebook(folder / "long.ipynb", [newlines])
    notebook(folder / "many.ipynb", [code("")] * 1001)
    return {name: sentence for name, (_, sentence) in texts.items()} | {
        "gone.ipynb": "no file of its own",
        "theirs.ipynb": "no file of its own",
        "pipe.ipynb": "no file of its own",
        "loop.ipynb": "",
        "long.ipynb": "a cell of more than 200,000 characters",
        "many.ipynb": "more than 1000 cells",
    }


def test_bad_notebooks_never_stop_the_others(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sentences = bad_notebooks(tmp_path / "b")
    notebook(tmp_path / "a" / NAME, exercise_cells(RIGHT))
    notebook(tmp_path / "z" / NAME, exercise_cells(RIGHT))
    notebook(tmp_path / "z" / ".ipynb_checkpoints" / NAME, exercise_cells())
    assert grade.main([tmp_path], as_json=True) == 1
    said = capsys.readouterr()
    results = {Path(r["file"]).relative_to(tmp_path).as_posix(): r for r in json.loads(said.out)}
    assert results.keys() == {f"a/{NAME}", f"z/{NAME}", *(f"b/{name}" for name in sentences)}
    for name in ("a", "z"):
        assert results[f"{name}/{NAME}"]["earned"] == 4
        assert results[f"{name}/{NAME}"]["exercises"][0]["items"][0]["earned"] == 2
    for name, sentence in sentences.items():
        assert results[f"b/{name}"]["problem"], name
        assert sentence in results[f"b/{name}"]["problem"]
        assert results[f"b/{name}"]["exercises"] == []
    assert "1 of 15" in said.err


def test_checks_that_nobody_knows_are_told_of_but_not_all(demo: Path, tmp_path: Path) -> None:
    asked = "\n".join(f'check("ch90.none_{number}")' for number in range(200))
    path = notebook(tmp_path / NAME, [*exercise_cells(RIGHT), code(asked)])
    graded = grade.grade_notebook(path)
    assert [verdict.earned for verdict in graded.verdicts] == [4, 0, 0, 0]
    assert not graded.is_complete


def test_hostile_submission_does_not_stop_the_next(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exits = "import os\n\n\ndef page(limit: int) -> list[str]:\n    os._exit(7)\n"
    notebook(tmp_path / "a.ipynb", exercise_cells(exits))
    notebook(tmp_path / "b.ipynb", exercise_cells(RIGHT))
    assert grade.main([tmp_path]) == 0
    out = capsys.readouterr().out
    assert "could not finish: your code ended itself (exit code 7)" in out
    assert "✓ ch90.pages      4/4  passed" in out


def test_table_says_what_was_missed(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = RIGHT.replace("TITLES[:limit]", "list(TITLES)")
    path = notebook(tmp_path / NAME, exercise_cells(answer))
    assert grade.main([path]) == 0
    said = capsys.readouterr()
    assert "ch90.pages      1/4  not yet" in said.out
    assert "The caller asked for a small page." in said.out
    assert said.err == ""


def test_unknown_check_and_fault_of_a_check_are_not_graded(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [
        *exercise_cells(RIGHT), code('check("ch90.pagez")'), code('check("ch90.broken_check")'),
    ]  # fmt: skip
    assert grade.main([notebook(tmp_path / NAME, cells)]) == 1
    out = capsys.readouterr().out
    assert 'There is no exercise "ch90.pagez". Did you mean "ch90.pages"?' in out
    assert "ZeroDivisionError" in out
    assert "✓ ch90.pages" in out


def test_missing_file_and_empty_folder(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert grade.main([tmp_path / "nothing.ipynb"]) == 1
    assert "there is no such file" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    assert grade.main([tmp_path / "empty"]) == 2
    assert "no notebook" in capsys.readouterr().err
