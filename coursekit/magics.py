"""The cell magics, thin: each reads its line and hands over to a function."""

from __future__ import annotations

import difflib
import re
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx
from IPython.core.magic import Magics, cell_magic, magics_class

from coursekit import build, cells, course, display, logbook, session
from coursekit.errors import BuildRefused, CourseError, interruptible

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


PLACE = re.compile(r"^raise NotImplementedError\b", re.MULTILINE)
"""What keeps the place of an answer outside every function: the file stops there."""


@magics_class
class CourseMagics(Magics):
    """`%%build`, `%%check` and `%%expect`."""

    @cell_magic
    def build(self, line: str, cell: str) -> None:
        """Write a file of Box Office, or one definition in it, and show what changed.

        A line `%%build …` further down in the cell begins the next file.
        """
        with interruptible():
            pieces = build.blocks(line, cell)
            try:
                for words, text in pieces:  # all are read before the first is written
                    build.apply(None, words, text)
                for words, text in pieces:
                    build_cell(words, text)
            except BuildRefused:
                session.current().refused |= {words.strip() for words, _ in pieces}
                raise
            session.current().refused -= {words.strip() for words, _ in pieces}

    @cell_magic
    def check(self, line: str, cell: str) -> None:
        """Run the asserts of the cell, and show a card that says whether they hold."""
        title = course.check_title(line)
        passed, card = cells.check(title, cell, self._namespace())
        display.speak()
        display.show(card)
        now = session.current()
        logbook.record_check(now.home, now.lesson.id, title, passed)

    @cell_magic
    def expect(self, line: str, cell: str) -> None:
        """Run a cell that must fail in the way that the line names."""
        display.show(cells.expect(line, cell, self._namespace()))

    def _namespace(self) -> dict[str, Any]:
        assert self.shell is not None
        namespace: dict[str, Any] = self.shell.user_ns
        return namespace


def build_cell(line: str, body: str) -> None:
    """What `%%build` does: write, remember an exercise's answer, show the change."""
    now = session.current()
    now.workspace.require()
    target = build.parse_target(line)
    old = now.workspace.read(target)
    if target.name and old is None and course.writes_whole(target.path):
        raise BuildRefused(
            f"{target.path} is not there yet, so `{target.name}` cannot be put into it. Run the "
            f"cell that builds {target.path} first."
        )
    if now.exercises and old is not None and _keeps_place(target, body, now):
        note = (
            "Nothing is written yet: this cell is as it was given, and its last line would stop "
            "Box Office. Put your answer in its place, then run the cell again."
        )
        display.show(display.diff(target.path, old, old, note))
        return
    if target.source:
        text = course.generate_in(now.workspace.backend, target.source)
    else:
        text = build.apply(old, target, body)
    notes = []
    if now.exercises:
        text, lent = now.lend_given(target, text, body)
        if lent:
            names = " and ".join(f"`{name}`" for name in lent)
            are = "is" if len(lent) == 1 else "are"
            notes.append(f"{names} {are} imported as in the cell that was given; yours does not")
    written = now.workspace.write(target, text)
    if now.exercises:
        now.record_answer(str(target), now.complete(target, text, body))
    now.touch()
    if written.copy:
        kept = written.copy.relative_to(now.workspace.root)
        notes.append(f"your earlier version is kept as {kept}")
    elif old is None and not target.is_scratch and (doubt := _doubt(target, now)):
        notes.append(doubt)
    display.show(display.diff(target.path, written.old, written.new, "\n".join(notes)))


def _keeps_place(target: build.Target, body: str, now: session.Session) -> bool:
    """Whether a cell is still as it was handed out, with the place of the whole answer empty."""
    if not PLACE.search(body):
        return False
    return body.strip() in map(str.strip, session.given(now.lesson).get(str(target), []))


def _doubt(target: build.Target, now: session.Session) -> str:
    """A question, where a new file's name is close to that of one which the course knows."""
    path, known = target.path, set(course.files_at("end"))
    if path in known or course.writes_whole(path):
        return ""
    if now.exercises and str(target) in session.given(now.lesson):
        return ""
    near = difflib.get_close_matches(path, sorted(known), n=1, cutoff=0.85)
    return f"This is a new file of yours. Did you mean `{near[0]}`?" if near else ""


def register(shell: InteractiveShell) -> None:
    """Make the magics known to IPython, and HTTP responses worth looking at."""
    shell.events.register("post_execute", display.speak)
    shell.set_custom_exc((NameError,), _explain_name)  # type: ignore[no-untyped-call]
    shell.register_magics(CourseMagics)
    formatters = shell.display_formatter.formatters  # type: ignore[union-attr]
    formatters["text/html"].for_type(httpx.Response, lambda r: display.exchange(r).html)
    formatters["text/plain"].for_type(
        httpx.Response, lambda r, printer, _cycle: printer.text(display.exchange(r).text)
    )


def _explain_name(
    shell: InteractiveShell,
    kind: type[BaseException],
    error: NameError,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    """A name that this kernel does not know yet: say what to run."""
    sentence = session.unknown_name(error.name or "")
    if not sentence:
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        if not session.is_running():
            note = "Was this kernel restarted? Then run the notebook's cells again, from the top."
            display.show(display.card("!", note, "brass"))
        return
    shell.showtraceback((CourseError, CourseError(sentence), None))
