"""How Box Office looks: the palette and the mark. The cards, the widgets and the site use these."""

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DARK", "LIGHT", "MARK", "drawings", "mark", "stylesheet"]

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#1d1b26",
        "paper": "#ffffff",
        "curtain": "#9b1c31",
        "brass": "#8a5a00",
        "pass": "#17663a",
        "fail": "#a61b1b",
        "info": "#1d4e89",
        "line": "#c9c4d1",
    }
)
DARK: Mapping[str, str] = MappingProxyType(
    {
        "ink": "#f1eef6",
        "paper": "#15131c",
        "curtain": "#ff9aa8",
        "brass": "#f2c14e",
        "pass": "#7bd8a4",
        "fail": "#ff9d94",
        "info": "#9cc4f5",
        "line": "#4a4556",
    }
)

# A ticket with a bite out of either side, and one seat on it, in a 64 by 48 field.
_TICKET = (
    "M8 3h48a5 5 0 0 1 5 5v8.5a7.5 7.5 0 0 0 0 15V40a5 5 0 0 1-5 5H8a5 5 0 0 1-5-5"
    "v-8.5a7.5 7.5 0 0 0 0-15V8a5 5 0 0 1 5-5z"
)
_SEAT = (
    "M25 9.5h14a5 5 0 0 1 5 5V21a5 5 0 0 0-5 5v1.5H25V26a5 5 0 0 0-5-5v-6.5a5 5 0 0 1 5-5z"
    "M18.5 23.5a3 3 0 0 1 3 3V31h21v-4.5a3 3 0 0 1 6 0V34a3.5 3.5 0 0 1-3.5 3.5h-26"
    "A3.5 3.5 0 0 1 15.5 34v-7.5a3 3 0 0 1 3-3z"
)


def mark(ticket: str, seat: str, *, field: str = "0 0 64 48", style: str = "") -> str:
    """The mark as an SVG document in two colours."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{field}" role="img" '
        f'aria-label="Box Office">{style}'
        f'<path class="ticket" fill="{ticket}" d="{_TICKET}"/>'
        f'<path class="seat" fill="{seat}" d="{_SEAT}"/></svg>'
    )


MARK = mark(LIGHT["curtain"], LIGHT["paper"])


def drawings() -> dict[str, str]:
    """The drawings that stand in `book/_static`, by file name."""
    dark = (
        "<style>@media (prefers-color-scheme: dark) {"
        f".ticket {{ fill: {DARK['curtain']} }} .seat {{ fill: {DARK['paper']} }}}}</style>"
    )
    light = (LIGHT["curtain"], LIGHT["paper"])
    return {
        "mark.svg": MARK + "\n",
        "mark-dark.svg": mark(DARK["curtain"], DARK["paper"]) + "\n",
        "favicon.svg": mark(*light, field="0 -8 64 64", style=dark) + "\n",
    }


def stylesheet() -> str:
    """The palette as CSS variables, for the site's two themes."""
    rules = []
    for selector, palette in (("html", LIGHT), ('html[data-theme="dark"]', DARK)):
        lines = "".join(f"  --bx-{name}: {colour};\n" for name, colour in palette.items())
        rules.append(f"{selector} {{\n{lines}}}\n")
    return "".join(rules)
