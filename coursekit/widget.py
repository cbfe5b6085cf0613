"""The live widget of a lesson: choose, and see what really happens."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Sequence
from html import escape

import ipywidgets as widgets  # type: ignore[import-untyped]
from IPython.display import display

from coursekit.display import pre, waiting
from coursekit.errors import CourseError

MOST = 24
Choice = tuple[str, object]


def play(function: Callable[..., object], **choices: Sequence[object]) -> None:
    """Show a widget that calls `function(**chosen)` for the choices of its menus.

    Each keyword is a menu: a list of values, or a dict from label to value. All combinations
    (at most 24) are called once when the cell runs; their results are stored, so that the menus
    also work on the published page. In a running notebook each change calls the function anew.
    """
    menus = {name: _labelled(values) for name, values in choices.items()}
    combinations = list(itertools.product(*menus.values()))
    if not menus or not 1 <= len(combinations) <= MOST:
        raise CourseError(f"play() shows 1 to {MOST} combinations; these are {len(combinations)}.")
    results: dict[tuple[str, ...], tuple[str, str]] = {}
    screens: dict[tuple[str, ...], widgets.HTML] = {}
    with waiting("Trying every choice"):
        for combination in combinations:
            labels = tuple(label for label, _ in combination)
            results[labels] = _call(function, menus, combination)
    for labels in results:
        screens[labels] = widgets.HTML(results[labels][1])
    dropdowns = [
        widgets.Dropdown(
            options=[label for label, _ in entries],
            index=0,
            description=name.replace("_", " "),
            style={"description_width": "initial"},
            layout={"width": "max-content"},
        )
        for name, entries in menus.items()
    ]
    stacks = _stack(dropdowns, [], list(menus.values()), screens)
    button = widgets.Button(description="Run again", tooltip="Call your API again with this choice")

    def again(_: object) -> None:
        labels = tuple(str(d.value) for d in dropdowns)
        chosen = tuple(
            entries[d.index or 0] for d, entries in zip(dropdowns, menus.values(), strict=True)
        )
        screens[labels].value = _call(function, menus, chosen)[1]

    button.on_click(again)
    for dropdown in dropdowns:
        dropdown.observe(again, "index")
    controls = widgets.HBox([*dropdowns, button], layout={"flex_flow": "row wrap"})
    whole = widgets.VBox([controls, stacks]).add_class("bx-play")
    lines = []
    for labels, (text, _) in results.items():
        what = ", ".join(
            f"{name.replace('_', ' ')}: {label}" for name, label in zip(menus, labels, strict=True)
        )
        lines += [f"▸ {what}", *(f"  {line}".rstrip() for line in text.splitlines()), ""]
    bundle = {
        "application/vnd.jupyter.widget-view+json": {
            "version_major": 2, "version_minor": 0, "model_id": whole.model_id,
        },
        "text/plain": "\n".join(lines).rstrip(),
    }  # fmt: skip
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


def _labelled(values: Sequence[object]) -> list[Choice]:
    pairs = list(values.items()) if isinstance(values, dict) else [(str(v), v) for v in values]
    return [(str(label), value) for label, value in pairs]


def _stack(
    dropdowns: list[widgets.Dropdown],
    chosen: list[str],
    menus: list[list[Choice]],
    screens: dict[tuple[str, ...], widgets.HTML],
) -> widgets.Widget:
    """Nested stacks, one level a menu; the menu moves its level in the browser itself."""
    if not menus:
        return screens[tuple(chosen)]
    children = [
        _stack(dropdowns[1:], [*chosen, label], menus[1:], screens) for label, _ in menus[0]
    ]
    stack = widgets.Stack(children=children, selected_index=0)
    widgets.jslink((dropdowns[0], "index"), (stack, "selected_index"))
    return stack


def _call(
    function: Callable[..., object],
    menus: dict[str, list[Choice]],
    combination: tuple[Choice, ...],
) -> tuple[str, str]:
    """The result of one combination as (plain text, HTML)."""
    arguments = {name: value for name, (_, value) in zip(menus, combination, strict=True)}
    try:
        value = function(**arguments)
    except Exception as error:
        text = (
            f"✗ {error}" if isinstance(error, CourseError) else f"✗ {type(error).__name__}: {error}"
        )
        return text, pre(text)
    return render(value)


def render(value: object) -> tuple[str, str]:
    """Any value as (plain text, HTML): what Jupyter would show of it."""
    import httpx

    from coursekit.display import exchange

    if isinstance(value, httpx.Response):
        value = exchange(value)
    if hasattr(value, "savefig"):
        return _figure(value)
    bundle = getattr(value, "_repr_mimebundle_", None)
    if bundle is not None:
        data = bundle()
        return str(data.get("text/plain", value)), str(data.get("text/html", pre(repr(value))))
    text = value if isinstance(value, str) else repr(value)
    return text, pre(text)


def _figure(figure: object) -> tuple[str, str]:
    """A matplotlib figure as an image; its `label` is the text that stands for it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, bbox_inches="tight")  # type: ignore[attr-defined]
    words = str(figure.get_label() or "a plot")  # type: ignore[attr-defined]
    data = base64.b64encode(buffer.getvalue()).decode()
    return words, f'<img alt="{escape(words, quote=True)}" src="data:image/png;base64,{data}">'
