"""`run`: a Python tool in the learner's backend, with its output made repeatable."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from coursekit import display, runtime, session
from coursekit.errors import CourseError, interruptible

SECONDS = 60
TOOLS = {
    "pytest": [
        "--rootdir=.", "-c", "/dev/null", "-p", "no:cacheprovider", "--color=no",
        "-o", "console_output_style=classic",
        # what the warm parent has imported already, pytest cannot rewrite, and need not
        "-W", "ignore::pytest.PytestAssertRewriteWarning",
    ],
}  # fmt: skip
"""Options that keep a tool inside the learner's folder."""


class Ran(display.Spoken):
    """A tool that was run: its exit `code` and what it printed, as `output`.

    One that failed shows itself, unless somebody looks at what it printed.
    """

    def __init__(self, command: str, code: int, output: str) -> None:
        self.code = code
        self._output = output
        end = "" if code == 0 else f"\nexit code {code}"
        text = f"$ {command}\n{display.shorten(output, 60)}".rstrip() + end
        tone = "pass" if code == 0 else "fail"
        super().__init__(text, display.box(display.pre(text), tone, f"output of {command}"))
        if code == 0:
            self.seen()

    @property
    def output(self) -> str:
        self.seen()
        return self._output


def run(command: str, *, seconds: float = SECONDS) -> Ran:
    """Run `pytest …`, `schemathesis …`, `python file.py` in the folder that holds boxoffice/.

    The program runs in a process of its own with the lesson's DATABASE_URL and REDIS_URL, and is
    stopped after `seconds`. Times and paths are left out of what it printed.
    """
    now = session.current()
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CourseError(f"This command cannot be read: {error}.") from None
    if not words:
        raise CourseError('run("pytest -q") needs a command.')
    words = [words[0], *TOOLS.get(words[0], []), *words[1:]]
    variables = {**now.variables, "NO_COLOR": "1", "COLUMNS": "96", "TERM": "dumb"}
    # Tools call one another by name, and the environment need not be activated.
    variables["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    now.workspace.require()
    with interruptible(), display.waiting(f"{words[0]} is running"):
        done = runtime.current().run(words, now.workspace.backend, variables, seconds)
    folder = str(now.workspace.backend)
    return Ran(_without_port(command), done.code, repeatable(done.output, folder))


def repeatable(text: str, folder: str) -> str:
    """Output without colours, durations and the machine's own paths."""
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    text = text.replace("\r\n", "\n").replace(folder + "/", "").replace(folder, ".")
    text = re.sub(r"\b\d+(\.\d+)? ?(s|ms|seconds)\b", r"… \2", text)
    text = _without_port(text)
    return "\n".join(line.rstrip() for line in text.rstrip().split("\n"))


def _without_port(text: str) -> str:
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
