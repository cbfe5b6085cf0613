"""The pages that are made when the site is built."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode, v4

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book"))

import pages  # noqa: E402
from build import outside_files  # noqa: E402

ANSWER = """\
%%build services/paging.py::double
def double(number: int) -> int:
    ### BEGIN SOLUTION
    return number * 2
    ### END SOLUTION"""


def solved() -> NotebookNode:
    def ran(source: str) -> NotebookNode:
        output = v4.new_output("stream", text=f"ran {source[:5]}")
        return v4.new_code_cell(source, outputs=[output])

    answer = ran(ANSWER)
    answer.metadata.nbgrader = {
        "schema_version": 3,
        "solution": True,
        "grade": False,
        "task": False,
        "locked": False,
        "grade_id": "double_answer",
    }
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Exercises"),
            ran("start('1.2', exercises=True)"),
            v4.new_markdown_cell("## Double it"),
            ran("broken()"),
            answer,
            ran("double(4)"),
            v4.new_markdown_cell("## The next one"),
            ran("another()"),
        ]
    )


def page() -> dict[str, NotebookNode]:
    folded = pages.fold(solved(), "exercises/ch01_api/02_x.ipynb")
    return {cell.source.split("\n")[-1]: cell for cell in folded.cells}


def test_starter_stands_in_view_without_output():
    starter = page()["    raise NotImplementedError()"]
    assert "tags" not in starter.metadata
    assert starter.outputs == []
    assert "return number * 2" not in starter.source


def test_solution_is_folded_away_without_markers():
    solution = page()["    return number * 2"]
    assert solution.metadata.tags == ["hide-cell"]
    assert solution.metadata.mystnb["code_prompt_show"] == "Show the solution"
    assert "SOLUTION" not in solution.source


def test_only_what_the_solution_prints_is_folded():
    cells = page()
    assert cells["double(4)"].metadata.tags == ["hide-output"]
    for source in ("start('1.2', exercises=True)", "broken()", "another()"):
        assert "tags" not in cells[source].metadata


def test_reader_is_told_where_to_do_the_exercises():
    folded = pages.fold(solved(), "exercises/ch01_api/02_x.ipynb")
    assert "`exercises/ch01_api/02_x.ipynb`" in folded.cells[1].source


def test_files_from_outside_are_found(tmp_path):
    (tmp_path / "page.html").write_text(
        '<link rel="canonical" href="https://here.example/"><a href="https://there.example">x</a>'
        '<script src="//elsewhere.example/x.js"></script><img src="_static/mark.svg">'
    )
    assert outside_files(tmp_path) == {"page.html: //elsewhere.example/x.js"}


@pytest.mark.parametrize("tool", ["npm", "node"])
def test_a_missing_tool_is_named_in_one_line(tmp_path, tool):
    shutil.copytree(ROOT / "book", tmp_path / "book", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "bin").mkdir()
    for other in {"npm", "node"} - {tool}:
        (tmp_path / "bin" / other).touch(mode=0o755)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "book" / "build.py")],
        env={**os.environ, "PATH": str(tmp_path / "bin"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"book: {tool} is missing; install Node.js 20 or later, then try again\n"
    )
