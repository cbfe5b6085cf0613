"""`sql`: what it shows, and what it says when PostgreSQL says no."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from conftest import alive, eventually
from test_stage import write_chapter

from coursekit import caller, database, services, session, shell
from coursekit.errors import CourseError


@pytest.fixture(autouse=True)
def _lesson(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    write_chapter(course_folder)
    monkeypatch.setattr(session, "_session", None)
    before = dict(os.environ)
    session.start("2.2")
    yield
    session.current().close()
    os.environ.clear()
    os.environ.update(before)


def refused(query: str, **how: str) -> str:
    with pytest.raises(CourseError) as caught:
        database.sql(query, **how)  # type: ignore[call-overload]
    return str(caught.value)


def test_several_statements() -> None:
    shown = database.sql("create table a (n int); insert into a values (1), (2); select n from a")
    assert shown == [{"n": 1}, {"n": 2}]
    assert str(shown).splitlines()[:3] == ["✓ CREATE TABLE", "✓ INSERT 0 2", "n"]
    assert database.sql("select 1 as one; drop table a") == [{"one": 1}]
    assert "division by zero" in refused("create table half (n int); select 1/0")
    assert database.sql("select to_regclass('half') as half") == [{"half": None}]
    assert database.sql("vacuum venue") == []


def test_a_transaction_that_is_not_ended() -> None:
    shown = str(database.sql("begin; delete from seat"))
    assert "what was not committed is undone" in shown
    assert database.sql("select count(*) from seat") == [{"count": 20}]
    assert "undone" not in str(database.sql("begin; delete from seat; commit"))


def test_many_rows_are_counted() -> None:
    shown = database.sql("select generate_series(1, 5000) as n")
    assert len(shown) == 1000
    assert "the first 1,000 of 5,000 rows" in str(shown)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("insert into venue values (1, 'x')", "DETAIL: Key (id)=(1) already exists."),
        ("insert into venue values (1, 'x')", '"venue_pkey"'),
        ("insert into seat values (9, 9)", 'is not present in table "venue"'),
        ("insert into venue values (5, null)", "DETAIL: Failing row contains (5, null)."),
        ("selct 1", "LINE 1: selct 1"),
        ("select * from venues", 'Did you mean "venue"?'),
        ("select * from xyzzy", "The tables here are seat, venue."),
        ("select nam from venue", "venue.name"),
        ("select * from venue where name = \"Grand\"", "A text is 'Grand'."),
        ("select title from venue", 'column "title" does not exist'),
    ],
)  # fmt: skip
def test_postgres_own_words_and_what_helps(query: str, words: str) -> None:
    said = refused(query)
    assert said.startswith("PostgreSQL says: ")
    assert words in said


def test_a_word_of_sql_as_a_table() -> None:
    database.sql('create table "order" (id int)')
    assert 'For the table of that name write "order"' in refused("select * from order")


@pytest.mark.parametrize(
    "query", ["select * from order", "insert into order values (1)", "drop table order;"]
)
def test_a_word_of_sql_where_a_table_should_be(query: str) -> None:
    assert 'write "order", in double quotes' in refused(query)


@pytest.mark.parametrize("query", ["select * from order by 1", "select * from where n = 1"])
def test_a_word_of_sql_that_is_meant_as_one(query: str) -> None:
    assert "double quotes" not in refused(query)


@pytest.mark.parametrize("query", ["", "  ", "-- a note"])
def test_nothing_to_run(query: str) -> None:
    assert "Nothing to run" in refused(query)


def test_what_is_there_already() -> None:
    said = refused("create table seat (n int)")
    assert 'relation "seat" already exists' in said
    assert '`start("2.2")` sets the database back' in said


def test_a_schema_dropped_by_hand() -> None:
    database.sql("drop schema public cascade")
    for query in ("drop schema public cascade", "create table a (n int)"):
        assert '`start("2.2")` puts the lesson\'s tables back.' in refused(query)


def test_a_table_dropped_by_hand() -> None:
    database.sql("drop table seat")
    assert '`start("2.2")` puts the lesson\'s tables back.' in refused("select * from seat")
    session.start("2.2")
    assert database.sql("select count(*) from seat") == [{"count": 20}]


def test_an_empty_database() -> None:
    session.start("2.1")
    assert "no table yet" in refused("select * from seat")


def test_a_database_that_is_not_there() -> None:
    assert 'database "nowhere" does not exist' in refused("select 1", database="nowhere")


def test_a_lock_names_who_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 1)
    with psycopg.connect(os.environ["DATABASE_URL"]) as mine:
        mine.execute("update venue set name = 'Mine'")
        said = refused("update venue set name = 'Yours'")
        assert "canceling statement due to lock timeout" in said
        assert "a connection that this notebook opened, open for" in said
        assert "last `update venue set name = 'Mine'`" in said
        assert f"pg_terminate_backend({mine.info.backend_pid})" in said
        mine.rollback()
    assert database.sql("update venue set name = 'Yours'") == []


def write_app() -> None:
    """An API that changes a row."""
    package = session.current().workspace.package
    (package / "app.py").write_text(
        "import os\nimport psycopg\nfrom fastapi import FastAPI\napp = FastAPI()\n\n\n"
        "@app.put('/venue')\ndef rename() -> None:\n"
        "    with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "        connection.execute('update venue set name = $$Api$$')\n"
    )


def test_an_api_and_a_tool_that_wait_for_a_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 2)
    write_app()
    api = caller.client(timeout=2)
    assert api.put("/venue").status_code == 200
    holder = "a connection that this notebook opened, open for"
    with psycopg.connect(os.environ["DATABASE_URL"]) as mine:
        mine.execute("update venue set name = 'Mine'")
        with pytest.raises(CourseError, match="gave no answer to PUT /venue in time") as caught:
            api.put("/venue")
        assert holder in str(caught.value)
        assert "loop" not in str(caught.value)
        (session.current().workspace.backend / "wait.py").write_text(
            "import os, psycopg\n"
            "psycopg.connect(os.environ['DATABASE_URL']).execute('delete from venue')\n"
        )
        said = shell.run("python wait.py", seconds=2).output
        assert holder in said
        assert "loop" not in said
        (session.current().workspace.backend / "polite.py").write_text(
            "import os, psycopg\n"
            "connection = psycopg.connect(os.environ['DATABASE_URL'])\n"
            "connection.execute('set lock_timeout = 100')\n"
            "connection.execute('delete from venue')\n"
        )
        assert holder in shell.run("python polite.py").output
        waiter = psycopg.connect(os.environ["DATABASE_URL"], application_name="api")

        def wait() -> None:
            with suppress(psycopg.Error):
                waiter.execute("delete from venue")

        waiting = threading.Thread(target=wait)
        waiting.start()
        eventually(lambda: database.sql("select 1 as n from pg_locks where not granted"))
        said = refused("update venue set name = 'Yours'")
        assert holder in said
        assert "your API" not in said
        waiter.cancel()
        waiting.join()
        waiter.close()


def test_a_server_that_ends_during_a_race() -> None:
    write_app()
    api = caller.client()
    assert api.put("/venue").status_code == 200
    process = services.processes()["postgres"]
    process.kill()
    eventually(lambda: not alive(process.pid))
    answers = caller.race(10, lambda: api.put("/venue"))
    assert str(answers).count("It is running again") == 1
    assert caller.race(10, lambda: api.put("/venue")).codes == {200: 10}


def test_a_race_tells_the_first_cause() -> None:
    package = session.current().workspace.package
    (package / "app.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n\n\n"
        "@app.get('/')\ndef broken() -> None:\n    {}['seats']\n"
    )
    shown = str(caller.race(5, lambda: caller.client().get("/")))
    assert "app.py, line 7, in broken" in shown
    assert shown.count("KeyError: 'seats'") == 1
    shown = str(caller.race(5, lambda number: {200: "x"}[number]))
    assert "KeyError: 0" in shown


def test_a_server_that_ends_during_a_statement() -> None:
    said: list[str] = []

    def ask() -> None:
        said.append(refused("insert into venue values (9, 'x'); select pg_sleep(30)"))

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(_sleeper)
    process = services.processes()["postgres"]
    process.kill()
    eventually(lambda: not alive(process.pid))
    asking.join(40)
    assert "PostgreSQL itself ended while it worked on this" in said[0]
    assert "It is running again" in said[0]
    assert database.sql("select count(*) from venue") == [{"count": 1}]


def _sleeper() -> int:
    found = database.sql(
        "select pid from pg_stat_activity where query ~ 'pg_sleep' and pid <> pg_backend_pid()"
    )
    return int(str(found[0]["pid"])) if found else 0


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_a_connection_that_is_ended_during_a_statement(how: str) -> None:
    said: list[str] = []
    asking = threading.Thread(target=lambda: said.append(refused("select pg_sleep(30)")))
    asking.start()
    pid = eventually(_sleeper)
    if how == "terminate":
        database.sql(f"select pg_terminate_backend({pid})")
    else:
        os.kill(pid, 9)  # PostgreSQL then starts all its processes anew
    asking.join(40)
    assert "Run the cell again" in said[0].replace("run the", "Run the")
    assert ("Somebody ended this connection" in said[0]) == (how == "terminate")
    assert database.sql("select count(*) from venue") == [{"count": 1}]


SLOW = """\
import os

import psycopg

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("delete from seat")
    connection.execute("select pg_sleep(30)")
"""


def test_a_server_that_ends_during_a_tool() -> None:
    """As in a migration or a backfill."""
    package = session.current().workspace.package
    (package / "slow.py").write_text(SLOW)
    said: list[shell.Ran] = []
    running = threading.Thread(target=lambda: said.append(shell.run("python -m boxoffice.slow")))
    running.start()
    eventually(_sleeper)
    services.processes()["postgres"].kill()
    running.join(60)
    assert said[0].code != 0
    assert "PostgreSQL itself had ended" in said[0].output
    assert database.sql("select count(*) from seat") == [{"count": 20}]


def test_a_server_that_ended_behind_the_api() -> None:
    package = session.current().workspace.package
    (package / "app.py").write_text(
        "import os\nimport psycopg\nfrom fastapi import FastAPI\napp = FastAPI()\n\n\n"
        "@app.get('/seats')\ndef seats() -> int:\n"
        "    with psycopg.connect(os.environ['DATABASE_URL']) as connection:\n"
        "        return connection.execute('select count(*) from seat').fetchone()[0]\n"
    )
    api = caller.client()
    assert api.get("/seats").json() == 20
    process = services.processes()["postgres"]
    process.kill()
    eventually(lambda: not alive(process.pid))
    answer = api.get("/seats")
    assert answer.status_code == 500
    assert "It is running again" in answer.extensions["coursekit_crash"][-1]
    assert api.get("/seats").json() == 20
