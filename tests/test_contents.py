"""What JupyterLab shows of a published notebook, and what it keeps of a learner's."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import nbformat

from coursekit.contents import MARK, Contents


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
