"""psycopg on a `pq` without libpq, over a socket: `python tests/talk.py URL` runs each case below.

A program of its own, because psycopg binds itself to one `pq` when it is imported: with `--libpq`
to the true one, for which each case holds too. Prints one JSON object: "cases", case → what went
wrong, "" where nothing did, and "addresses". Run by test_tab_pq.py.
"""

from __future__ import annotations

import asyncio
import datetime
import decimal
import json
import socket
import sys
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from coursekit.tab import postgres


class SocketWire:
    """A way to a real server, in place of the page's."""

    prefix = b""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(f"{parameters['host']}/.s.PGSQL.{parameters['port']}")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, wait: bool) -> bytes:
        try:
            data = self._socket.recv(1 << 16, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionResetError("server closed the connection unexpectedly")
        return data

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


if "--libpq" not in sys.argv:
    postgres.bind(SocketWire)

import psycopg  # noqa: E402
from psycopg import errors, pq, sql  # noqa: E402
from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: E402
from sqlalchemy import String, func, select, text  # noqa: E402
from sqlalchemy.exc import IntegrityError  # noqa: E402
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column  # noqa: E402

URL = sys.argv[1] if len(sys.argv) > 1 else ""
CASES: dict[str, Callable[[], None]] = {}


def case(function: Callable[[], None]) -> Callable[[], None]:
    CASES[function.__name__] = function
    return function


@contextmanager
def refused(kind: type[Exception]) -> Iterator[list[Exception]]:
    told: list[Exception] = []
    try:
        yield told
    except kind as error:
        told.append(error)
    else:
        raise AssertionError(f"no {kind.__name__} came")


@case
def the_binding_is_ours() -> None:
    ours = "--libpq" not in sys.argv
    assert (pq.PGconn.__module__ == "coursekit.tab.pq") == ours
    assert (pq.__impl__ == "python") == ours


@case
def values_come_back_as_their_python_types() -> None:
    own = uuid.UUID("6f1b5e0e-1111-4111-8111-111111111111")
    now = datetime.datetime(2031, 1, 1, 19, tzinfo=datetime.UTC)
    sent = [1, "Tosca", None, now, own, decimal.Decimal("1.50"), True, b"\0\xff", [1, 2], 2.5]
    with psycopg.connect(URL) as connection:
        query = "select " + ", ".join(
            f"%s::{kind}" for kind in ("int", "text", "int", "timestamptz", "uuid", "numeric",
                                       "bool", "bytea", "int[]", "float8")
        )  # fmt: skip
        for binary in (False, True):
            assert list(connection.execute(query, sent, binary=binary).fetchone() or ()) == sent
        assert connection.execute("""select '{"a": [1]}'::jsonb""").fetchone() == ({"a": [1]},)
        assert connection.execute("select ''").fetchone() == ("",)


@case
def an_error_has_its_class_its_fields_and_the_place() -> None:
    with psycopg.connect(URL) as connection:
        with refused(errors.SyntaxError) as told:
            connection.execute("select * frm shows")
        assert str(told[0]).splitlines() == [
            'syntax error at or near "frm"', "LINE 1: select * frm shows", "                 ^",
        ]  # fmt: skip
        assert isinstance(told[0], psycopg.Error)
        assert (told[0].diag.sqlstate, told[0].diag.statement_position) == ("42601", "10")
        with refused(errors.InFailedSqlTransaction):
            connection.execute("select 1")
        connection.rollback()
        connection.execute("create temp table t (id int primary key)")
        connection.execute("insert into t values (1)")
        with refused(errors.UniqueViolation) as told:
            connection.execute("insert into t values (%s)", [1])
        assert isinstance(told[0], psycopg.Error)
        assert told[0].diag.constraint_name == "t_pkey"
        assert str(told[0]).splitlines()[1] == "DETAIL:  Key (id)=(1) already exists."


@case
def a_long_line_is_cut_around_the_place_as_libpq_cuts_it() -> None:
    query = f"select {', '.join(['1'] * 40)} frm shows where {' and '.join(['true'] * 20)}"
    with psycopg.connect(URL) as connection, refused(errors.SyntaxError) as told:
        connection.execute(query)
    lines = str(told[0]).splitlines()
    assert lines[1].startswith("LINE 1: ...")
    assert lines[1].endswith("...")
    assert lines[1][lines[2].index("^") :].startswith("shows")
    assert len(lines[1]) == len("LINE 1: ...") + 60 + len("...")


@case
def a_statement_that_is_asked_often_is_prepared_by_the_server() -> None:
    with psycopg.connect(URL) as connection:
        for number in range(12):
            assert connection.execute("select %s::int", [number]).fetchone() == (number,)
        found = connection.execute("select count(*) from pg_prepared_statements").fetchone()
        assert found == (1,)
        connection.execute("create temp table p (id int)")
        for _ in range(8):
            connection.execute("select * from p", prepare=True).fetchall()
        connection.execute("alter table p add column more int")
        connection.execute("deallocate all")


@case
def many_rows_go_in_and_come_out() -> None:
    with psycopg.connect(URL) as connection, connection.cursor() as cursor:
        cursor.execute("create temp table many (id int, name text)")
        cursor.executemany("insert into many values (%s, %s)", [(n, str(n)) for n in range(3000)])
        assert cursor.rowcount == 3000
        cursor.execute("select * from many order by id")
        assert cursor.fetchmany(2) == [(0, "0"), (1, "1")]
        assert len(cursor.fetchall()) == 2998
        assert sum(row[0] for row in cursor.stream("select id from many")) == 4498500
        # rows one by one, as above, are wanted for one statement, not for those of a pipeline
        cursor.executemany(
            "insert into many values (%s, 'more') returning id", [(1,), (2,)], returning=True
        )
        assert cursor.fetchone() == (1,)
        assert cursor.nextset()
        assert cursor.fetchone() == (2,)


@case
def several_statements_give_several_results() -> None:
    with psycopg.connect(URL) as connection:
        cursor = connection.execute("select 1; select 2, 3; create temp table s (id int)")
        assert cursor.fetchall() == [(1,)]
        assert cursor.nextset()
        assert cursor.fetchall() == [(2, 3)]
        assert cursor.nextset()
        assert cursor.statusmessage == "CREATE TABLE"
        assert not cursor.nextset()
        assert connection.execute("").statusmessage is None


@case
def transactions_and_savepoints_undo_what_they_should() -> None:
    with psycopg.connect(URL) as connection:
        connection.execute("create temp table c (id int)")
        connection.commit()
        with connection.transaction():
            connection.execute("insert into c values (1)")
            with refused(errors.DivisionByZero), connection.transaction():
                connection.execute("insert into c values (2)")
                connection.execute("select 1/0")
        assert connection.info.transaction_status.name == "IDLE"
        assert connection.execute("select * from c").fetchall() == [(1,)]
        assert connection.info.transaction_status.name == "INTRANS"


@case
def a_pipeline_gives_its_results_and_its_first_error() -> None:
    with psycopg.connect(URL, autocommit=True) as connection:
        with connection.pipeline():
            first, second = connection.execute("select 1"), connection.execute("select 2")
            assert (first.fetchone(), second.fetchone()) == ((1,), (2,))
        with refused(errors.DivisionByZero), connection.pipeline():
            connection.execute("select 1/0")
            connection.execute("select 2")
        assert connection.execute("select 3").fetchone() == (3,)


@case
def an_error_at_the_commit_of_a_pipeline_leaves_the_connection_in_order() -> None:
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.execute("create temp table late (id int unique deferrable initially deferred)")
        told: list[str] = []
        connection.pgconn.enter_pipeline_mode()
        for command in (b"insert into late values (1), (1)", b"select 1"):
            connection.pgconn.send_query_params(command, None)
            connection.pgconn.pipeline_sync()
        while told.count("PIPELINE_SYNC") < 2 and len(told) < 12:
            result = connection.pgconn.get_result()
            told.append(pq.ExecStatus(result.status).name if result else "")
        failed = ["COMMAND_OK", "", "FATAL_ERROR", "", "PIPELINE_SYNC"]
        assert told == [*failed, "TUPLES_OK", "", "PIPELINE_SYNC"]
        connection.pgconn.exit_pipeline_mode()
        assert connection.execute("select count(*) from late").fetchone() == (0,)


@case
def copies_go_both_ways() -> None:
    with psycopg.connect(URL) as connection, connection.cursor() as cursor:
        cursor.execute("create temp table copied (id int, name text)")
        with cursor.copy("copy copied from stdin") as copy:
            for number in range(500):
                copy.write_row((number, None if number % 2 else "ö"))
        with cursor.copy("copy copied to stdout") as copy:
            assert len(list(copy.rows())) == 500
        with refused(errors.BadCopyFileFormat), cursor.copy("copy copied from stdin") as copy:
            copy.write("not\tthree\tcolumns\n")


@case
def a_notice_and_a_notification_are_heard() -> None:
    heard: list[str] = []
    with psycopg.connect(URL, autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
        connection.execute("do $$ begin raise notice 'the doors open'; end $$")
        connection.add_notify_handler(lambda told: heard.append(told.payload))
        connection.execute("listen doors")
        connection.execute("notify doors, 'open'")
        connection.execute("select 1")
    assert heard == ["the doors open", "open"]


@case
def a_cursor_of_the_server_fetches_a_part() -> None:
    with psycopg.connect(URL) as connection, connection.cursor(name="part") as cursor:
        cursor.execute("select n from generate_series(1, 1000) as n")
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        assert cursor.description
        assert cursor.description[0].name == "n"


ADDRESSES = r"""
postgresql://ana:p%40ss@db:6000/box
user=ana password='p@ss' host=db port=6000 dbname=box
postgresql://postgres@/x?host=/tmp/a%20b
postgresql:///box
postgresql://
postgres://h1:1,h2:2/db
postgresql://h:,i/d
postgresql://,i:5/d
postgresql://[::1]:54/x
postgresql://u:p:q@h/d
postgresql://a@b@c/x
postgresql://h/d/e
postgresql://h?dbname=x
postgresql://u@h/d?
postgresql://h/d?options=-c%20a%3Db
postgresql://h/d?host=a&host=b
postgresql://h/d?ssl=true
postgresql://h/%C3%A4
password='it\'s \\ 1'
host = db  port= 5
host='a b'port=5
host=a\ b user='it\'s'
host= port=5
host=''
host=a\
requiressl=1
sslcompression=0 gssdelegation=1 sslcertmode=allow
nonsense
colour=red
host='db
=x
colour=red host='db
postgresql:/h
postgresql://db/box?host
postgresql://h/d?user=a=b
postgresql://h/d?colour=red
postgresql://h/d?&
postgresql://[::1/x
postgresql://[]/x
postgresql://[::1]x/d
postgresql://h/%zz
postgresql://h/a%00
postgresql://h x/d
"""


def addresses() -> dict[str, object]:
    """Each address above, and what is read in it or the complaint, and the options there are."""
    told: dict[str, object] = {}
    for address in ADDRESSES.strip().splitlines():
        try:
            told[address] = conninfo_to_dict(address)
        except psycopg.ProgrammingError as error:
            told[address] = str(error).strip()
    told["defaults"] = [repr(option[:3]) for option in pq.Conninfo.get_defaults()]
    return told


@case
def an_address_is_made_and_read() -> None:
    assert conninfo_to_dict(make_conninfo(password="it's \\ 1"))["password"] == "it's \\ 1"


@case
def names_and_texts_are_quoted() -> None:
    with psycopg.connect(URL) as connection:
        name, text = 'odd "name"', "it's \\ 'odd'"
        query = sql.SQL("select {} as {}").format(text, sql.Identifier(name))
        cursor = connection.execute(query)
        assert cursor.fetchone() == (text,)
        assert cursor.description
        assert cursor.description[0].name == name


@case
def a_database_that_is_not_there_is_said() -> None:
    with refused(psycopg.OperationalError) as told:
        psycopg.connect(URL, dbname="nowhere")
    assert 'database "nowhere" does not exist' in str(told[0])


@case
def a_server_that_ends_the_connection_is_noticed() -> None:
    with psycopg.connect(URL) as connection, psycopg.connect(URL, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])
        with refused(psycopg.OperationalError):
            connection.execute("select 1")
        assert connection.broken


@case
def what_the_server_says_of_itself_is_known() -> None:
    with psycopg.connect(URL, application_name="talk") as connection:
        assert connection.info.server_version >= 180000
        assert connection.info.parameter_status("server_encoding") == "UTF8"
        assert connection.info.get_parameters()["application_name"] == "talk"
        row = connection.execute("select pg_backend_pid(), current_setting('application_name')")
        assert row.fetchone() == (connection.info.backend_pid, "talk")


class Base(DeclarativeBase): ...


class Show(Base):
    __tablename__ = "talk_show"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    title: Mapped[str] = mapped_column(String(40), unique=True)
    at: Mapped[datetime.datetime] = mapped_column(server_default=func.now())


async def asynchronous() -> None:
    address = URL.replace("postgresql:", "postgresql+psycopg:")
    engine = create_async_engine(address, connect_args={"options": "-c timezone=UTC"})
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session, session.begin():
        session.add_all([Show(title=f"Show {number}") for number in range(1200)])
    async with AsyncSession(engine) as session:
        assert await session.scalar(select(func.count()).select_from(Show)) == 1200
        session.add(Show(title="Show 1"))
        with refused(IntegrityError) as told:
            await session.commit()
        assert isinstance(told[0], IntegrityError)
        assert isinstance(told[0].orig, errors.UniqueViolation)
        await session.rollback()
        assert await session.scalar(text("show timezone")) == "UTC"
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


@case
def sqlalchemys_asynchronous_sessions_work() -> None:
    asyncio.run(asynchronous())


@case
def alembic_finds_what_differs() -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from sqlalchemy import Column, Integer, MetaData, Table, create_engine

    engine = create_engine(URL.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        Operations(context).create_table("talk_seat", Column("id", Integer, primary_key=True))
        metadata = MetaData()
        Table(
            "talk_seat", metadata, Column("id", Integer, primary_key=True), Column("row", Integer)
        )
        found = [one for one in compare_metadata(context, metadata) if "talk_seat" in str(one)]
        assert [one[0] for one in found] == ["add_column"]
    engine.dispose()


def main() -> None:
    told = {}
    for name, function in CASES.items():
        try:
            function()
        except BaseException:
            told[name] = traceback.format_exc()
        else:
            told[name] = ""
    print(json.dumps({"cases": told, "addresses": addresses()}))


if __name__ == "__main__":
    main()
