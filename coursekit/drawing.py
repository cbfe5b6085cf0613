"""Tables and their relations as an SVG: parents to the left of their children, lines that turn at
right angles, the same drawing for the same models.

Text and lines take the colour of their surroundings, so that it reads in light and dark.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.schema import Column, Relation, Table

CHAR, MARK_CHAR = 7.85, 6.7  # widths of one letter in the two sizes of type
ROW, HEAD, PAD = 23, 32, 9
BETWEEN = 30  # two boxes of a layer
THROUGH = 16  # a line that passes a layer
LEAD, APPROACH, TRACK = 24, 38, 13  # beside a parent, beside a child, between two lines
ROUND = 6
SWEEPS = 8
ORDERS_TRIED = 2000
LINES_SWAPPED = 60  # with more lines, swapping neighbours would take seconds
LEAST = 0.74  # the drawing shrinks so far, then it scrolls
FONT = "font-family:var(--bx-mono,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace)"
FAINT = "stroke:currentColor;stroke-opacity:.45;fill:none"
STROKE = "stroke:currentColor;stroke-width:1.4;fill:none"


@dataclass(eq=False)
class Box:
    """A table in its place, or, without one, the room for a line that passes the layer."""

    table: Table | None
    layer: int
    width: float = 0.0
    height: float = THROUGH
    x: float = 0.0
    y: float = 0.0
    ports: dict[object, float] = field(default_factory=dict)
    """Where lines leave on the right."""


@dataclass(eq=False)
class Step:
    """A line's way from a box to one of the next layer."""

    left: Box
    right: Box
    link: Relation
    backward: bool
    """Whether the child stands on the left: a relation that closes a circle."""

    row: float = 0.0
    """Where the line ends on the box to the right, from 0 for its top to 1."""

    def __post_init__(self) -> None:
        if self.right.table is not None and not self.backward:
            self.row = _row_of(self.right.table, self.link) / (self.right.height + 1)

    @property
    def port(self) -> object:
        """Lines that mean the same at their left end leave through one port."""
        if self.backward or self.left.table is None:
            return self.link
        return self.link.at_parent

    @property
    def start(self) -> float:
        if self.left.table is None:
            return self.left.y + self.left.height / 2
        if self.backward:
            return self.left.y + _row_of(self.left.table, self.link)
        return self.left.y + self.left.ports.get(self.port, self.left.height / 2)

    @property
    def end(self) -> float:
        if self.right.table is None:
            return self.right.y + self.right.height / 2
        if self.backward:
            return self.right.y + HEAD / 2
        return self.right.y + _row_of(self.right.table, self.link)


def svg(tables: Sequence[Table]) -> str:
    """The drawing as an SVG element with its words in <title> and <desc>."""
    from coursekit.schema import in_words

    boxes, steps = _place(tables)
    width = max((box.x + box.width + _loop_width(box) for box in boxes), default=0) + PAD
    height = max((box.y + box.height for box in boxes), default=0) + PAD
    mark = hashlib.sha256(in_words(tables).encode()).hexdigest()[:8]
    names = ", ".join(table.name for table in tables)
    links = "; ".join(f"{link.child}: {link}" for table in tables for link in table.relations)
    body = _lines(steps) + "".join(_box(box) for box in boxes if box.table)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" class="bx-er" '
        f'aria-labelledby="er-{mark}-t er-{mark}-d" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="display:block;width:100%;max-width:{width:.0f}px;min-width:{width * LEAST:.0f}px;'
        f'height:auto;color:inherit;font-size:13px">'
        f'<title id="er-{mark}-t">Tables and how they belong together: {escape(names)}</title>'
        f'<desc id="er-{mark}-d">{escape(links)}</desc>{body}</svg>'
    )


# --- where the boxes stand ------------------------------------------------------------------


def _place(tables: Sequence[Table]) -> tuple[list[Box], list[Step]]:
    layers_of = _layers(tables)
    boxes = {table.name: _sized(table, layers_of[table.name]) for table in tables}
    every, steps = list(boxes.values()), []
    for table in tables:
        for link in table.relations:
            if link.parent in boxes and link.parent != link.child:
                more, way = _way(boxes[link.parent], boxes[link.child], link)
                every += more
                steps += way
    count = max((box.layer for box in every), default=-1) + 1
    layers = [[box for box in every if box.layer == number] for number in range(count)]
    layers = _untangle(layers, steps)
    _settle(layers, steps)
    _open_ports(every, steps)
    left = 2.0
    for number, layer in enumerate(layers):
        widest = max(box.width for box in layer)
        for box in layer:
            box.x = left
            box.width = widest if box.table is None else box.width
        ports = {(id(s.left), s.port) for s in steps if s.left.layer == number}
        left += widest + LEAD + APPROACH + TRACK * max(len(ports) - 1, 0)
    return every, steps


def _sized(table: Table, layer: int) -> Box:
    name, kind, marks = _widths(table)
    head = len(table.name) * CHAR * 1.15
    return Box(
        table, layer, max(head, marks + name + kind + 11) + 2 * PAD,
        HEAD + ROW * len(table.columns) + 5,
    )  # fmt: skip


def _widths(table: Table) -> tuple[float, float, float]:
    name = max((len(column.name) for column in table.columns), default=0) * CHAR
    kind = max((len(_kind(column)) for column in table.columns), default=0) * CHAR
    marks = max((len(column.marks) for column in table.columns), default=0) * MARK_CHAR
    return name, kind, marks + (7 if marks else 0)


def _kind(column: Column) -> str:
    return column.type + ("?" if column.null else "")


def _row_of(table: Table, link: Relation) -> float:
    """The height at which a relation meets its columns in the child's box."""
    rows = _rows_of(table, link)
    place = HEAD + ROW * (sum(rows) / len(rows) + 0.5)
    same = [other for other in table.relations if _rows_of(table, other) == rows]
    return place + (same.index(link) - (len(same) - 1) / 2) * 12


def _rows_of(table: Table, link: Relation) -> list[int]:
    rows = sorted(i for i, column in enumerate(table.columns) if column.name in link.columns)
    together = rows and rows[-1] - rows[0] == len(rows) - 1
    return rows if together else rows[:1] or [0]


def _layers(tables: Sequence[Table]) -> dict[str, int]:
    """Parents before children; who has no parent stands right before its first child."""
    names = {table.name for table in tables}
    parents: dict[str, list[str]] = {
        table.name: sorted(
            {link.parent for link in table.relations if link.parent in names} - {table.name}
        )
        for table in tables
    }
    layer: dict[str, int] = {}

    def visit(name: str, path: tuple[str, ...]) -> int:
        if name not in layer:
            above = [p for p in parents[name] if p not in path]
            layer[name] = max((visit(p, (*path, name)) + 1 for p in above), default=0)
        return layer[name]

    for name in sorted(names):
        visit(name, (name,))
    for name in sorted(names):
        children = [layer[child] for child in names if name in parents[child]]
        if not parents[name] and children:
            layer[name] = max(min(children) - 1, 0)
    return layer


def _way(parent: Box, child: Box, link: Relation) -> tuple[list[Box], list[Step]]:
    """The steps of one line, with room made in each layer that it passes."""
    left, right = (parent, child) if parent.layer <= child.layer else (child, parent)
    backward = left is child
    between = [Box(None, number) for number in range(left.layer + 1, right.layer)]
    chain = [left, *between, right]
    return between, [Step(a, b, link, backward) for a, b in itertools.pairwise(chain)]


def _untangle(layers: list[list[Box]], steps: Sequence[Step]) -> list[list[Box]]:
    """The order within the layers with the fewest crossings: of all, or of those tried."""
    if math.prod(math.factorial(len(layer)) for layer in layers) <= ORDERS_TRIED:
        every = itertools.product(*(itertools.permutations(layer) for layer in layers))
        return [list(layer) for layer in min(every, key=lambda order: _crossings(order, steps))]
    best, fewest = [list(layer) for layer in layers], _crossings(layers, steps)
    for sweep in range(SWEEPS):
        onward = sweep % 2 == 0
        numbers = range(1, len(layers)) if onward else range(len(layers) - 2, -1, -1)
        for number in numbers:
            beside = layers[number - 1 if onward else number + 1]
            places = {id(box): place for place, box in enumerate(beside)}
            layers[number] = _by_neighbours(layers[number], steps, places)
        for layer in layers if len(steps) <= LINES_SWAPPED else ():
            for place in range(len(layer) - 1):
                before = _crossings(layers, steps)
                layer[place : place + 2] = reversed(layer[place : place + 2])
                if _crossings(layers, steps) >= before:
                    layer[place : place + 2] = reversed(layer[place : place + 2])
        now = _crossings(layers, steps)
        if now < fewest:
            best, fewest = [list(layer) for layer in layers], now
    return best


def _by_neighbours(
    layer: Sequence[Box], steps: Sequence[Step], places: dict[int, int]
) -> list[Box]:
    means = [_mean(box, steps, places, place) for place, box in enumerate(layer)]
    order = sorted(range(len(layer)), key=means.__getitem__)
    return [layer[place] for place in order]


def _mean(box: Box, steps: Sequence[Step], places: dict[int, int], otherwise: int) -> float:
    near = [
        places[id(other)]
        for step in steps
        for one, other in ((step.left, step.right), (step.right, step.left))
        if one is box and id(other) in places
    ]
    return sum(near) / len(near) if near else float(otherwise)


def _crossings(layers: Sequence[Sequence[Box]], steps: Sequence[Step]) -> int:
    place = {box: float(i) for layer in layers for i, box in enumerate(layer)}
    between: dict[int, list[tuple[float, float]]] = {}
    for step in steps:
        ends = (place[step.left], place[step.right] + step.row)
        between.setdefault(step.left.layer, []).append(ends)
    count = 0
    for lines in between.values():
        lines.sort()
        for (left, end), (other, far) in itertools.combinations(lines, 2):
            count += left < other and end > far
    return count


def _settle(layers: Sequence[Sequence[Box]], steps: Sequence[Step]) -> None:
    """Heights at which lines are as straight as the boxes' order allows."""
    for layer in layers:
        wanted = [0.0] * len(layer)
        _apart(layer, wanted)
    for sweep in range(SWEEPS):
        onward = sweep % 2 == 0
        for layer in layers if onward else reversed(layers):
            _apart(layer, [_wish(box, steps) for box in layer])
    top = min((box.y for layer in layers for box in layer), default=0.0)
    for layer in layers:
        for box in layer:
            box.y = round(box.y - top + 2)


def _wish(box: Box, steps: Sequence[Step]) -> float:
    shifts = [step.start - step.end for step in steps if step.right is box]
    shifts += [step.end - step.start for step in steps if step.left is box]
    return box.y + (sum(shifts) / len(shifts) if shifts else 0.0)


def _apart(layer: Sequence[Box], wanted: Sequence[float]) -> None:
    """Put each box as near as possible to where it should be, in order and without overlap."""
    sizes = [box.height + BETWEEN for box in layer]
    for box, y in zip(layer, _spread(wanted, sizes), strict=True):
        box.y = y


def _spread(wanted: Sequence[float], sizes: Sequence[float]) -> list[float]:
    """Least squares under the order: neighbours that would overlap share their mean."""
    offsets = [0.0, *itertools.accumulate(sizes)]
    pools: list[list[float]] = []
    for place, wish in enumerate(wanted):
        pools.append([wish - offsets[place]])
        while len(pools) > 1 and _average(pools[-2]) > _average(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    flat = [_average(pool) for pool in pools for _ in pool]
    return [y + offset for y, offset in zip(flat, offsets, strict=False)]


def _average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _open_ports(boxes: Sequence[Box], steps: Sequence[Step]) -> None:
    """Let each line leave its parent where it is straight to a child, if it can be."""
    for box in boxes:
        mine = [step for step in steps if step.left is box and not step.backward]
        if box.table is None or not mine:
            continue
        goals: dict[object, list[float]] = {}
        for step in mine:
            goals.setdefault(step.port, []).append(step.end - box.y)
        low, high = 14.0, box.height - 14
        wishes = {}
        for port, ends in goals.items():
            middle = _average(ends)
            inside = [end for end in ends if low <= end <= high]
            wish = min(inside, key=lambda end: abs(end - middle)) if inside else middle
            wishes[port] = min(max(wish, low), high)
        order = sorted(wishes, key=lambda port: (wishes[port], str(port)))
        places = _spread([wishes[port] for port in order], [22.0] * len(order))
        box.ports = dict(zip(order, places, strict=True))


# --- drawing --------------------------------------------------------------------------------


def _lines(steps: Sequence[Step]) -> str:
    parts = []
    for layer in sorted({step.left.layer for step in steps}):
        here = [step for step in steps if step.left.layer == layer]
        edge = min(step.right.x for step in here)
        groups: dict[tuple[int, object], list[Step]] = {}
        for step in here:
            groups.setdefault((id(step.left), step.port), []).append(step)
        order = _tracks(list(groups.values()))
        for place, group in enumerate(order):
            track = edge - APPROACH - TRACK * (len(order) - 1 - place)
            parts.append(_bundle(group, track))
    return "".join(parts)


def _tracks(groups: list[list[Step]]) -> list[list[Step]]:
    """The order of the upright parts with the fewest crossings."""
    groups = sorted(groups, key=lambda group: group[0].start)
    if len(groups) > 6:
        return groups
    return list(min(itertools.permutations(groups), key=_crossed))


def _crossed(ordered: Iterable[list[Step]]) -> int:
    order = list(ordered)
    spans = []
    for group in order:
        heights = [group[0].start, *(step.end for step in group)]
        spans.append((min(heights), max(heights)))
    count = 0
    for i, j in itertools.combinations(range(len(order)), 2):
        count += spans[i][0] <= order[j][0].start <= spans[i][1]
        count += sum(spans[j][0] <= step.end <= spans[j][1] for step in order[i])
    return count


def _bundle(group: Sequence[Step], track: float) -> str:
    """Lines that leave through one port: one path, so that what they share is drawn once."""
    left = group[0].left
    ways = [_way_of(step, track) for step in group]
    parts = []
    if left.table is None:  # over the width of the layer that the line passes
        ways.append(f"M{left.x:.1f} {group[0].start:.1f}h{left.width:.1f}")
    else:
        parts.append(_end(left.x + left.width, group[0].start, 1, group[0]))
    for step in group:
        if step.right.table is not None:
            gap = 4 if _bracketed(step) else 0
            parts.append(_end(step.right.x - gap, step.end, -1, step))
            parts.append(_bracket(step) if gap else "")
    return f'<path d="{"".join(ways)}" style="{STROKE}"/>{"".join(parts)}'


def _way_of(step: Step, track: float) -> str:
    x0, y0 = step.left.x + step.left.width, step.start
    x1, y1 = step.right.x - (4 if _bracketed(step) else 0), step.end
    if abs(y0 - y1) < 1:
        return f"M{x0:.1f} {y0:.1f}H{x1:.1f}"
    turn = min(ROUND, abs(y1 - y0) / 2)
    down = turn if y1 > y0 else -turn
    return (
        f"M{x0:.1f} {y0:.1f}H{track - turn:.1f}q{turn:.1f} 0 {turn:.1f} {down:.1f}"
        f"V{y1 - down:.1f}q0 {down:.1f} {turn:.1f} {down:.1f}H{x1:.1f}"
    )


def _bracketed(step: Step) -> bool:
    table = step.right.table
    return table is not None and not step.backward and len(_rows_of(table, step.link)) > 1


def _bracket(step: Step) -> str:
    assert step.right.table is not None
    rows = _rows_of(step.right.table, step.link)
    top, bottom = (
        step.right.y + HEAD + ROW * rows[0] + 4,
        step.right.y + HEAD + ROW * (rows[-1] + 1) - 4,
    )
    x = step.right.x
    return f'<path d="M{x:.1f} {top:.1f}h-4V{bottom:.1f}h4" style="{STROKE}"/>'


def _end(x: float, y: float, way: int, step: Step) -> str:
    """A line's end at a box, left of it (-1) or right: a foot for many, a bar for one; in words."""
    at_child = step.backward if way > 0 else not step.backward
    words = step.link.at_child if at_child else step.link.at_parent
    parts = []
    far = x + way * 8
    if words == "n":
        parts.append(
            f'<path d="M{x + way * 11:.1f} {y:.1f}L{x:.1f} {y - 6:.1f}M{x + way * 11:.1f} {y:.1f}'
            f'L{x:.1f} {y + 6:.1f}" style="{STROKE}"/>'
        )
    else:
        parts.append(f'<path d="M{far:.1f} {y - 5:.1f}v10" style="{STROKE}"/>')
    anchor = "start" if way > 0 else "end"
    parts.append(
        f'<text x="{x + way * 13:.1f}" y="{y - 6:.1f}" text-anchor="{anchor}" '
        f'style="{FONT};fill:var(--bx-curtain,currentColor);font-weight:700">{words}</text>'
    )
    return "".join(parts)


def _loop_width(box: Box) -> float:
    table = box.table
    return 46.0 if table and any(link.parent == table.name for link in table.relations) else 0.0


def _loop(box: Box, link: Relation) -> str:
    """A table whose rows name other rows of it: a line on its right that comes back."""
    assert box.table is not None
    x, top, low = box.x + box.width, box.y + HEAD / 2, box.y + _row_of(box.table, link)
    way = f"M{x:.1f} {top:.1f}h14q6 0 6 6V{low - 6:.1f}q0 6 -6 6h-14"
    step = Step(box, box, link, False)
    back = Step(box, box, link, True)
    return f'<path d="{way}" style="{STROKE}"/>{_end(x, top, 1, step)}{_end(x, low, 1, back)}'


def _box(box: Box) -> str:
    table = box.table
    assert table is not None
    _name, _, marks = _widths(table)
    x, y, w, h = box.x, box.y, box.width, box.height
    r = 7
    cap = (
        f"M{x:.1f} {y + HEAD:.1f}v{r - HEAD}q0 {-r} {r} {-r}h{w - 2 * r:.1f}q{r} 0 {r} {r}"
        f"v{HEAD - r}z"
    )
    parts = [
        f'<path d="{cap}" style="fill:var(--bx-curtain,currentColor);fill-opacity:.14"/>',
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{r}" '
        f'style="{FAINT};stroke-width:1.2"/>',
        f'<path d="M{x:.1f} {y + HEAD:.1f}h{w:.1f}" style="{FAINT};stroke-width:1.2"/>',
        _text(x + PAD, y + HEAD / 2, table.name, "font-weight:700;font-size:15px"),
    ]
    parts += [_loop(box, link) for link in table.relations if link.parent == table.name]
    for place, column in enumerate(table.columns):
        line = y + HEAD + ROW * (place + 0.5) + 2
        weight = "font-weight:650" if column.key else ""
        if column.marks:
            parts.append(
                _text(x + PAD, line, column.marks, "font-size:11px;font-weight:700;"
                      "fill:var(--bx-curtain,currentColor)")
            )  # fmt: skip
        parts.append(_text(x + PAD + marks, line, column.name, weight))
        parts.append(_text(x + w - PAD, line, _kind(column), "fill-opacity:.8", "end"))
    return "".join(parts)


def _text(x: float, y: float, words: str, style: str, anchor: str = "start") -> str:
    fill = "" if "fill:" in style else "fill:currentColor;"
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" dominant-baseline="central" text-anchor="{anchor}" '
        f'style="{FONT};{fill}{style}">{escape(words)}</text>'
    )
