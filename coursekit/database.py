"""`sql`: ask the lesson's own database, and see a table."""

from __future__ import annotations

import psycopg

from coursekit import display, session
from coursekit.errors import CourseError, interruptible

ROWS_KEPT = 1000


class Table(list[dict[str, object]]):
    """Rows of a query as dicts; shows as a table."""

    def __init__(self, columns: list[str], rows: list[tuple[object, ...]], note: str) -> None:
        super().__init__(dict(zip(columns, row, strict=True)) for row in rows)
        self._shown = display.table(columns, rows) if columns else display.card("✓", note, "pass")

    def __repr__(self) -> str:
        return self._shown.text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self._shown._repr_mimebundle_()


def _connect(now: session.Session) -> psycopg.Connection[tuple[object, ...]]:
    """Connect to the lesson's database; a server that died is started once."""
    url = now.environment.database_url
    try:
        return psycopg.connect(url, connect_timeout=5)
    except psycopg.OperationalError:
        now.heal()
        return psycopg.connect(url, connect_timeout=5)


def sql(query: str, *, explain: bool = False) -> Table:
    """Run SQL on the lesson's database and return its rows, at most 1,000.

    `explain=True` returns the plan that PostgreSQL really ran, with times, rows and buffers; what
    the query changes is then rolled back. Raises CourseError with PostgreSQL's own words.
    """
    now = session.current()
    try:
        with interruptible(), _connect(now) as connection:
            wanted = f"explain (analyze, buffers) {query}" if explain else query
            cursor = connection.execute(wanted.encode())
            columns = [column.name for column in cursor.description or ()]
            rows = cursor.fetchmany(ROWS_KEPT) if columns else []
            if explain:
                connection.rollback()
            return Table(columns, rows, cursor.statusmessage or "done")
    except psycopg.Error as error:
        words = error.diag.message_primary or str(error).strip().splitlines()[0]
        hint = f" {error.diag.message_hint}" if error.diag.message_hint else ""
        raise CourseError(f"PostgreSQL says: {words}.{hint}") from None
