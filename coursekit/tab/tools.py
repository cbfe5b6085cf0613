"""Python tools and single calls in this very interpreter, each in a world of its own."""

from __future__ import annotations

import importlib
import json
import traceback
from collections.abc import Mapping
from pathlib import Path

from coursekit import tool
from coursekit.errors import AppFailed, CourseError, WorkspaceProblem
from coursekit.runtime import Finished
from coursekit.tab import clock, loop
from coursekit.tab.world import TooMuch, World

OPTIONS = {"pytest": ["--capture=sys"]}
"""What a tool needs where the files 1 and 2 are nobody's."""


def run(command: list[str], folder: Path, variables: Mapping[str, str], seconds: float) -> Finished:
    """Run a Python tool in `folder`. See `runtime.Runtime.run`."""
    _need(folder)
    if "pytest" in command:
        loop.load()
    world = World(folder, variables)
    words = [command[0], *OPTIONS.get(command[0], []), *command[1:]]
    code, is_over = perform(world, words, seconds)
    told = world.output.text()
    if is_over:
        told += "\nstopped: it did not come to an end. Is there a loop that never ends?\n"
    return Finished(code, told)


def perform(world: World, command: list[str], seconds: float) -> tuple[int, bool]:
    """The exit code of a tool in a world, and whether its time was over."""
    code, limit = 1, None
    try:
        with world.entered(seconds) as limit:
            code = tool.perform(command)
    except (clock.Expired, TooMuch):
        pass
    is_over = limit is not None and limit.is_over
    return (1 if is_over else code), is_over


def call(
    function: str,
    arguments: Mapping[str, object],
    folder: Path,
    seconds: float = 30,
    variables: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """Call `module:function(channel, **arguments)` in a world. See `runtime.Runtime.call`."""
    _need(folder)
    module, _, name = function.partition(":")
    channel, world = Channel(), World(folder, variables or {})
    try:
        with world.entered(seconds) as limit:
            getattr(importlib.import_module(module), name)(channel, **arguments)
    except clock.Expired:
        pass
    except SystemExit:
        raise AppFailed("The process ended before it answered.") from None
    except Exception:
        raise CourseError(f"The course's own code failed:\n{traceback.format_exc()}") from None
    if limit.is_over:  # whatever the code made of it
        raise AppFailed(f"No answer within {seconds:.0f} seconds. Is there a loop that never ends?")
    if channel.messages:
        return channel.messages[0]
    raise AppFailed("The process ended before it answered.")


class Channel:
    """What a job has of the one who ordered it (`warm.Channel`), where both are one process."""

    def __init__(self) -> None:
        self.messages: list[dict[str, object]] = []
        self.files: list[int] = []

    def send(self, **message: object) -> None:
        self.messages.append(json.loads(json.dumps(message)))


def _need(folder: Path) -> None:
    if not folder.is_dir():
        raise WorkspaceProblem(
            f"The folder {folder} is gone. Run the lesson's first code cell, `start(…)`, again: "
            "it puts back what the course wrote."
        )
