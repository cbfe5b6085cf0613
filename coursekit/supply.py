"""Databases for the sandboxes of a check: a copy of one template for each, dropped afterwards.

A template is what `boxoffice.database:set_up` makes of an empty database. It is kept by what that
function can reach, so an answer that touches neither tables nor migrations needs no new one.
Copies of such a template are made ahead, when nobody waits: *spares*, which a check only renames.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path

import psycopg

from coursekit import course, places, services
from coursekit.errors import CourseError
from coursekit.verdict import CouldNotFinish, NotYet

MAKER = "database.py"
FOLDER = "migrations/"
DYNAMIC = ("importlib", "__import__", "pkgutil", "read_text(", "open(")
DATABASES = "databases"
"""A file of that name in a check's folder says that there are some to drop."""
EMPTY = "template0"
MADE = "your tables can be made"
SPARES = 5
SPARE_KINDS = 2
"""How many spares there are of a template, and of how many templates."""
SPARE = "spare_"

Call = Callable[[str], None]
"""Runs the learner's `set_up(url)` in a confined process. Raises NotYet or CouldNotFinish."""


def makes_tables(files: course.Files) -> bool:
    """Whether this Box Office knows how to set up its database."""
    with contextlib.suppress(SyntaxError, ValueError):
        tree = ast.parse(files.get(MAKER, ""))
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        return any(function.name == "set_up" for function in functions)
    return False


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


class Supply:
    """The databases of one check; `kind` is "empty" or "" for the tables of Box Office."""

    def __init__(
        self, files: course.Files, folder: Path, kind: str, make: Call, *,
        touched: Collection[str] = (),
    ) -> None:  # fmt: skip
        self._marker = folder.parent / DATABASES
        self._prefix = f"{prefix()}{folder.parent.name}_{folder.name}_".replace("-", "_")
        self._is_empty = kind == "empty" or not makes_tables(files)
        self._files = files
        self._make = make
        self._touched = touched
        self._template = ""
        self._failure: Exception | None = None
        self._making = threading.Lock()
        self._witness: psycopg.Connection[tuple[object, ...]] | None = None
        self.is_used = False

    def take(self, name: str) -> str:
        """The address of a fresh database. Raises NotYet where the learner's tables fail."""
        with self._making:
            if self._failure is not None:
                raise self._failure
            self.is_used = True
            self._marker.touch()
            if self._witness is None:
                self._witness = self._connect()
            if not self._template:
                try:
                    self._template = self._find_template()
                except (NotYet, CouldNotFinish) as error:
                    self._failure = error
                    raise
            if claim(self._witness, self._template, self._prefix + name):
                return services.postgres_url(self._prefix + name)
        return _copy(self._template, self._prefix + name)

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that breaks when the server does; it is healed first where it is down."""
        with services.administering(self._prefix):
            return psycopg.connect(
                services.postgres_url(), autocommit=True, connect_timeout=5,
                application_name="coursekit",
            )  # fmt: skip

    @cached_property
    def _wanted(self) -> set[str]:
        return set() if self._is_empty else reached(self._files)

    @property
    def is_own(self) -> bool:
        """Whether the answer has a say in the tables."""
        return not self._wanted.isdisjoint(self._touched)

    def _find_template(self) -> str:
        if self._is_empty:
            return EMPTY
        wanted = self._wanted
        told = json.dumps(sorted((n, self._files[n]) for n in wanted if not n.startswith("tests/")))
        try:
            return services.template(hashlib.sha256(told.encode()).hexdigest(), self._make)
        except NotYet as error:
            if not self.is_own:
                raise CourseError(f"the tables cannot be made: {error.got}") from None
            raise

    @property
    def was_disturbed(self) -> bool:
        """Whether the server went away or fell over meanwhile: then no verdict counts."""
        if self._witness is None:
            return self.is_used
        try:
            self._witness.execute("select 1")
        except psycopg.Error:
            return True
        return False

    def close(self) -> None:
        if self._witness is not None:
            self._witness.close()

    def ahead(self) -> None:
        """Before the first check: the template, and spares of it."""
        stock(self._find_template())

    def tidy(self) -> None:
        """When the verdict is out: spares for the next check, then drop what this one used."""
        if self._template and not self.is_own:
            stock(self._template)
        if self.is_used:
            with contextlib.suppress(CourseError, psycopg.Error):
                services.sweep(self._prefix, lambda _: True)


# --- made ahead -------------------------------------------------------------------------------


def claim(server: services.Administration, template: str, name: str) -> bool:
    """Give a spare of that template this name; False where there is none."""
    for spare in services._names(server, _spare(template)):
        with contextlib.suppress(psycopg.errors.InvalidCatalogName, psycopg.errors.ObjectInUse):
            services._run(server, "alter database {} rename to {}", spare, name)
            return True
    return False


def stock(template: str) -> None:
    """Have spares of this template, and none of those that were used long ago."""
    with _one_at_a_time("spares") as first, contextlib.suppress(CourseError, psycopg.Error):
        if not first or services.postgres_version() is None:
            return
        used = places.state() / "spares"
        used.mkdir(exist_ok=True)
        (used / template).touch()
        kinds = sorted(used.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kinds[:-SPARE_KINDS]:
            services.sweep(_spare(old.name), lambda _: True)
            old.unlink()
        with services.administering(template) as server:
            stand = len(services._names(server, _spare(template)))
        for _ in range(SPARES - stand):
            _copy(template, _spare(template) + secrets.token_hex(4))


def _copy(template: str, name: str) -> str:
    """A copy that nobody will miss: its commits need not wait for the disk."""
    url = services.copy(template, name)
    with services.administering(name) as server:
        services._run(server, "alter database {} set synchronous_commit = off", name)
    return url


def _spare(template: str) -> str:
    return f"{prefix()}{SPARE}{template.removeprefix(services.TEMPLATE)}_"


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[bool]:
    """Whether no other process does the same at this moment."""
    with (places.state() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


# --- dropped ----------------------------------------------------------------------------------


def prefix() -> str:
    """What the names of all these databases begin with, on a server that others may use too."""
    return f"box_{hashlib.sha256(os.fsencode(places.state())).hexdigest()[:8]}_"


def sweep(channel: object = None) -> None:
    """Drop the databases of checks that are over, also of those that were killed."""
    wanted = places.state() / "sweep.wanted"
    wanted.touch()
    while wanted.exists():
        with _one_at_a_time("sweep") as first:
            if not first:  # it sees what is wanted when it is through
                return
            wanted.unlink(missing_ok=True)
            for pause in (0, 0.5):  # one that still has a connection is left the first time
                time.sleep(pause if channel else 0)
                with contextlib.suppress(CourseError, psycopg.Error):
                    if services.postgres_version() is not None:  # not started for this
                        services.sweep(prefix(), _is_over)


def _is_over(name: str) -> bool:
    """Whether the check that a database belongs to has no folder any more."""
    if name.startswith(prefix() + SPARE):
        return False
    owner, _, mark = name.removeprefix(prefix()).partition("_")
    return not (places.state() / "sandboxes" / f"{owner}-{mark.partition('_')[0]}").exists()
