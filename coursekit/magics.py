"""The cell magics, thin: each reads its line and hands over to a function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from IPython.core.magic import Magics, cell_magic, magics_class

from coursekit import build, cells, course, display, logbook, session
from coursekit.errors import interruptible

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


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
            for words, text in pieces:  # all are read before the first is written
                build.apply(None, words, text)
            for words, text in pieces:
                build_cell(words, text)

    @cell_magic
    def check(self, line: str, cell: str) -> None:
        """Run the asserts of the cell, and show a card that says whether they hold."""
        title = course.check_title(line)
        passed, card = cells.check(title, cell, self._namespace())
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
    if target.source:
        text = course.generate_in(now.workspace.backend, target.source)
    else:
        text = build.apply(old, target, body)
    written = now.workspace.write(target, text)
    if now.exercises:
        now.record_answer(str(target), body)
    now.touch()
    note = ""
    if written.copy:
        note = f"your earlier version is kept as {written.copy.relative_to(now.workspace.root)}"
    display.show(display.diff(target.path, written.old, written.new, note))


def register(shell: InteractiveShell) -> None:
    """Make the magics known to IPython, and HTTP responses worth looking at."""
    shell.register_magics(CourseMagics)
    formatters = shell.display_formatter.formatters  # type: ignore[union-attr]
    formatters["text/html"].for_type(httpx.Response, lambda r: display.exchange(r).html)
    formatters["text/plain"].for_type(
        httpx.Response, lambda r, printer, _cycle: printer.text(display.exchange(r).text)
    )
