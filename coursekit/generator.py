"""A generated file's text, made by Box Office itself; runs in a process of its own."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.server import own_frames

if TYPE_CHECKING:
    from coursekit.warm import Channel


def call(channel: Channel, *, source: str) -> None:
    """Send `text`, what `module:function` returned, or `lines`, why it did not."""
    module, _, name = source.partition(":")
    try:
        text = getattr(importlib.import_module(module), name)()
    except BaseException as error:
        channel.send(lines=own_frames(error, Path.cwd()))
        return
    if isinstance(text, str):
        channel.send(text=text)
    else:
        channel.send(lines=[f"{name}() returned {type(text).__name__}, and a file needs a str."])
