"""The pages that are made when the site is built."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode, v4

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "book"))

import lighten  # noqa: E402
import menus  # noqa: E402
import pages  # noqa: E402
from build import outside_files  # noqa: E402

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x05\0\0\0\x07").decode()
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


def widget(*screens: str, **more: dict) -> dict:
    """The models of a widget with one menu, as a notebook stores them."""
    leaves = [f"IPY_MODEL_{number}" for number in range(len(screens))]
    models = {
        "all": ("VBoxModel", {"children": ["IPY_MODEL_menus", "IPY_MODEL_stack"]}),
        "menus": ("HBoxModel", {"children": ["IPY_MODEL_menu", "IPY_MODEL_again"]}),
        "menu": ("DropdownModel", {"description": "limit", "_options_labels": ["1", "<2>"]}),
        "again": ("ButtonModel", {"description": "Run again"}),
        "stack": ("StackModel", {"children": leaves}),
        **{str(number): ("HTMLModel", {"value": text}) for number, text in enumerate(screens)},
        **more,
    }
    return {name: {"model_name": kind, "state": state} for name, (kind, state) in models.items()}


def test_a_widget_becomes_menus_and_a_screen_for_each_choice(tmp_path):
    picture = f'<img alt="A" src="data:image/png;base64,{PICTURE}">'
    output = v4.new_output("display_data", {menus.VIEW: {"model_id": "all"}, "text/plain": "x"})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("play()", outputs=[output])])
    notebook.metadata.widgets = {menus.WIDGETS: {"state": widget("<b>one</b>", picture)}}
    menus.plain(notebook, tmp_path, "../pictures/")
    html = notebook.cells[0].outputs[0].data["text/html"]
    assert "<select><option>1</option><option>&lt;2&gt;</option></select>" in html
    assert '<div class="bx-screen"><p class="bx-chosen">limit: 1</p><b>one</b></div>' in html
    assert '<div class="bx-screen" hidden><p class="bx-chosen">limit: &lt;2&gt;</p><img' in html
    (file,) = tmp_path.iterdir()
    assert f'src="../pictures/{file.name}" width="5" height="7" loading="lazy"' in html
    assert file.read_bytes() == base64.b64decode(PICTURE)
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize(
    "states",
    [widget("one"), widget("one", "two", again=("SliderModel", {}))],
    ids=["a choice without a screen", "a widget of another kind"],
)
def test_a_widget_that_no_page_can_show_is_said(states):
    with pytest.raises(menus.Unknown):
        menus.play(states, "all")


def test_rules_for_what_stands_nowhere_are_dropped():
    style = """
    /* a comment */ .here, .gone { color: red } .gone > p { color: blue }
    p:not(.gone) { margin: 0 } @media print { .gone { top: 0 } }
    @media print { .a\\:b { top: 0 } } [data-x=".gone"] { top: 1px }
    """
    kept = lighten.used(style, {"here", "a", "b"}).splitlines()[1:]
    assert [line.replace(" ", "") for line in kept if line] == [
        ".here{color:red}",
        "p:not(.gone){margin:0}",
        "@mediaprint{.a\\:b{top:0}",
        "}",
        '[data-x=".gone"]{top:1px}',
    ]


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
