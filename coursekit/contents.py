"""How JupyterLab reads the course's notebooks: without the outputs of the course's own run.

The stored outputs are for the website and for nbval. A learner who sees them before running has
nothing left to predict. What the learner saves is theirs, and is shown as it is.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from coursekit.course import MARK, keep_own_text


def cover(notebook: dict[str, Any]) -> None:
    """Take the outputs out of a notebook that nobody has run since it was published."""
    if MARK not in notebook["metadata"]:
        return
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


class Contents(AsyncLargeFileManager):
    """Files as they are, and published notebooks without their outputs."""

    async def get(self, path: str, content: bool = True, *more: Any, **named: Any) -> Any:
        model = await super().get(path, content, *more, **named)  # type: ignore[no-untyped-call]
        if content and model["type"] == "notebook":
            cover(model["content"])
        return model

    async def save(self, model: dict[str, Any], path: str = "") -> Any:
        if model.get("type") == "notebook" and model.get("content"):
            model["content"]["metadata"].pop(MARK, None)
            with suppress(OSError):  # a learner's work is saved all the same
                keep_own_text(Path(self.root_dir, path.strip("/")).resolve())
        return await super().save(model, path)  # type: ignore[no-untyped-call]
