"""The lesson's database, brought to where the lesson begins.

Box Office's own `boxoffice.database:set_up` makes the tables once, in a template; each start takes
a copy. What somebody wrote to the database before is kept under another name.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg

from coursekit import places, services
from coursekit.errors import AppFailed, CourseError
from coursekit.runtime import Stage
from coursekit.tables import TABLES

Files = Mapping[str, str]
SetUp = Callable[[Path, str], list[str]]
"""Runs `set_up` of the files in a folder on the database at a URL; the lines of what went wrong."""

EMPTY = "template0"
IDLE = "starts_with(state, 'idle in transaction')"
BEFORE = "_before"
MAKING = (".py", ".mako", ".ini", ".sql")
"""Kinds of files that `set_up` may work with."""

WRITTEN = """
select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) > 0
from pg_stat_all_tables
where schemaname !~ '^pg_' and schemaname <> 'information_schema'
   or relname in ('pg_class', 'pg_attribute', 'pg_constraint', 'pg_index', 'pg_proc', 'pg_type',
                  'pg_enum', 'pg_range', 'pg_trigger', 'pg_namespace') and relid < 16384
"""
TIDYING = "tidying"
"""The thread that drops what nobody needs any more, behind a `prepare`."""
COUNTED_SINCE = """
select (select stats_reset from pg_stat_bgwriter)::text || ' ' ||
       coalesce((select stats_reset from pg_stat_database where datname = %s)::text, '')
"""


def has_set_up(files: Files) -> bool:
    return re.search(r"^(async )?def set_up\b", files.get("database.py", ""), re.M) is not None


def mark(files: Files) -> str:
    """The same for the same tables, as far as files can say it."""
    digest = hashlib.sha256(b"1")
    for path, text in sorted(files.items()):
        if path.endswith(MAKING) and path.split("/")[0] not in ("tests", "examples", "docs"):
            digest.update(f"{path}\0{text}\0".encode())
    return digest.hexdigest()


def prepare(name: str, backend: Path, course_files: Files, run: SetUp) -> Stage:
    """Bring the database `name` to where the lesson begins, unless another kernel works in it."""
    template, failed = _template(backend, course_files, run)
    with _presence(name) as alone:
        if not alone:
            return _look(name, Stage(shared=True, waiting=open_transactions(name)))
        stage = _copy(name, template, failed)
    threading.Thread(target=_tidy, name=TIDYING, daemon=True).start()
    return stage


def _template(backend: Path, course_files: Files, run: SetUp) -> tuple[str, list[str]]:
    """The template for the files as they stand, or (with the lines of what failed) the course's."""
    files = _read(backend / "boxoffice")
    if not has_set_up(files):
        return EMPTY, []
    try:
        return services.template(mark(files), lambda url: _fill(backend, url, run)), []
    except AppFailed as error:
        if mark(files) == mark(course_files):
            raise CourseError(f"The course's own tables could not be made.\n  {error}") from None
        lines = str(error).splitlines()
    with tempfile.TemporaryDirectory(prefix="boxoffice-") as folder:
        return _template_of_the_course(Path(folder), course_files, run), lines


def _template_of_the_course(folder: Path, files: Files, run: SetUp) -> str:
    if not has_set_up(files):
        return EMPTY
    for path, text in files.items():
        place = folder / "boxoffice" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return services.template(mark(files), lambda url: _fill(folder, url, run))


def _fill(folder: Path, url: str, run: SetUp) -> None:
    if lines := run(folder, url):
        raise AppFailed("\n".join(lines))


def _read(package: Path) -> dict[str, str]:
    found = {}
    for path in package.rglob("*"):
        if path.suffix in MAKING and "__pycache__" not in path.parts:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[path.relative_to(package).as_posix()] = path.read_text(encoding="utf-8")
    return found


# --- two kernels --------------------------------------------------------------------------

_here: dict[str, IO[str]] = {}
"""The lesson's database that this kernel works in → the file whose lock says so."""


def leave(name: str = "") -> None:
    """This kernel works in no lesson's database any more, except `name`."""
    for other in [other for other in _here if other != name]:
        _here.pop(other).close()


def _lock_file(name: str) -> IO[str]:
    folder = places.state() / "lessons"
    folder.mkdir(exist_ok=True)
    return (folder / f"{name}.lock").open("a")


@contextlib.contextmanager
def _presence(name: str) -> Iterator[bool]:
    """Whether no other kernel works in this database; from now on, this one does."""
    leave(name)
    lock = _here[name] = _here.get(name) or _lock_file(name)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except OSError:
        alone = False
        fcntl.flock(lock, fcntl.LOCK_SH)  # the other may be at this very moment making it
    try:
        yield alone
    finally:
        fcntl.flock(lock, fcntl.LOCK_SH)


# --- what is in it ------------------------------------------------------------------------


def _copy(name: str, template: str, failed: list[str]) -> Stage:
    services.database(name)
    waiting = open_transactions(name)
    services.close_connections(name)
    made = services.note(name)
    written = _is_written(name, made)
    if written or made.get("of") != template:
        keep = name + BEFORE if written and not os.environ.get("COURSEKIT_ISOLATE") else None
        services.copy(template, name, keep=keep)
        services.set_note(name, {**_whose(), "of": template, "since": _counted_since(name)})
    else:
        keep = None
    found = Stage(kept=keep or "", ended=waiting, failed=tuple(failed), laid=template != EMPTY)
    return _look(name, found)


def _is_written(name: str, made: Mapping[str, object]) -> bool:
    """Whether anyone wrote to the database since it was made; yes where nobody can know."""
    with services.administering(name, name) as connection:
        row = connection.execute(WRITTEN.encode()).fetchone()
        if row and row[0]:
            return True
        empty = not connection.execute(TABLES.encode()).fetchall()
    return not empty and made.get("since") != _counted_since(name)


def _counted_since(name: str) -> str:
    """Since when PostgreSQL has counted: a crash, or the learner, begins its counts anew."""
    with services.administering(name, name) as connection:
        row = connection.execute(COUNTED_SINCE.encode(), [name]).fetchone()
    return str(row[0]) if row else ""


def _look(name: str, stage: Stage) -> Stage:
    with services.administering(name, name) as connection:
        tables = connection.execute(TABLES.encode()).fetchall()
    names = tuple(str(table[0]) for table in tables)
    return stage.with_tables(names, any(table[1] for table in tables))


@dataclass(frozen=True)
class Transaction:
    """A session that holds a transaction open."""

    pid: int
    program: str
    seconds: float
    query: str

    def __str__(self) -> str:
        query = " ".join(self.query.split())
        shown = f", last `{query[:77] + '…' if len(query) > 78 else query}`" if query else ""
        return f"{self.who()}, open for {self.seconds:.0f} s{shown}"

    def how_to_end(self) -> str:
        """Who it is, and what lets those go on who wait for it."""
        return (
            f"{self}. Commit or roll back there; where you cannot: "
            f'`sql("select pg_terminate_backend({self.pid})")`'
        )

    def who(self) -> str:
        """Which program it is, as `start` names those it hands connections to."""
        kind, _, number = self.program.partition(" ")
        if kind == "notebook":
            own = number == str(os.getpid())
            return f"a connection that {'this' if own else 'another'} notebook opened"
        words = {"api": "your API", "run": "a tool of run()", "sql": "another sql()"}
        return words.get(self.program) or (
            f"the program {self.program}" if self.program else "a program that gave no name"
        )


def open_transactions(name: str) -> tuple[str, ...]:
    """Who holds a transaction open in a database and does nothing in it, in words."""
    return tuple(str(found) for found in sessions(name, IDLE))


def holders(name: str, waiting: str) -> list[Transaction]:
    """Who holds the locks that sessions wait for which fit `waiting`; not who queues like them."""
    chain = (
        f"with recursive chain(pid) as (select unnest(pg_blocking_pids(pid)) "
        f"from pg_stat_activity where {waiting} "
        "union select unnest(pg_blocking_pids(pid)) from chain) select pid from chain"
    )
    return sessions(name, f"cardinality(pg_blocking_pids(pid)) = 0 and pid in ({chain})")


def sessions(name: str, condition: str) -> list[Transaction]:
    """The sessions of a database that fit a condition on pg_stat_activity."""
    query = (
        "select pid, application_name, "
        "coalesce(extract(epoch from clock_timestamp() - xact_start), 0), query "
        f"from pg_stat_activity where datname = %s and {condition} order by xact_start"
    )
    with services.administering(name) as server:
        rows = server.execute(query.encode(), [name]).fetchall()
    return [
        Transaction(int(str(pid)), str(program), float(str(seconds)), str(query))
        for pid, program, seconds, query in rows
    ]


# --- tidying ------------------------------------------------------------------------------


def _whose() -> dict[str, object]:
    return {"host": socket.gethostname(), "workspace": str(places.workspace())}


def _tidy() -> None:
    """Drop what was replaced, and what runs with a workspace that is gone have left."""
    with contextlib.suppress(CourseError, psycopg.Error, OSError):
        services.sweep(services.DISCARDED, lambda _: True)
        services.sweep("boxoffice_", _is_left)


def _is_left(name: str) -> bool:
    made = services.note(name)
    return (
        made.get("host") == socket.gethostname()
        and isinstance(workspace := made.get("workspace"), str)
        and bool(re.search(r"_[0-9a-f]{6}(_before)?$", name))
        and not Path(workspace).exists()
        and not _is_used(name.removesuffix(BEFORE))
    )


def _is_used(name: str) -> bool:
    """Whether a kernel that lives works in this database."""
    with _lock_file(name) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
