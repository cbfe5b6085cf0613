"""The plan that PostgreSQL ran, as a tree: what each step does, what it cost, where a guess erred.

Read from `explain (analyze, buffers, format json)`. A step's own time and pages are its total less
that of the steps below it; a step that ran many times counts all its runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import psycopg
from psycopg import errors

from coursekit import display
from coursekit.errors import CourseError
from coursekit.plan_words import name_of, notes_on, title_of, what_it_does

Raw = Mapping[str, object]
WRONG = 10.0
"""From this factor on, an estimate counts as wrong."""
MOST = 0.5
BAR = 10
GUTTER = 27
PAGE_BYTES = 8192
CONDITIONS = (
    "Index Cond", "Recheck Cond", "TID Cond", "Hash Cond", "Merge Cond", "Join Filter", "Filter",
    "One-Time Filter", "Order By", "Sort Key", "Presorted Key", "Group Key", "Cache Key",
)  # fmt: skip


@dataclass
class Node:
    """One step of a plan. Numbers are of all its runs together."""

    name: str
    """PostgreSQL's own, as in "Index Scan" or "HashAggregate"."""
    title: str
    does: str
    raw: Raw
    depth: int
    expected: float
    """Rows that PostgreSQL expected of one run."""
    rows: int
    loops: int
    removed: int
    """Rows that were read and thrown away by a condition."""
    total_ms: float
    time_ms: float = 0.0
    """Its own time, without the steps below."""
    share: float = 0.0
    total_pages: int = 0
    pages: int = 0
    stopped_early: bool = False
    """A step above may have had enough before all rows came."""
    gathered: bool = False
    """Below a Gather step, so that workers may have shared in it."""
    processes: int = 1
    children: list[Node] = field(default_factory=list)

    @property
    def table(self) -> str:
        return str(self.raw.get("Relation Name", ""))

    @property
    def index(self) -> str:
        return str(self.raw.get("Index Name", ""))

    @property
    def ran(self) -> bool:
        return self.loops > 0

    @property
    def condition(self) -> str:
        """The conditions in PostgreSQL's words, as in "Index Cond: (id = 5)"."""
        return " · ".join(f"{label}: {text}" for label, text in self.conditions)

    @property
    def conditions(self) -> list[tuple[str, str]]:
        found = [(label, self.raw[label]) for label in CONDITIONS if label in self.raw]
        return [(k, ", ".join(map(str, v)) if isinstance(v, list) else str(v)) for k, v in found]

    @property
    def spilled(self) -> bool:
        """Whether it ran out of work_mem and wrote to the disk."""
        return any("to disk" in note for note in self.notes)

    @property
    def notes(self) -> list[str]:
        return notes_on(self.raw, self.loops)

    @property
    def error(self) -> float:
        """By what factor the estimate was wrong, 1 for right."""
        if not self.ran or self.raw.get("Node Type") in {"BitmapAnd", "BitmapOr", "ModifyTable"}:
            return 1.0
        guess, got = max(self.expected, 1.0), max(_number(self.raw, "Actual Rows"), 1.0)
        if self.stopped_early and got < guess:
            return 1.0
        return max(guess / got, got / guess)

    @property
    def misjudged(self) -> bool:
        return self.error >= WRONG

    @property
    def is_part(self) -> bool:
        """Whether its rows are parts, as many as processes took part."""
        if self.name.startswith("Finalize "):
            return False
        return self.name.startswith("Partial ") or any(child.is_part for child in self.children)

    @property
    def is_slowest(self) -> bool:
        return self.share >= MOST and self.time_ms >= 0.1

    def walk(self) -> Iterator[Node]:
        """This step and all below it, as they are read."""
        yield self
        for child in self.children:
            yield from child.walk()


class Plan(display.Shown):
    """A plan that was run; shows as a tree and answers questions about it."""

    def __init__(self, data: Raw) -> None:
        self.json = data
        self.root = _read(_plan(data["Plan"]), 0, 1, False)
        self.triggers = _dicts(data.get("Triggers"))
        self.planning_ms = _number(data, "Planning Time")
        self.time_ms = _number(data, "Execution Time") or self.root.total_ms
        _share(self.root, sum(_number(trigger, "Time") for trigger in self.triggers))
        super().__init__(_text(self), _html(self))

    @property
    def nodes(self) -> list[Node]:
        return list(self.root.walk())

    @property
    def names(self) -> set[str]:
        """PostgreSQL's names of the steps that ran."""
        return {node.name for node in self.nodes if node.ran}

    @property
    def rows(self) -> int:
        return self.root.rows

    @property
    def buffers(self) -> int:
        """Pages of 8 kB that were touched, in memory or on the disk."""
        return self.root.total_pages

    @property
    def spilled(self) -> bool:
        return any(node.spilled for node in self.nodes)

    @property
    def misjudged(self) -> list[Node]:
        """The steps whose rows were expected wrong by ten times or more."""
        return [node for node in self.nodes if node.misjudged]

    def find(self, name: str, table: str = "") -> Node | None:
        """The first step of that name, parallel or not, on `table` if one is named."""
        for node in self.nodes:
            names = {node.name, node.raw.get("Node Type"), node.name.removeprefix("Parallel ")}
            if name in names and table in {"", node.table}:
                return node
        return None

    def uses(self, index: str) -> bool:
        """Whether a step that ran went through this index."""
        return any(node.index == index and node.ran for node in self.nodes)


def explain(connection: psycopg.Connection[tuple[object, ...]], query: str) -> Plan:
    """Run one statement for its plan; what it changes is rolled back.

    Raises CourseError where the statement has no plan, psycopg.Error where it fails.
    """
    statement = query.strip().rstrip(";")
    command = f"explain (analyze, buffers, format json) {statement}"
    try:
        # Binary makes psycopg send one statement, where "; drop table" would be a second.
        with connection.transaction(force_rollback=True):
            row = connection.execute(command.encode(), binary=True).fetchone()
    except errors.SyntaxError as error:
        if "multiple commands" in str(error):
            raise CourseError("explain=True takes one statement at a time.") from None
        first = statement.split(maxsplit=1)[0].lower() if statement else ""
        if first not in {"select", "with", "insert", "update", "delete", "merge", "values"}:
            raise CourseError(
                f"`{first}` has no plan. explain=True takes a SELECT, INSERT, UPDATE, DELETE, "
                "MERGE or VALUES, written without the word EXPLAIN."
            ) from None
        raise
    assert row is not None
    return Plan(_plan(_dicts(row[0])[0]))


# --- reading --------------------------------------------------------------------------------


def _number(raw: Raw, key: str) -> float:
    value = raw.get(key, 0)
    return float(value) if isinstance(value, int | float) else 0.0


def _dicts(value: object) -> list[Raw]:
    return [_plan(entry) for entry in value] if isinstance(value, list) else []


def _plan(value: object) -> Raw:
    assert isinstance(value, Mapping)
    return value


def _whole(each: float, loops: int, exact: bool) -> int:
    """A mean of many runs as their sum, as far as the mean's digits reach.

    PostgreSQL gives means with two digits (before version 18, and for removed rows, with none).
    """
    total = each * loops
    doubt = loops * (0.005 if exact else 0.5)
    if loops > 1 and doubt > 0.5 and total > 2 * doubt:
        step = 10 ** math.ceil(math.log10(doubt))
        return round(total / step) * step or round(total)
    return round(total)


def _read(raw: Raw, depth: int, processes: int, stopped: bool, gathered: bool = False) -> Node:
    loops = int(_number(raw, "Actual Loops"))
    actual = raw.get("Actual Rows", 0)
    removed = sum(_number(raw, key) for key in raw if key.startswith("Rows Removed by"))
    node = Node(
        name=name_of(raw), title=title_of(raw), does=what_it_does(raw), raw=raw, depth=depth,
        expected=_number(raw, "Plan Rows"),
        rows=_whole(_number(raw, "Actual Rows"), loops, isinstance(actual, float)),
        loops=loops, removed=_whole(removed, loops, False),
        # Processes run side by side: their times do not add up.
        total_ms=_number(raw, "Actual Total Time") * loops / processes,
        total_pages=_pages(raw), stopped_early=stopped, gathered=gathered, processes=processes,
    )  # fmt: skip
    if raw.get("Node Type") in {"Gather", "Gather Merge"}:
        processes, gathered = int(_number(raw, "Workers Launched")) + 1, True
    for place, child in enumerate(_dicts(raw.get("Plans"))):
        early = _stops(raw, place, stopped)
        helper = child.get("Parent Relationship") == "InitPlan"
        shared = (1, early, False) if helper else (processes, early, gathered)
        below = _read(child, depth + 1, *shared)
        node.children.append(below)
    return node


def _pages(raw: Raw) -> int:
    kinds = ("Shared Hit", "Shared Read", "Local Hit", "Local Read")
    return int(sum(_number(raw, f"{kind} Blocks") for kind in kinds))


def _stops(raw: Raw, place: int, stopped: bool) -> bool:
    """Whether the child at `place` may be left before its last row."""
    kind = raw.get("Node Type")
    if kind == "Limit" or (kind == "Merge Join"):
        return True
    if kind in {"Sort", "Hash", "Aggregate", "Bitmap Heap Scan"}:
        return False
    inner = place == 1 and kind == "Nested Loop"
    if inner and (raw.get("Inner Unique") or raw.get("Join Type") in {"Semi", "Anti"}):
        return True
    return stopped


def _share(root: Node, elsewhere: float) -> None:
    """Give each step its own time and pages, and its part of the whole time."""
    users = _users(root)
    for node in root.walk():
        below = [child for child in node.children if id(child) not in users]
        below += [child for child in root.walk() if users.get(id(child)) is node]
        node.time_ms = max(node.total_ms - sum(child.total_ms for child in below), 0.0)
        node.pages = max(node.total_pages - sum(child.total_pages for child in below), 0)
    total = sum(node.time_ms for node in root.walk()) + elsewhere
    for node in root.walk():
        node.share = node.time_ms / total if total else 0.0


def _users(root: Node) -> dict[int, Node]:
    """Sub-plans that run when a step far from them asks: id of the sub-plan → that step.

    PostgreSQL hangs a CTE, or a subquery that runs once, under the step that owns it, but counts
    its time and pages in the step that reads it first.
    """
    found: dict[int, Node] = {}
    for owner in root.walk():
        for helper in owner.children:
            if helper.raw.get("Parent Relationship") != "InitPlan":
                continue
            label = str(helper.raw.get("Subplan Name", ""))
            inside = {id(part) for part in helper.walk()}
            readers = [n for n in owner.walk() if _reads(n, label) and id(n) not in inside]
            if readers:
                found[id(helper)] = _first(readers, helper, owner)
    return found


def _first(readers: Sequence[Node], helper: Node, owner: Node) -> Node:
    """Which of several readers ran the sub-plan: its pages hold those of it; or it took longest."""
    return max(
        readers,
        key=lambda n: (n is not owner, n.total_pages >= helper.total_pages, n.total_ms),
    )


def _reads(node: Node, label: str) -> bool:
    if label.startswith("CTE "):
        return node.raw.get("CTE Name") == label.removeprefix("CTE ")
    plan, _, returned = label.partition(" (returns ")
    marks = [f"({plan})", *(returned.rstrip(")").split(",") if returned else [])]
    return any(mark in text for _, text in node.conditions for mark in marks)


# --- showing --------------------------------------------------------------------------------


def duration(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def pages(count: int) -> str:
    size = count * PAGE_BYTES
    words = f"{size / 2**20:,.1f} MB" if size >= 2**20 else f"{size // 2**10} kB"
    return f"{count:,} {'page' if count == 1 else 'pages'} ({words})"


def _rows(count: float) -> str:
    return f"{count:,.0f} {'row' if round(count) == 1 else 'rows'}"


def facts(node: Node) -> list[tuple[str, str]]:
    """What there is to say of a step, as (tone, words); with a tone it deserves a look."""
    if not node.ran:
        return [("", "never ran: nothing above asked for its rows")]
    told = [_came(node)] if node.rows or node.raw.get("Node Type") != "ModifyTable" else []
    told += [("", f"{label}: {text}") for label, text in node.conditions]
    told += [("fail" if note.startswith("!") else "", note) for note in node.notes]
    return told


def _came(node: Node) -> tuple[str, str]:
    """The rows that came beside those that were expected, and what they took."""
    many = node.loops > 1
    runs = f" in {node.loops:,} runs" if many else ""
    rows = node.rows
    if many and node.loops == node.processes:
        shared = any(part.raw.get("Parallel Aware") for part in node.walk())
        runs = f" in {node.loops:,} processes" if shared else " in each process"
        rows = rows if shared else round(rows / node.loops)
    got = f"got {_rows(rows)}{runs}"
    if node.is_part:
        got = "got a part of the result from each process"
    guess = f"expected about {node.expected:,.0f}{' each' if many else ''}"
    removed = node.removed
    if node.gathered and removed > 1000:  # a mean without digits, over processes that vary
        removed = int(float(f"{removed:.2e}"))
    more = f" · {_rows(removed)} read and thrown away" if removed else ""
    more += f" · touched {pages(node.pages)}" if node.pages else ""
    if not node.misjudged:
        return "", f"{got}, {guess}{more}"
    deeper = any(part.misjudged for child in node.children for part in child.walk())
    source = "wrong since a step below" if deeper else "ten times wrong or worse: statistics?"
    return "fail", f"! {guess}, {got}: {source}{more}"


def _headline(plan: Plan) -> str:
    changes = plan.root.raw.get("Node Type") == "ModifyTable"
    end = "nothing is kept: rolled back" if changes else _rows(plan.rows)
    return (
        f"planned in {duration(plan.planning_ms)}, ran in {duration(plan.time_ms)} · "
        f"touched {pages(plan.buffers)} · {end}"
    )


def _after(plan: Plan) -> list[str]:
    """What took time outside of the tree: triggers, the compiler."""
    lines = []
    for trigger in plan.triggers:
        name = trigger.get("Constraint Name") or trigger.get("Trigger Name")
        calls = int(_number(trigger, "Calls"))
        what = "checked the constraint" if "Constraint Name" in trigger else "ran the trigger"
        times = "once" if calls == 1 else f"{calls:,} times"
        lines.append(f"{what} {name} {times}, {duration(_number(trigger, 'Time'))}")
    if plan.json.get("JIT"):
        timing = _plan(_plan(plan.json["JIT"]).get("Timing", {}))
        spent = timing.get("Total", 0)
        if isinstance(spent, int | float):
            lines.append(f"compiled parts of the query first (JIT), {duration(float(spent))}")
    return lines


def _text(plan: Plan) -> str:
    lines = [_headline(plan), ""]
    _branch(plan.root, "", "", lines)
    lines += [f"{'':>{GUTTER}}then {line}" for line in _after(plan)]
    return "\n".join(line.rstrip() for line in lines)


def _branch(node: Node, first: str, rest: str, lines: list[str]) -> None:
    full = round(node.share * BAR)
    bar = "█" * full + "░" * (BAR - full)
    gutter = f"{bar} {node.share:>4.0%}".replace("%", " %") + f" {duration(node.time_ms):>8}"
    mark = " ← most of the time" if node.is_slowest else ""
    lines.append(f"{gutter}  {first}{node.title}{mark}")
    stem = rest + ("│  " if node.children else "   ")
    words = ([node.does] if node.does else []) + [words for _, words in facts(node)]
    lines += [f"{'':>{GUTTER}}{stem}{words}" for words in _shortened(words)]
    for place, child in enumerate(node.children):
        last = place == len(node.children) - 1
        _branch(child, rest + ("└─ " if last else "├─ "), rest + ("   " if last else "│  "), lines)


def _shortened(words: Sequence[str]) -> list[str]:
    """Long conditions cut; nothing else, as numbers of a changing length would move the cut."""
    return [w if len(w) <= 140 or not w.startswith(CONDITIONS) else w[:139] + "…" for w in words]


FACE = "font-family:var(--bx-mono,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace)"
LINE = "1px solid rgba(128,128,128,.45)"


def _html(plan: Plan) -> str:
    then = "".join(f"<div>then {escape(line)}</div>" for line in _after(plan))
    head = f"<div><strong>The plan that ran</strong> · {escape(_headline(plan))}</div>"
    tree = f'<ul style="list-style:none;margin:.5em 0 0;padding:0">{_item(plan.root)}</ul>'
    return display.box(head + tree + then, "info", "the plan that PostgreSQL ran, step by step")


def _item(node: Node) -> str:
    share = f"{node.share:.0%}"
    bar = (
        '<span aria-hidden="true" style="display:inline-block;vertical-align:middle;width:5em;'
        'height:.7em;border-radius:3px;background:rgba(128,128,128,.22);overflow:hidden">'
        f'<span style="display:block;height:100%;width:{share};background:'
        'var(--bx-curtain,currentColor)"></span></span>'
    )
    most = " " + display.badge("← most of the time", "brass") if node.is_slowest else ""
    most = most.replace('style="', 'style="white-space:nowrap;', 1)
    cost = (
        '<span style="flex:none;white-space:nowrap;font-size:.92em;'
        'font-variant-numeric:tabular-nums">'
        f'{bar} <span style="display:inline-block;min-width:7em;text-align:right">'
        f"{share.replace('%', ' %')} · {duration(node.time_ms)}</span></span>"
    )
    does = f"<div>{escape(node.does[:1].upper() + node.does[1:])}.</div>" if node.does else ""
    rows = "".join(_fact(tone, words) for tone, words in facts(node))
    below = "".join(_item(child) for child in node.children)
    inner = (
        f'<ul style="list-style:none;margin:.35em 0 0 .3em;padding:0 0 0 1em;border-left:{LINE}">'
        f"{below}</ul>"
        if below
        else ""
    )
    return (
        '<li style="margin:.45em 0 0">'
        '<div style="display:flex;flex-wrap:wrap;gap:.1em 1em;justify-content:space-between">'
        f'<span><code style="{FACE};background:none;color:inherit;padding:0;font-weight:700">'
        f"{escape(node.title)}</code>{most}</span>{cost}</div>"
        f'{does}<div style="font-size:.92em">{rows}</div>{inner}</li>'
    )


def _fact(tone: str, words: str) -> str:
    if not tone:
        return f'<div style="overflow-wrap:anywhere">{escape(words)}</div>'
    return f"<div>{display.badge('!', 'brass')} {escape(words.removeprefix('! '))}</div>"
