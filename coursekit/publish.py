"""Running a notebook from top to bottom and storing what it shows, for the site and for nbval."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from coursekit import places
from coursekit.course import MARK
from coursekit.errors import CourseError


@contextmanager
def isolated() -> Iterator[Path]:
    """Workspaces below a folder that is gone afterwards, one for each lesson."""
    with tempfile.TemporaryDirectory(prefix="boxoffice-run-") as folder:
        before = os.environ.get("COURSEKIT_ISOLATE")
        os.environ["COURSEKIT_ISOLATE"] = folder
        try:
            yield Path(folder)
        finally:
            if before is None:
                del os.environ["COURSEKIT_ISOLATE"]
            else:
                os.environ["COURSEKIT_ISOLATE"] = before


def publish(path: Path, *, store: bool = True, isolate: bool = True) -> list[NotebookNode]:
    """Run a notebook, in a workspace of its own unless told otherwise; its code cells.

    With `store` the outputs and widgets are written into the file. Raises CourseError with the
    cell that failed; then the file stays as it was.
    """
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    notebook.metadata.pop("widgets", None)
    with isolated() if isolate else nullcontext():
        runner = NotebookClient(
            notebook, timeout=300, kernel_name="python3", store_widget_state=True,
            record_timing=False, resources={"metadata": {"path": str(path.parent)}},
        )  # fmt: skip
        try:
            runner.execute()
        except CellExecutionError as error:
            raise CourseError(f"{path}: a cell failed.\n{error}") from None
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3", "language": "python", "name": "python3",
    }  # fmt: skip
    notebook.metadata[MARK] = {"outputs": "of the course's own run"}
    notebook.metadata["language_info"] = {"name": "python"}
    if store:
        nbformat.write(notebook, path)  # type: ignore[no-untyped-call]
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def release(into: Path | None = None) -> list[Path]:
    """Make the exercise notebooks from the solutions by nbgrader; returns what was written.

    The result is the same, byte for byte, each time. Raises CourseError with nbgrader's words.
    """
    root = places.checkout()
    target = (into or root / "exercises").resolve()
    written = []
    for chapter in sorted(p.name for p in (root / "solutions").iterdir() if p.is_dir()):
        with tempfile.TemporaryDirectory(prefix="boxoffice-release-") as scratch:
            done = subprocess.run(
                [
                    sys.executable, "-m", "nbgrader", "generate_assignment", chapter,
                    "--force", "--no-db", f"--CourseDirectory.root={root}",
                    "--CourseDirectory.source_directory=solutions",
                    f"--CourseDirectory.release_directory={target}",
                ],
                cwd=scratch, capture_output=True, text=True, check=False,
            )  # fmt: skip
        if done.returncode != 0:
            raise CourseError(f"nbgrader could not release {chapter}:\n{done.stderr[-3000:]}")
        written += sorted((target / chapter).glob("*.ipynb"))
    return written
