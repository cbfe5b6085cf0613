"""What makes the tables of a Box Office: its `boxoffice.database:set_up`, and what that reaches."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import hashlib
import importlib
import inspect
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit import course
from coursekit.errors import CourseError
from coursekit.server import own_frames
from coursekit.verdict import NotYet

if TYPE_CHECKING:
    from coursekit.sandbox import Sandbox
    from coursekit.warm import Channel

MAKER = "database.py"
FOLDER = "migrations/"
DYNAMIC = ("importlib", "__import__", "pkgutil", "read_text(", "open(")
EMPTY = "template0"
MADE = "your tables can be made"
FIRST = "Each item starts with the tables that your code makes."
IN_BLOCK = (
    "Alembic opens a transaction, and this statement works only outside of one. Put it under "
    "`with op.get_context().autocommit_block():`."
)


TABLES = """
select relname, reltuples > 0 from pg_class
where relkind in ('r', 'p') and not relispartition and relname <> 'alembic_version'
  and relnamespace::regnamespace::text !~ '^pg_|^information_schema$'
order by relname
"""
"""Every table there is, and whether it holds rows, as of the latest `analyze`."""


def set_up(channel: Channel, *, url: str) -> None:
    """In a process of its own: call Box Office's `set_up`; send `lines` of what went wrong."""
    try:
        function = importlib.import_module("boxoffice.database").set_up
        if inspect.iscoroutinefunction(function):
            asyncio.run(function(url))
        else:
            function(url)
    except BaseException as error:
        channel.send(lines=own_frames(error, Path.cwd()))
    else:
        channel.send(lines=[])


def makes_tables(files: course.Files) -> bool:
    """Whether this Box Office knows how to set up its database."""
    with contextlib.suppress(SyntaxError, ValueError):
        tree = ast.parse(files.get(MAKER, ""))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        return any(function.name == "set_up" for function in functions)
    return False


def are_wanted(database: bool | str, files: course.Files) -> bool:
    """Whether the items of an exercise have databases, with these files."""
    return database == "empty" or (bool(database) and makes_tables(files))


def reached(files: course.Files) -> set[str]:
    """The files that `set_up` can reach: by imports, or as migrations. All, where in doubt."""
    found: set[str] = set()
    waiting = [MAKER, *(name for name in files if name.startswith(FOLDER) or name.endswith(".ini"))]
    while waiting:
        name = waiting.pop()
        if name in found or name not in files:
            continue
        found.add(name)
        if not name.endswith(".py"):
            continue
        try:
            imported = _imports(name, files[name])
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return set(files)
        if imported is None:
            return set(files)
        waiting += imported
    return found


def _imports(name: str, text: str) -> list[str] | None:
    """Files of Box Office that a file may import; None where it may read what no import names."""
    if not name.startswith(FOLDER) and any(word in text for word in DYNAMIC):
        return None
    package = ["boxoffice", *name.split("/")[:-1]]
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            base = ".".join([*start, *(node.module or "").split(".")]).strip(".")
            names.update({base, *(f"{base}.{alias.name}" for alias in node.names)})
    paths = []
    for each in names:
        parts = each.split(".")
        if parts[0] == "boxoffice":
            for end in range(1, len(parts) + 1):
                path = "/".join(parts[1:end])
                paths += [f"{path}.py", f"{path}/__init__.py".lstrip("/")]
    return paths


def make(box: Sandbox, url: str) -> None:
    """Have the learner's Box Office make its tables. Raises NotYet where they cannot be made."""
    called = box.attempt("boxoffice.database:set_up", url)
    if called.error:
        said = "\n".join(called.lines[-2:]) or called.error
        raise NotYet(MADE, said, IN_BLOCK if "inside a transaction block" in said else FIRST)


class Wanted:
    """The tables that the items of one check start with; `kind` is "empty" or "" for all."""

    def __init__(self, files: course.Files, kind: str, touched: Collection[str] = ()) -> None:
        self.is_empty = kind == "empty" or not makes_tables(files)
        wanted = set() if self.is_empty else reached(files)
        told = sorted((n, files[n]) for n in wanted if not n.startswith("tests/"))
        self.mark = hashlib.sha256(json.dumps(told).encode()).hexdigest()
        """The same for the same tables."""
        self.is_own = not wanted.isdisjoint(touched)
        """Whether the answer has a say in them."""

    def failed(self, error: NotYet) -> Exception:
        """What it means that they cannot be made."""
        return error if self.is_own else CourseError(f"the tables cannot be made: {error.got}")
