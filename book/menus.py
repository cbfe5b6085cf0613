"""The widgets and pictures in stored outputs, as plain parts of a page.

A live widget (`coursekit.widget.play`) has stored what each choice of its menus shows. On a page
its results stand as plain HTML, which `boxoffice.js` leafs through and which reads without it too.
"""

import base64
import hashlib
import re
import struct
from collections.abc import Iterator
from html import escape
from itertools import product
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

VIEW = "application/vnd.jupyter.widget-view+json"
PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')
KNOWN = {"VBoxModel", "HBoxModel", "StackModel", "DropdownModel", "ButtonModel", "HTMLModel"}
WIDGETS = "application/vnd.jupyter.widget-state+json"


class Unknown(Exception):
    """A widget that no page can show."""


def plain(notebook: NotebookNode, pictures: Path, address: str) -> None:
    """Put the widgets of a notebook into its outputs, and their pictures into a folder.

    `address` leads from the notebook's page to the folder.
    """
    states = notebook.metadata.get("widgets", {}).get(WIDGETS, {}).get("state", {})
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if VIEW in data:
                data["text/html"] = play(states, data.pop(VIEW)["model_id"])
            if "text/html" in data:
                data["text/html"] = _aside(data["text/html"], pictures, address)
    notebook.metadata.pop("widgets", None)


# --- the widget -----------------------------------------------------------------------------


def play(states: dict[str, Any], model: str) -> str:
    """The menus of a widget, and below them a screen for each combination of their choices."""
    menus: list[tuple[str, list[str]]] = []
    screens: list[str] = []
    for name, state in _models(states, model):
        if name == "DropdownModel":
            menus.append((state["description"], state["_options_labels"]))
        elif name == "HTMLModel":
            screens.append(state["value"])
    choices = list(product(*(options for _, options in menus)))
    if not menus or len(choices) != len(screens):
        raise Unknown(f"{len(menus)} menus with {len(choices)} choices, {len(screens)} screens")
    parts = ['<div class="bx-play"><p class="bx-menus">']
    for label, options in menus:
        listed = "".join(f"<option>{escape(option)}</option>" for option in options)
        parts.append(f"<label>{escape(label)} <select>{listed}</select></label>")
    parts.append("<button disabled>Run again (in the notebook)</button></p>")
    for number, (choice, screen) in enumerate(zip(choices, screens, strict=True)):
        words = ", ".join(f"{label}: {one}" for (label, _), one in zip(menus, choice, strict=True))
        aside = " hidden" if number else ""
        parts.append(f'<div class="bx-screen"{aside}><p class="bx-chosen">{escape(words)}</p>')
        parts.append(f"{screen}</div>")
    return "".join([*parts, "</div>"])


def _models(states: dict[str, Any], model: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A model and all inside it, in the order in which they stand."""
    one = states[model.removeprefix("IPY_MODEL_")]
    name, state = one["model_name"], one["state"]
    if name not in KNOWN:
        raise Unknown(f"a page shows what play() makes, and no {name}")
    yield name, state
    for child in state.get("children", []):
        yield from _models(states, child)


# --- pictures -------------------------------------------------------------------------------


def _aside(html: str, pictures: Path, address: str) -> str:
    """The same, with each picture in a file of its own: fetched when it comes into view."""

    def laid(found: re.Match[str]) -> str:
        data = base64.b64decode(found[1])
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.png"
        pictures.mkdir(parents=True, exist_ok=True)
        (pictures / name).write_bytes(data)
        width, height = struct.unpack(">II", data[16:24])
        return f'src="{address}{name}" width="{width}" height="{height}" loading="lazy"'

    return PICTURE.sub(laid, html)
