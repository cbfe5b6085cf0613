"""The helper package of Box Office, a backend engineering course you can run.

Imported in a notebook, it also registers `%%build`, `%%check` and `%%expect`. Names are loaded
when they are first used, so that the package's own servers start without a notebook's weight.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.caller import client, race
    from coursekit.database import sql
    from coursekit.exercise import check, hint, progress
    from coursekit.schema import diagram
    from coursekit.session import start
    from coursekit.shell import run
    from coursekit.widget import play

__all__ = [
    "check", "client", "diagram", "hint", "play", "progress", "race", "run", "sql", "start",
]  # fmt: skip

_HOMES = {
    "check": "exercise",
    "client": "caller",
    "diagram": "schema",
    "hint": "exercise",
    "play": "widget",
    "progress": "exercise",
    "race": "caller",
    "run": "shell",
    "sql": "database",
    "start": "session",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"coursekit.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'coursekit' has no attribute {name!r}")


def _register() -> None:
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
        if shell is not None:
            from coursekit.magics import register

            register(shell)


def load_ipython_extension(_shell: object) -> None:
    """Registered by the import already; named so that IPython can load the package at its start."""


_register()
