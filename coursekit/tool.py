"""A Python tool such as pytest, run from within Python."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.server import own_frames

if TYPE_CHECKING:
    from coursekit.warm import Channel


def run(channel: Channel, *, command: list[str]) -> None:
    """The job: perform a command in this process, and send the exit `code`."""
    if command[0] != "coursekit":
        _step_aside()
    os.environ.pop("PYTEST_ADDOPTS", None)  # meant for whoever tests the course itself
    channel.send(code=perform(command))


def _step_aside() -> None:
    """Leave the list of modules. Hypothesis, for one, tries values that it finds in each of them
    that is not installed, so what it tries would change with every line of ours.
    """
    for name in [name for name in sys.modules if name.partition(".")[0] == "coursekit"]:
        del sys.modules[name]


def perform(command: list[str]) -> int:
    """Run `pytest …`, `python file.py …`, `python -m module …` or another console script.

    Returns the exit code. Only what ends this very process comes through.
    """
    code = 0
    try:
        _call(command)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except (Exception, KeyboardInterrupt) as error:
        lines = own_frames(error, Path.cwd())
        if len(lines) == 1:
            lines = traceback.format_exception_only(error)
        print("\n".join(line.rstrip() for line in lines), file=sys.stderr)
        code = 1
    with contextlib.suppress(AttributeError, ValueError):  # somebody replaced or closed them
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _call(command: list[str]) -> None:
    name, rest = command[0], command[1:]
    if name == "python" and rest[:1] == ["-m"]:
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    elif name == "python" and len(rest) > 1 and rest[0] == "-c":
        sys.argv = ["-c", *rest[2:]]
        exec(compile(rest[1], "<string>", "exec"), {"__name__": "__main__"})
    elif name == "python" and not rest:
        raise SystemExit("`python` needs a file, as in `python look.py`.")
    elif name == "python":
        if rest[0].startswith("../scratch/") and not Path(rest[0]).exists():
            raise SystemExit(f"There is no {rest[0][3:]} yet. Run the cell that builds it first.")
        sys.argv = rest
        sys.path.insert(0, str(Path(rest[0]).resolve().parent))
        runpy.run_path(rest[0], run_name="__main__")
    elif name == "coursekit":
        from coursekit import cli

        raise SystemExit(cli.main(rest))
    else:
        found = scripts(name)
        if not found:
            raise SystemExit(f"There is no Python tool named {name}.")
        sys.argv = command
        raise SystemExit(next(iter(found)).load()())


def scripts(name: str) -> importlib.metadata.EntryPoints:
    """The tools of that name. In a browser tab its package may arrive when it is asked for."""
    package = name.replace("-", "_")
    if package.isidentifier():
        importlib.util.find_spec(package)
    return importlib.metadata.entry_points(group="console_scripts", name=name)
