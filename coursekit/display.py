"""What a learner sees: cards, HTTP messages, diffs, tables. HTML in Jupyter, plain text elsewhere.

Text takes the colour of its surroundings and colour is never the only sign, so that everything
reads in light and dark themes, in print and by ear.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from html import escape
from textwrap import dedent
from typing import TYPE_CHECKING
from urllib.parse import unquote
from weakref import WeakSet

from coursekit.identity import LIGHT

if TYPE_CHECKING:
    import httpx

    from coursekit.verdict import Verdict

Tone = str
"""One of "pass", "fail", "info", "brass": a name in the palette."""

LINES_SHOWN = 40
QUIET_REQUEST_HEADERS = {
    "accept-encoding", "connection", "content-length", "host", "user-agent", "accept",
}  # fmt: skip
QUIET_RESPONSE_HEADERS = {
    "connection", "content-length", "date", "server", "transfer-encoding", "x-request-id",
    "keep-alive",
}  # fmt: skip


class Shown:
    """Something to look at: `text` anywhere, `html` where HTML is understood."""

    def __init__(self, text: str, html: str) -> None:
        self.text = text
        self.html = html

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}


class Spoken(Shown):
    """Something that must not get lost: what nobody looked at shows itself when it is dropped.

    So `run("…")` that failed is seen wherever it stands in a cell, and once.
    """

    def __init__(self, text: str, html: str) -> None:
        super().__init__(text, html)
        self._is_seen = False
        _alive.add(self)

    def __repr__(self) -> str:
        if not _explaining.is_set():
            self.seen()
        return self.text

    def __str__(self) -> str:
        self.seen()
        return self.text

    def _repr_mimebundle_(self, **how: object) -> dict[str, str]:
        self.seen()
        return super()._repr_mimebundle_(**how)

    def seen(self) -> None:
        self._is_seen = True

    def speak(self) -> None:
        if not self._is_seen:
            show(self)
            self.seen()

    def __del__(self) -> None:
        with suppress(Exception):  # Python itself may be at its end
            self.speak()


_alive: WeakSet[Spoken] = WeakSet()
_explaining = threading.Event()


@contextmanager
def explaining() -> Iterator[None]:
    """Asserts that fail write down all values: nobody looks at them for that."""
    _explaining.set()
    try:
        yield
    finally:
        _explaining.clear()


def speak() -> None:
    """Show what nobody has looked at yet, as at the end of a cell."""
    for spoken in [*_alive]:
        spoken.speak()


def spoken(shown: Shown) -> Spoken:
    """The same, so that it does not get lost."""
    return Spoken(shown.text, shown.html)


def show(shown: object) -> None:
    """Display now: as the cell's output in Jupyter, printed elsewhere."""
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        print(shown)
    else:
        display(shown)  # type: ignore[no-untyped-call]


PATIENCE_SECONDS = 2.0


@contextmanager
def waiting(words: str) -> Iterator[None]:
    """Say what is being waited for, second by second, once it takes longer than two seconds.

    The line is gone afterwards. Nothing is said where outputs are stored or compared.
    """
    from IPython import get_ipython

    quiet = os.environ.get("COURSEKIT_ISOLATE") or os.environ.get("COURSEKIT_QUIET")
    if get_ipython() is None or quiet:
        yield
        return
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(words, over), daemon=True)
    with suppress(RuntimeError):  # where there are no threads, nothing is said meanwhile
        teller.start()
    try:
        yield
    finally:
        over.set()
        if teller.ident is not None:
            teller.join()


def _tell(words: str, over: threading.Event) -> None:
    from IPython.display import display

    begun = time.monotonic()
    if over.wait(PATIENCE_SECONDS):
        return
    handle = display(Shown("", ""), display_id=True)  # type: ignore[no-untyped-call]
    while not over.wait(1.0):
        line = f"{words} … {time.monotonic() - begun:.0f} seconds"
        handle.update(Shown(line, f'<div role="status">{escape(line)}</div>'))
    handle.update(Shown("", ""))


def badge(words: str, tone: Tone) -> str:
    return (
        f'<span class="bx-badge bx-{tone}" style="background:{LIGHT[tone]};color:#fff;'
        f'border-radius:4px;padding:.05em .5em;font-weight:600">{escape(words)}</span>'
    )


def box(inner: str, tone: Tone, label: str) -> str:
    """A frame with a coloured edge; `label` is what a screen reader calls it."""
    return (
        f'<div class="bx-card" role="group" aria-label="{escape(label, quote=True)}" '
        f'style="border:1px solid rgba(128,128,128,.45);border-left:5px solid {LIGHT[tone]};'
        'border-radius:6px;padding:.55em .9em;margin:.35em 0;max-width:62em;line-height:1.5">'
        f"{inner}</div>"
    )


def pre(text: str) -> str:
    """Text as it is, in a block that scrolls by keyboard too."""
    return (
        '<pre class="bx-pre" tabindex="0" style="margin:.4em 0 0;padding:0;background:none;'
        "border:0;"
        'color:inherit;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.92em;line-height:1.45">'
        f"{escape(text)}</pre>"
    )


def card(
    sign: str, title: str, tone: Tone, *, parts: Sequence[tuple[str, str]] = (), footer: str = ""
) -> Shown:
    """A message: a sign and a title, then labelled parts such as ("expected", "409")."""
    width = max([len(label) for label, _ in parts], default=0)
    lines = [f"{sign} {title}"]
    for label, text in parts:
        first, *more = text.split("\n")
        lines.append(f"  {label:<{width}}  {first}".rstrip())
        lines += [f"  {'':<{width}}  {line}".rstrip() for line in more]
    if footer:
        lines.append(f"  {footer}")
    rows = "".join(
        f'<tr style="background:none"><th scope="row" style="text-align:left;vertical-align:top;'
        f'padding:.1em 1em .1em 0;font-weight:600;border:0;white-space:nowrap">{escape(label)}</th>'
        f'<td style="text-align:left;padding:.1em 0;border:0;white-space:pre-wrap;'
        f'overflow-wrap:anywhere">{inline(text)}</td></tr>'
        for label, text in parts
        if label
    ) + "".join(
        f'<tr style="background:none"><td colspan="2" style="text-align:left;padding:.1em 0;'
        f'border:0;white-space:pre-wrap">{_prose(text)}</td></tr>'
        for label, text in parts
        if not label
    )
    table = (
        f'<table role="presentation" style="border:0;margin:.3em 0 0;border-collapse:collapse">'
        f"{rows}</table>"
        if rows
        else ""
    )
    tail = f'<div style="margin-top:.35em">{inline(footer)}</div>' if footer else ""
    inner = f"<div>{badge(sign, tone)} <strong>{inline(title)}</strong></div>{table}{tail}"
    return Shown("\n".join(lines), box(inner, tone, f"{sign} {title}"))


def _prose(text: str) -> str:
    """Escaped text in which lines that are indented by four spaces are code."""
    pieces = re.split(r"\n*((?:^ {4}.*(?:\n|$))+)", text, flags=re.MULTILINE)
    return "".join(
        f'<pre style="margin:.4em 0;padding:.4em .6em;background:rgba(128,128,128,.15);'
        f'color:inherit;border-radius:3px;overflow-x:auto">{escape(dedent(piece).rstrip())}</pre>'
        if place % 2
        else inline(piece)
        for place, piece in enumerate(pieces)
    )


def inline(text: str) -> str:
    """Escaped text with `backticks` as code, and *a word* between stars as emphasis."""
    pieces = escape(text, quote=False).split("`")
    if len(pieces) % 2 == 0:
        return escape(text, quote=False)
    return "".join(
        f'<code style="background:rgba(128,128,128,.15);color:inherit;padding:0 .25em;'
        f'border-radius:3px">{piece}</code>'
        if place % 2
        else re.sub(r"(?<![\w*])\*(\w[\w ]*)\*(?![\w*])", r"<em>\1</em>", piece)
        for place, piece in enumerate(pieces)
    )


# --- HTTP ---------------------------------------------------------------------------------


def compact_json(value: object, indent: int = 0, width: int = 88) -> str:
    """JSON that fits the page: what is short stays on one line."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(flat) + indent <= width or not isinstance(value, dict | list) or not value:
        return flat
    pad, inner = " " * indent, " " * (indent + 2)
    if isinstance(value, dict):
        rows = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: "
            + compact_json(entry, indent + 2, width)
            for key, entry in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{pad}}}"
    rows = [f"{inner}{compact_json(entry, indent + 2, width)}" for entry in value]
    return "[\n" + ",\n".join(rows) + f"\n{pad}]"


def shorten(text: str, lines: int = LINES_SHOWN) -> str:
    """At most so many lines, and what was left out."""
    rows = text.split("\n")
    rows = [row if len(row) <= 400 else row[:400] + " …" for row in rows]
    if len(rows) <= lines:
        return "\n".join(rows)
    return "\n".join([*rows[:lines], f"… {len(rows) - lines} more lines"])


def _body(content: bytes, kind: str) -> str:
    if not content:
        return ""
    if "json" in kind:
        try:
            return shorten(compact_json(json.loads(content)))
        except ValueError:
            pass
    if kind.startswith("text/") or "json" in kind or "xml" in kind or "graphql" in kind:
        return shorten(content.decode("utf-8", "replace"))
    return f"({len(content)} bytes of {kind or 'an unnamed kind'})"


def exchange(response: httpx.Response) -> Shown:
    """A request and its response, as the HTTP messages that they are."""
    request = response.request
    path = unquote(request.url.raw_path.decode("ascii", "replace"))
    asked = [
        f"{name}: {value}"
        for name, value in request.headers.items()
        if name not in QUIET_REQUEST_HEADERS
        and (name, value) != ("content-type", "application/json")
    ]
    try:
        sent = _body(request.content, request.headers.get("content-type", ""))
    except Exception:  # a streamed request has no content to show
        sent = ""
    kind = response.headers.get("content-type", "")
    told = [
        f"{name}: {value}"
        for name, value in response.headers.items()
        if name not in QUIET_RESPONSE_HEADERS
        and (name, value) != ("content-type", "application/json")
    ]
    body = _body(response.content, kind) if response.is_closed else "(a stream)"
    status = f"{response.status_code} {response.reason_phrase}".strip()
    extra = _own_lines(response)
    text = "\n".join(
        [f"{request.method} {path}", *asked, *([sent] if sent else []), "", f"← {status}", *told]
        + ([body] if body else [])
        + extra
    )
    tone = "pass" if response.is_success else "info" if response.status_code < 400 else "fail"
    html = (
        '<div><code style="background:none;color:inherit;font-weight:600">'
        f"{escape(request.method)} {escape(path)}</code></div>"
        + (pre("\n".join([*asked, *([sent] if sent else [])])) if asked or sent else "")
        + f'<div style="margin-top:.35em">{badge(f"← {status}", tone)}</div>'
        + (pre("\n".join([*told, *([body] if body else [])])) if told or body else "")
        + (pre("\n".join(extra)) if extra else "")
    )
    return Shown(text, box(html, tone, f"{request.method} {path}: {status}"))


def _own_lines(response: httpx.Response) -> list[str]:
    """What the learner's server said meanwhile: the error behind a 500, and its prints."""
    lines: list[str] = []
    crash = response.extensions.get("coursekit_crash")
    if crash:
        lines += ["", "the error behind it, in your files:", *(f"  {line}" for line in crash)]
    printed = response.extensions.get("coursekit_printed")
    if printed:
        lines += ["", "printed by your API:", shorten(str(printed).rstrip("\n"), 15)]
    return lines


# --- diffs and tables ---------------------------------------------------------------------


def diff(path: str, old: str | None, new: str, note: str = "") -> Shown:
    """What writing `new` over `old` changed in a file."""
    count = len(new.splitlines())
    rows: list[str] = []
    if old is None:
        title = f"created {path} · {count} {'line' if count == 1 else 'lines'}"
    elif old == new:
        title = f"unchanged {path}"
    else:
        rows = list(difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1))[2:]
        plus = sum(row.startswith("+") for row in rows)
        minus = sum(row.startswith("-") for row in rows)
        title = f"changed {path} · +{plus} −{minus} lines"
        rows = ["⋯" if row.startswith("@@") else row.rstrip() for row in rows]
        rows = rows[1:] if rows[:1] == ["⋯"] else rows
    if len(rows) > LINES_SHOWN * 2:
        rows = [*rows[: LINES_SHOWN * 2], f"… {len(rows) - LINES_SHOWN * 2} more lines"]
    text = "\n".join([title, *rows, *([note] if note else [])])
    tints = {"+": "rgba(46,160,67,.18)", "-": "rgba(220,60,60,.16)"}
    body = "".join(
        f'<span style="display:block;background:{tints.get(row[:1], "none")}">'
        f"{escape(row) or ' '}</span>"
        for row in rows
    )
    block = (
        '<pre class="bx-pre bx-diff" tabindex="0" style="margin:.3em 0 0;padding:0;background:none;'
        'border:0;color:inherit;font-size:.9em;line-height:1.4;overflow-x:auto">'
        f"{body}</pre>"
        if rows
        else ""
    )
    tail = f"<div>{inline(note)}</div>" if note else ""
    return Shown(text, box(f"<div>{escape(title)}</div>{block}{tail}", "brass", title))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "", limit: int = 30
) -> Shown:
    """Rows under column names; at most `limit` are shown, and how many there are."""
    cells = [[_cell(value) for value in row] for row in rows]
    more = len(cells) - limit
    cells = cells[:limit]
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            f"{value:<{width}}" for value, width in zip(row, widths, strict=True)
        ).rstrip()

    foot = [f"… {more} more rows"] if more > 0 else []
    text = "\n".join(
        [*([caption] if caption else []), line(columns), line(["─" * w for w in widths])]
        + [line(row) for row in cells]
        + foot
    )
    head = "".join(
        f'<th scope="col" style="text-align:left">{escape(name)}</th>' for name in columns
    )
    body = "".join(
        "<tr>"
        + "".join(f'<td style="text-align:left">{escape(value)}</td>' for value in row)
        + "</tr>"
        for row in cells
    )
    title = (
        '<caption style="text-align:left;color:inherit;caption-side:top">'
        f"{escape(caption)}</caption>"
        if caption
        else ""
    )
    html = (
        f'<table class="bx-table">{title}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )
    return Shown(text, html + (f"<div>{foot[0]}</div>" if foot else ""))


def _cell(value: object) -> str:
    if value is None:
        return "∅"
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


# --- verdicts -----------------------------------------------------------------------------

OUTCOMES: Mapping[str, tuple[str, Tone]] = {
    "passed": ("✓", "pass"),
    "not yet": ("✗", "fail"),
    "not attempted": ("○", "info"),
    "could not finish": ("✗", "fail"),
    "could not be graded": ("!", "brass"),
}


def verdict_card(verdict: Verdict) -> Shown:
    """The card of a graded exercise: every item, and for the first missed ones why and where."""
    sign, tone = OUTCOMES[str(verdict.outcome)]
    blocks = []
    for item in verdict.items:
        passed = item.earned == item.points
        mark = ("✓", "pass") if passed else ("✗", "fail") if item.ran else ("·", "info")
        line = (
            '<div style="margin-top:.45em">'
            f"{badge(*mark)} "
            f"{inline(item.title)} <span>({item.earned:g} of {item.points:g})</span></div>"
        )
        facts = [
            (label, text)
            for label, text in (
                ("expected", item.expected), ("got", item.got), ("why", item.why),
                ("where", item.where),
            )
            if text and not passed
        ]  # fmt: skip
        detail = "".join(
            f'<div style="margin-left:2.2em"><strong>{label}</strong> '
            '<span style="white-space:pre-wrap;overflow-wrap:anywhere">'
            f"{inline(text)}</span></div>"
            for label, text in facts
        )
        blocks.append(line + detail)
    score = f"{verdict.earned:g} of {verdict.points:g} points"
    head = (
        f"<div>{badge(f'{sign} {verdict.outcome}', tone)} "
        f"<strong>{inline(verdict.title)}</strong> "
        f"· {score}</div>"
    )
    message = f'<div style="margin-top:.3em;white-space:pre-wrap">{inline(verdict.message)}</div>'
    html = head + (message if verdict.message else "") + "".join(blocks)
    if str(verdict.outcome) in {"not yet", "could not finish", "not attempted"}:
        call = f'`hint("{verdict.id}")`'
        html += f'<div style="margin-top:.45em">Stuck? {inline(call)}</div>'
    return Shown(verdict.text(), box(html, tone, f"{verdict.title}: {verdict.outcome}, {score}"))
