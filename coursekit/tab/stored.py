"""Cells that a tab cannot run: one sentence why, and what they showed on a computer.

Such a cell has the tag `computer`; why stands in its metadata (`coursekit.computer`), and what a
tab can do of it (`coursekit.instead`). It is known by its source, so the notebook is the same
everywhere, and a variant of the learner's own runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from coursekit import course, display, places, session
from coursekit.errors import CourseError

TAG = "computer"
ELSE = "it needs more than a browser tab has"
LIVE = "application/vnd.jupyter.widget-view+json"
"""What only a running kernel could show."""


def install() -> None:
    """Have such cells of this kernel show what is stored of them. Twice does no harm."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return
    cleanups = shell.input_transformer_manager.cleanup_transforms
    if not any(isinstance(each, _Instead) for each in cleanups):
        cleanups.insert(0, _Instead())


class _Instead:
    """Puts a call of `show` in the place of a cell (an input transformer of IPython's)."""

    has_side_effects = True  # not while IPython merely looks whether a cell is complete

    def __call__(self, lines: list[str]) -> list[str]:
        number = _number(_plain("".join(lines)))
        if number is None:
            return lines
        call = f"__import__('coursekit.tab.stored', fromlist=['show']).show({number})\n"
        return [call, *instead(_cells()[number]).splitlines(keepends=True)]


def show(number: int) -> None:
    """Say why cell `number` of the lesson's notebook cannot run here, and show its stored output.

    For the call that stands in such a cell's place.
    """
    cell = _cells()[number]
    words = f"This cell runs on a computer only: {_reason(cell)}."
    if cell.get("outputs"):
        words += " Below is what it showed there."
    if instead(cell):
        words += " After that comes the part of it that this tab has run."
    display.show(display.card("→", words, "info", footer="`make lab` runs it on yours."))
    for output in cell.get("outputs", []):
        _show(output)


def instead(cell: Mapping[str, Any]) -> str:
    """The part of such a cell that a tab can run, which the cells below build on; often none."""
    own = cell.get("metadata", {}).get("coursekit", {})
    return str(own.get("instead", "")) if isinstance(own, dict) else ""


def _reason(cell: Mapping[str, Any]) -> str:
    metadata = cell.get("metadata", {})
    own = metadata.get("coursekit", {})
    return str(own.get("computer", "") if isinstance(own, dict) else "").rstrip(".") or ELSE


def _show(output: Mapping[str, Any]) -> None:
    from IPython.display import display as show_in_cell

    kind = output.get("output_type")
    if kind == "stream":
        print(_joined(output.get("text", "")), end="")
    elif kind == "error":
        print(f"{output.get('ename')}: {output.get('evalue')}")
    else:
        data = {
            mime: _joined(part) for mime, part in output.get("data", {}).items() if mime != LIVE
        }
        if data:
            show_in_cell(  # type: ignore[no-untyped-call]
                data, metadata=output.get("metadata", {}), raw=True
            )


def _joined(text: Any) -> Any:
    return "".join(text) if isinstance(text, list) else text


def _number(source: str) -> int | None:
    """Which of the lesson's cells this is, if it is one that a tab cannot run."""
    for number, cell in enumerate(_cells()):
        if _plain(course.source_of(cell)) == source and source:
            return number
    return None


def _plain(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))


def _cells() -> list[dict[str, Any]]:
    """The cells with that tag, of the lesson (or the exercises) that this kernel is in."""
    try:
        now = session.current()
    except CourseError:
        return []
    root = places.checkout()
    path = now.lesson.path
    if now.exercises:
        path = root / "exercises" / path.relative_to(root / "notebooks")
    return _known(path)


_read: dict[Path, list[dict[str, Any]]] = {}


def _known(path: Path) -> list[dict[str, Any]]:
    if path not in _read:
        _read[path] = [*_tagged(path)]
    return _read[path]


def _tagged(path: Path) -> Iterator[dict[str, Any]]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return
    for cell in cells:
        if cell.get("cell_type") == "code" and TAG in cell.get("metadata", {}).get("tags", []):
            yield cell
