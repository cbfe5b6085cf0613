"""PostgreSQL in the page: psycopg's way to it, and its databases.

PGlite runs in the same thread: what is sent is answered before the call returns. `pglite.js` gives
every database a PostgreSQL of its own. Each has one session, which all connections to the
database share, transaction by transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import importlib.abc
import importlib.util
import itertools
import os
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from coursekit.errors import ServiceDown
from coursekit.tab import loop

if TYPE_CHECKING:
    from coursekit.tab.pq import Wire

T = TypeVar("T")

FIRST = "postgres"
TURN_SECONDS = 30.0
SETTINGS_FOR_ONE = re.compile(rb"\s*(re)?set\s+(?!local\b|transaction\b|constraints\b)", re.I)
LEFT_BEHIND = re.compile(rb"\btemp(orary)?\s|advisory_lock|\blisten\b", re.I)
WRITES = re.compile(
    rb"C....(INSERT 0 [1-9]|(UPDATE|DELETE|MERGE|COPY) [1-9]|CREATE|ALTER|DROP|TRUNCATE|DO\0)", re.S
)
TIDY = "discard temp; unlisten *; select pg_advisory_unlock_all()"
SEASONS = Path(__file__).parent.parent / "_course" / "seasons"


class Server(Protocol):
    """What `pglite.js` gives: databases by name, and talk with one of them."""

    def names(self) -> Sequence[str]: ...

    def has(self, name: str) -> bool: ...

    def exchange(self, name: str, data: Any) -> Any: ...

    def copy(self, name: str, to: str) -> None: ...

    def drop(self, name: str) -> None: ...

    def rename(self, name: str, to: str) -> None: ...


# --- psycopg ------------------------------------------------------------------------------


class _Binding(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives psycopg our `pq` in place of the one that loads libpq."""

    def __init__(self, open_wire: Callable[[Mapping[str, str]], Wire]) -> None:
        self._open_wire = open_wire

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "psycopg.pq.pq_ctypes":
            return None
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from coursekit.tab import pq

        pq.open_wire = self._open_wire
        return pq

    def exec_module(self, module: ModuleType) -> None: ...


def bind(open_wire: Callable[[Mapping[str, str]], Wire]) -> None:
    """Have psycopg, which must not be imported yet, speak through our wires."""
    os.environ["PSYCOPG_IMPL"] = "python"
    if not any(isinstance(finder, _Binding) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Binding(open_wire))


def install() -> None:
    """Have psycopg and SQLAlchemy's asyncio layer work in this page. Loads neither."""
    from coursekit.tab import greenlets

    bind(PageWire)
    greenlets.install()
    loop.PATCHES["psycopg.waiting"] = _never_wait


def _never_wait(module: Any) -> None:
    """What is asked is answered already, so psycopg's generators run to their end."""

    def wait(generator: Generator[Any, Any, T], *_: object, **__: object) -> T:
        try:
            wanted = next(generator)
            while True:
                if isinstance(wanted, tuple):  # of a connection: with its socket
                    wanted = wanted[1]
                if not wanted & module.WAIT_W:
                    raise module.e._WaitTimeout("nothing more will come: PostgreSQL has answered")
                wanted = generator.send(module.READY_RW)
        except StopIteration as end:
            result: T = end.value
            return result

    async def wait_async(generator: Generator[Any, Any, T], *_: object, **__: object) -> T:
        return wait(generator)

    module.wait = module.wait_conn = wait
    module.wait_async = module.wait_conn_async = wait_async


# --- the server ---------------------------------------------------------------------------


@cache
def server() -> Server:
    """PostgreSQL, loaded when it is first asked for."""
    import js
    from pyodide.code import run_js
    from pyodide.ffi import can_run_sync, run_sync

    ready = getattr(js, "boxofficePostgres", None)
    if ready is not None:
        return ready  # type: ignore[no-any-return]
    if not can_run_sync():
        raise ServiceDown(
            "This browser cannot wait for PostgreSQL inside a cell. Current versions of Chrome, "
            "Edge and Firefox can."
        )
    begin = run_js((Path(__file__).parent / "pglite.js").read_text(encoding="utf-8"))
    return run_sync(begin(_address()))  # type: ignore[no-any-return]


def _address() -> str:
    """Where this site keeps PGlite: beside Pyodide."""
    import js
    import pyodide_js

    return str(js.URL.new("../pglite/index.js", pyodide_js._api.config.indexURL).href)


def version() -> str:
    """As in "PostgreSQL 18"."""
    return f"PostgreSQL {_greeting()[b'server_version'].split(b'.')[0].decode()}"


@cache
def _hello() -> bytes:
    """How the server greets every connection."""
    from coursekit.tab import pq

    return exchange(FIRST, pq.startup({"user": "postgres", "dbname": FIRST}))


def _greeting() -> dict[bytes, bytes]:
    found = re.findall(rb"S....([a-z_]+)\0([^\0]*)\0", _hello(), re.S)
    return dict(found)


def exchange(name: str, data: bytes) -> bytes:
    """Send messages of the protocol to a database, and return what it answers."""
    from pyodide.ffi import to_js

    return server().exchange(name, to_js(data)).to_bytes()  # type: ignore[no-any-return]


# --- databases ----------------------------------------------------------------------------


def url(name: str) -> str:
    """The address of a database, as lessons print and parse it."""
    return f"postgresql://postgres@/{name}?host=/tab"


def named(address: str) -> str:
    """The database of an address."""
    return address.rpartition("/tab")[0].partition("@/")[2].partition("?")[0]


def names() -> list[str]:
    """The databases that there are."""
    return [str(name) for name in server().names()]


def has(name: str) -> bool:
    return bool(server().has(name))


def create(name: str) -> None:
    """An empty database, where there is none of that name."""
    if not has(name):
        copy(FIRST, name)


def copy(name: str, to: str) -> None:
    """Make the database `to`, in place of the one of that name, a copy of `name`."""
    _sessions.pop(to, None)
    server().copy(name, to)


def rename(name: str, to: str) -> None:
    """Give a database another name; connections to it end."""
    for each in (name, to):
        _sessions.pop(each, None)
    server().rename(name, to)


def drop(name: str) -> None:
    _sessions.pop(name, None)
    server().drop(name)


def template(key: str, make: Callable[[str], None]) -> str:
    """The name of the database that `make(url)` filled for `key`, which runs once.

    What `make` raises comes through, and leaves nothing.
    """
    name = f"boxoffice_template_{key[:16]}"
    if not has(name):
        half = f"boxoffice_halfmade_{key[:16]}"
        copy(FIRST, half)
        try:
            season = SEASONS / f"{key[:16]}.sql"
            if season.exists():
                run(half, season.read_text(encoding="utf-8"))
            else:
                make(url(half))
            settle(half)
        except BaseException:
            drop(half)
            raise
        rename(half, name)
    return name


def run(name: str, statements: str) -> None:
    """Run SQL in a database. Raises psycopg's errors."""
    import psycopg

    with psycopg.connect(url(name), autocommit=True) as connection:
        connection.execute(statements.encode())


def ask(name: str, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    import psycopg

    with psycopg.connect(url(name), autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def is_written(name: str) -> bool:
    """Whether anything was written to a database since it was made."""
    session = _sessions.get(name)
    return session is not None and session.is_written


def settle(name: str) -> None:
    """Statistics and visibility are part of a template: its copies plan alike in every run."""
    run(name, "vacuum analyze")


# --- one session, many connections --------------------------------------------------------


class Session:
    """The one session of a database: who uses it, and who has a transaction open in it."""

    def __init__(self) -> None:
        self.holder: PageWire | None = None
        self.task: asyncio.Task[Any] | None = None
        """The task in which the holder's transaction began."""
        self.latest: PageWire | None = None
        self.waiting: list[asyncio.Future[None]] = []
        self.is_written = False

    def taken(self, by: PageWire) -> bool:
        """Whether another connection has a transaction open."""
        if self.holder in (None, by):
            return False
        gc.collect()  # a connection that nobody has any more is no holder
        return self.holder not in (None, by)

    def hold(self, wire: PageWire, is_open: bool) -> None:
        if is_open and self.holder is None:
            self.holder, self.task = wire, _task()
            _held.set(wire.prefix)
        elif not is_open and self.holder is wire:
            self.holder = self.task = None
            for future in self.waiting:
                future.get_loop().call_soon(_wake, future)
            self.waiting.clear()


_sessions: dict[str, Session] = {}
_held: ContextVar[bytes] = ContextVar("held", default=b"")
"""The connection whose transaction began in this task, or in one that made this one: SQLAlchemy
has a task of its own to commit."""


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


async def turn() -> None:
    """Wait while another task of this event loop has a transaction open."""
    await asyncio.sleep(0)  # where a driver would wait for the network
    me, here = _task(), asyncio.get_running_loop()
    for session in [*_sessions.values()]:
        while (
            session.holder is not None
            and session.holder.prefix != _held.get()
            and session.task not in (None, me)
            and not session.task.done()
            and session.task.get_loop() is here
        ):
            future = here.create_future()
            session.waiting.append(future)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(future, TURN_SECONDS)
                continue
            return  # then the statement itself says who holds it


_numbers = itertools.count(1)


class PageWire:
    """One connection's way to a database of the page (`pq.Wire`)."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self.name = parameters["dbname"]
        self.program = parameters.get("application_name", "")
        self.prefix = b"c%d_" % next(_numbers)
        self._session = self._mine()
        self._answer = bytearray()
        self._settings = [
            b"set %s = '%s'" % (name.encode(), value.encode())
            for name, value in re.findall(r"-c\s*([\w.]+)=(\S+)", parameters.get("options", ""))
        ]
        self._leaves = self._prepares = False
        self._asked = b""

    def _mine(self) -> Session:
        if not has(self.name):
            raise OSError(f'FATAL:  database "{self.name}" does not exist')
        return _sessions.setdefault(self.name, Session())

    def fileno(self) -> int:
        return -1

    def receive(self, wait: bool) -> bytes:
        data = bytes(self._answer)
        self._answer.clear()
        return data

    def send(self, data: bytes) -> None:
        """Have messages answered. Raises OperationalError where it is not our turn."""
        if data[:1] == b"\0":
            self._answer += _hello()
            return
        if _sessions.get(self.name) is not self._session:
            raise OSError(f'database "{self.name}" was set back, and its connections ended')
        if self._session.taken(self):
            raise self._refusal()
        self._take_over()
        if data[:1] in b"QP":
            self._asked = data[5:].split(b"\0")[data[:1] == b"P"]
        self._leaves = self._leaves or bool(LEFT_BEHIND.search(data))
        self._prepares = self._prepares or self.prefix in data
        answer = exchange(self.name, data)
        if data[:1] == b"Q" and SETTINGS_FOR_ONE.match(data, 5) and b"C\0\0\0\x08SET\0" in answer:
            self._settings.append(self._asked)
        self._session.is_written = self._session.is_written or bool(WRITES.search(answer))
        self._answer += answer
        if answer[-6:-1] == b"Z\0\0\0\5":
            self._session.hold(self, answer[-1:] != b"I")

    def _take_over(self) -> None:
        """Have the session's settings be those of this connection."""
        before, self._session.latest = self._session.latest, self
        if before is self or self._session.holder is self:
            return
        if before is not None and before._settings:
            self._quietly("reset all")
        for statement in self._settings:
            self._quietly(statement.decode())

    def _quietly(self, statement: str) -> bytes:
        body = statement.encode() + b"\0"
        return exchange(self.name, b"Q" + (len(body) + 4).to_bytes(4, "big") + body)

    def _refusal(self) -> Exception:
        from psycopg import errors

        holder = self._session.holder
        assert holder is not None
        query = " ".join(holder._asked.decode("utf-8", "replace").split())
        shown = f" (last `{query[:77] + '…' if len(query) > 78 else query}`)" if query else ""
        return errors.OperationalError(
            "in a browser tab all connections share one session, and "
            f"{_who(holder.program)} has a transaction open in it{shown}. Commit or roll back "
            "there, or close that connection; then run this again"
        )

    def close(self) -> None:
        """End the connection: its transaction, and what it left in the session."""
        if _sessions.get(self.name) is not self._session:
            return
        if self._session.holder is self:
            self._quietly("rollback")
            self._session.hold(self, False)
        if self._session.holder is None:
            if self._leaves:
                self._quietly(TIDY)
            if self._prepares:
                self._forget_statements()

    def _forget_statements(self) -> None:
        mark = self.prefix.decode()
        answer = self._quietly(
            f"select name from pg_prepared_statements where starts_with(name, '{mark}')"
        )
        for name in re.findall(rb"%s\w+" % self.prefix, answer):
            self._quietly(f'deallocate "{name.decode()}"')


def _who(program: str) -> str:
    """Which program a connection belongs to, as `start` names those it hands out."""
    words = {"api": "your API", "run": "a tool of run()", "sql": "another sql()"}
    if program.startswith("notebook"):
        return "a connection that this notebook opened"
    return words.get(program) or (f"the program {program}" if program else "another connection")


def holder(name: str) -> str:
    """Who has a transaction open in a database, in words; "" where nobody does."""
    session = _sessions.get(name)
    if session is None or session.holder is None:
        return ""
    return _who(session.holder.program)
