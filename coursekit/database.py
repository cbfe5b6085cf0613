"""`sql`: ask the lesson's own database, and see a table."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, overload

import psycopg
from psycopg.conninfo import make_conninfo

from coursekit import display, plan, session
from coursekit.errors import CourseError, interruptible

ROWS_KEPT = 1000
LOCK_SECONDS = 5
LOOK_AFTER_SECONDS = 0.5
NOUNS = {"check", "column", "constraint", "grant", "group", "order", "table", "user"}
"""Reserved words of SQL that somebody may call a table."""
SERVER_ENDED = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
)

Connection = psycopg.Connection[tuple[object, ...]]


class Table(list[dict[str, object]]):
    """Rows of a query as dicts; shows as a table."""

    def __init__(self, columns: list[str], rows: list[tuple[object, ...]], shown: display.Shown):
        super().__init__(dict(zip(columns, row, strict=True)) for row in rows)
        self._shown = shown

    def __repr__(self) -> str:
        return self._shown.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self._shown._repr_mimebundle_()


@overload
def sql(query: str, *, explain: Literal[False] = False, database: str = "") -> Table: ...


@overload
def sql(query: str, *, explain: Literal[True], database: str = "") -> plan.Plan: ...


def sql(query: str, *, explain: bool = False, database: str = "") -> Table | plan.Plan:
    """Run SQL on the lesson's database and return the rows of the last query, at most 1,000.

    Several statements count as one transaction. `explain=True` returns the plan that PostgreSQL
    really ran, see `plan.Plan`; what the query changes is then rolled back.
    `database` names another database of this server. Raises CourseError with PostgreSQL's own
    words.
    """
    now = session.current()
    with interruptible(), _connected(now, database) as connection:
        watch = _Watch(connection)
        try:
            with watch:
                return plan.explain(connection, query) if explain else _asked(connection, query)
        except psycopg.Error as error:
            raise _refusal(now, connection, watch, query, error) from None


def _asked(connection: Connection, query: str) -> Table:
    cursor = connection.execute(query.encode())
    if cursor.pgresult and cursor.pgresult.status == psycopg.pq.ExecStatus.EMPTY_QUERY:
        raise CourseError('Nothing to run: write a statement, as in sql("select 1").')
    parts: list[display.Shown] = []
    columns: list[str] = []
    rows: list[tuple[object, ...]] = []
    while True:
        status = cursor.statusmessage or "done"
        if cursor.description is None:
            parts.append(display.card("✓", status, "pass"))
        else:
            columns = [column.name for column in cursor.description]
            rows = cursor.fetchmany(ROWS_KEPT)
            parts.append(_table(columns, rows, cursor.rowcount))
        if not cursor.nextset():
            break
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        words = "`begin` without `commit`: sql() ends here, and what was not committed is undone."
        parts.append(display.card("!", words, "brass"))
    html = "".join(part.html for part in parts)
    return Table(columns, rows, display.Shown("\n".join(part.text for part in parts), html))


def _table(columns: list[str], rows: list[tuple[object, ...]], count: int) -> display.Shown:
    caption = f"the first {ROWS_KEPT:,} of {count:,} rows" if count > ROWS_KEPT else ""
    return display.table(columns, rows, caption=caption)


# --- the connection -----------------------------------------------------------------------


@contextmanager
def _connected(now: session.Session, database: str) -> Iterator[Connection]:
    """A connection to the lesson's database; a server that died is started once."""
    url = now.environment.database_url
    if database:
        url = make_conninfo(url, dbname=database)
    try:
        connection = _connect(url)
    except psycopg.OperationalError:
        now.heal()
        try:
            connection = _connect(url)
        except psycopg.OperationalError as error:
            words = str(error).strip().splitlines()[-1].rpartition("FATAL:")[2].strip()
            raise CourseError(f"PostgreSQL says: {words}.") from None
    with suppress(psycopg.OperationalError):  # the way out of a connection that is gone already
        connection.execute(f"set lock_timeout = '{LOCK_SECONDS}s'".encode())
    try:
        yield connection
    finally:
        connection.close()


def _connect(url: str) -> Connection:
    return psycopg.connect(url, connect_timeout=5, autocommit=True, application_name="sql")


class _Watch:
    """While a statement waits for a lock: who holds it, asked on a second connection."""

    def __init__(self, connection: Connection) -> None:
        self.blockers: list[str] = []
        self._pid = connection.info.backend_pid
        self._name = connection.info.dbname
        self._over = threading.Event()
        self._teller = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        with suppress(RuntimeError):  # no threads: then no other session either
            self._teller.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def _look(self) -> None:
        from coursekit import stage

        while not self._over.wait(LOOK_AFTER_SECONDS):
            with suppress(CourseError, psycopg.Error):
                found = stage.holders(self._name, f"pid = {self._pid}")
                if found and not self._over.is_set():
                    self.blockers = [one.how_to_end() for one in found]


# --- PostgreSQL's words -------------------------------------------------------------------


def _refusal(
    now: session.Session,
    connection: Connection,
    watch: _Watch,
    query: str,
    error: psycopg.Error,
) -> CourseError:
    if connection.broken or isinstance(error, SERVER_ENDED):
        return _gone(now, error)
    lines = [f"PostgreSQL says: {_words(error)}"]
    if isinstance(error, psycopg.errors.LockNotAvailable):
        lines += [f"Another session holds the lock: {blocker}" for blocker in watch.blockers]
    elif advice := _advice(now, connection, query, error):
        lines.append(advice)
    return CourseError("\n  ".join(lines))


def _gone(now: session.Session, error: psycopg.Error) -> CourseError:
    """The connection ended under the statement: by the server's end, or by somebody's order."""
    undone = "What this statement had changed is undone; what was committed before stands."
    if isinstance(error, psycopg.errors.AdminShutdown) and _is_up(now):
        return CourseError(
            "Somebody ended this connection (a `start` in another notebook, or "
            f"pg_terminate_backend) while it worked. {undone} Run the cell again."
        )
    now.heal()
    return CourseError(
        f"PostgreSQL itself ended while it worked on this. {undone} It is running again: run the "
        "cell again. Should it end again here, the statement asks for more than this machine has."
    )


def _is_up(now: session.Session) -> bool:
    try:
        _connect(now.environment.database_url).close()
    except psycopg.OperationalError:
        return False
    return True


def _words(error: psycopg.Error) -> str:
    """PostgreSQL's message, where in the query, its DETAIL and its HINT."""
    diagnosis = error.diag
    if not diagnosis.message_primary:
        return str(error).strip().splitlines()[0] + "."
    lines = [f"{diagnosis.message_primary}."]
    if isinstance(error, psycopg.errors.SyntaxError):
        lines += [line for line in str(error).splitlines()[1:3] if line.strip()]
    for label, text in (
        ("DETAIL", diagnosis.message_detail), ("HINT", diagnosis.message_hint)
    ):  # fmt: skip
        if text:
            lines.append(f"{label}: {text}")
    return "\n  ".join(lines)


def _advice(now: session.Session, connection: Connection, query: str, error: psycopg.Error) -> str:
    """What the words leave open: the names that there are."""
    message = error.diag.message_primary or ""
    named = re.search(r'"([^"]+)"|column ([\w.]+)', message)
    name = (named[1] or named[2]) if named else ""
    with suppress(psycopg.Error):
        if isinstance(error, psycopg.errors.UndefinedTable):
            return _missing_table(now, name.rpartition(".")[2], _known(connection, "table"))
        if isinstance(error, psycopg.errors.UndefinedColumn):
            return _missing_column(
                name.rpartition(".")[2], query, _known(connection, "column"), error
            )
        if isinstance(error, psycopg.errors.SyntaxError) and (
            _is_in_a_tables_place(name, query, error) or name in _known(connection, "table")
        ):
            return (
                f"{name} is a word of SQL itself. For the table of that name write "
                f'"{name}", in double quotes.'
            )
        if isinstance(error, psycopg.errors.InvalidSchemaName):
            return f"{_start(now)} puts the lesson's tables back."
        if isinstance(error, psycopg.errors.DuplicateTable | psycopg.errors.DuplicateObject):
            return (
                f"Perhaps this cell ran before. {_start(now)} sets the database back to where "
                "the lesson begins."
            )
    return ""


def _start(now: session.Session) -> str:
    flag = ", exercises=True" if now.exercises else ""
    return f'`start("{now.lesson.id}"{flag})`'


def _is_in_a_tables_place(name: str, query: str, error: psycopg.Error) -> bool:
    """Whether a reserved word stands where SQL wants a table's name, as in `from order`."""
    place = int(error.diag.statement_position or 1) - 1
    before, after = query[:place].lower().split(), query[place + len(name) :].lower().split()
    return (
        name.lower() in NOUNS
        and before[-1:] != []
        and before[-1] in ("from", "into", "join", "table", "update", "references", "on", ",")
        and after[:1] != ["by"]
    )


def _known(connection: Connection, kind: str) -> list[str]:
    rows = connection.execute(
        f"select distinct {kind}_name::text from information_schema.{kind}s "
        "where table_schema !~ '^pg_|^information_schema$' order by 1".encode()
    )
    return [str(row[0]) for row in rows]


def _missing_table(now: session.Session, name: str, known: list[str]) -> str:
    if name in now.stage.tables:
        return (
            f'The lesson began with a table "{name}", and it was dropped since. '
            f"{_start(now)} puts the lesson's tables back."
        )
    if near := difflib.get_close_matches(name, known, 1, 0.7):
        return f'Did you mean "{near[0]}"?'
    if known:
        return f"The tables here are {', '.join(known)}."
    return "This database has no table yet."


def _missing_column(name: str, query: str, known: list[str], error: psycopg.Error) -> str:
    if near := difflib.get_close_matches(name, known, 1, 0.7):
        return "" if error.diag.message_hint else f'Did you mean "{near[0]}"?'
    if f'"{name}"' in query:
        return f"Double quotes are for names of tables and columns. A text is '{name}'."
    return ""
