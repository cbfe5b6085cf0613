"""The lesson's database, brought to where the lesson begins."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from conftest import STATE, python, variables, write_notebook

from coursekit import database, services, session, stage

SET_UP = '''\
"""Tables and a sample season."""

import psycopg

TABLES = """
create table venue (id int primary key, name text not null);
create table seat (venue_id int references venue, number int, primary key (venue_id, number));
"""


def set_up(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
        connection.execute("insert into venue values (1, 'Grand Theatre')")
        connection.execute("insert into seat select 1, n from generate_series(1, 20) n")
'''
MORE = """\
def set_up(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(TABLES + "create table show (id int primary key);")
        connection.execute("insert into venue values (1, 'Grand Theatre')")
"""


def write_chapter(root: Path) -> None:
    """Lessons 2.1, which makes the tables, 2.2, which adds one, and 2.3."""
    folder = root / "notebooks/ch02_database"
    write_notebook(folder / "01_make_tables.ipynb", "# Tables", f"%%build database.py\n{SET_UP}")
    write_notebook(folder / "02_add_table.ipynb", "# More", f"%%build database.py::set_up\n{MORE}")
    write_notebook(folder / "03_ask.ipynb", "# Ask", '%%check "it counts"\nassert True')


@pytest.fixture(autouse=True)
def _chapter(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    write_chapter(course_folder)
    monkeypatch.setattr(session, "_session", None)
    before = dict(os.environ)
    yield
    if session._session is not None:
        session._session.close()
    os.environ.clear()
    os.environ.update(before)


def ask(query: str) -> list[dict[str, object]]:
    return list(database.sql(query))


def test_a_lesson_begins_with_the_tables_of_its_files() -> None:
    assert str(session.start("2.1")).endswith("files of Box Office stand · an empty database")
    assert str(session.start("2.2")).endswith("· 2 tables with the sample season")
    assert ask("select count(*) from seat") == [{"count": 20}]
    assert "· 3 tables with the sample season\n" in str(session.start("2.3"))
    assert session.current().stage.tables == ("seat", "show", "venue")
    assert str(session.start("2.2", exercises=True)).endswith("· 3 tables with the sample season")
    assert "table" not in str(session.start("1.2"))


def test_what_was_written_is_kept_once_and_said() -> None:
    first = str(session.start("2.2"))
    assert str(session.start("2.2")) == first
    for title in ("Mine", "Mine again"):
        ask(f"insert into venue values (7, '{title}')")
        shown = str(session.start("2.2"))
        assert shown.splitlines()[0] == first
        kept = f"{session.current().name and session.current().stage.kept}"
        assert f'`sql("…", database="{kept}")`' in shown
        assert ask("select count(*) from venue") == [{"count": 1}]
        rows = database.sql("select name from venue where id = 7", database=kept)
        assert rows == [{"name": title}]
    assert str(session.start("2.2")) == first


@pytest.mark.parametrize(
    "change",
    ["delete from seat", "update venue set name = 'x'", "drop table seat", "truncate seat",
     "create index on venue (name)", "alter table venue add city text", "select pg_stat_reset()"],
)  # fmt: skip
def test_every_change_counts_as_written(change: str) -> None:
    session.start("2.2")
    ask(change)
    session.start("2.2")
    assert session.current().stage.kept
    assert ask("select count(*) from seat") == [{"count": 20}]


@pytest.mark.parametrize("harmless", ["select * from venue", "analyze", "vacuum"])
def test_a_look_is_no_change(harmless: str) -> None:
    session.start("2.2")
    ask(harmless)
    session.start("2.2")
    assert not session.current().stage.kept


def test_an_isolated_run_keeps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSEKIT_ISOLATE", str(tmp_path / "alone"))
    first = str(session.start("2.2"))
    ask("delete from seat")
    assert str(session.start("2.2")) == first
    assert ask("select count(*) from seat") == [{"count": 20}]


def test_what_runs_whose_workspace_is_gone_have_left_is_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session.start("2.2")
    name = session.current().environment.database_url.partition("?")[0].rpartition("/")[2]
    session.current().close()
    services.set_note(name, {**stage._whose(), "workspace": str(tmp_path / "gone")})
    stage._tidy()
    with services.administering(name) as server:
        assert services._exists(server, name), "a kernel works in it"
        stage.leave()
        stage._tidy()
        assert not services._exists(server, name)


def test_a_set_up_of_the_learners_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    session.start("2.2")
    path = session.current().workspace.package / "database.py"
    path.write_text(SET_UP.replace("generate_series(1, 20)", "generate_serious(1, 20)"))
    shown = str(session.start("2.2"))
    assert "2 tables with the sample season" in shown
    assert "failed, so the tables are the course's own" in shown
    assert "database.py, line 15, in set_up" in shown
    assert "generate_serious" in shown
    assert ask("select count(*) from seat") == [{"count": 20}]
    path.write_text(SET_UP.replace("def set_up(url: str) -> None:", "def set_up(url: str):\n  ("))
    assert "database.py, line" in str(session.start("2.2"))
    path.write_text(SET_UP.replace("20)", "33)"))
    assert "failed" not in str(session.start("2.2"))
    assert ask("select count(*) from seat") == [{"count": 33}]


def test_an_async_set_up() -> None:
    session.start("2.2")
    path = session.current().workspace.package / "database.py"
    path.write_text(SET_UP.replace("def set_up", "async def set_up"))
    session.start("2.2")
    assert ask("select count(*) from seat") == [{"count": 20}]


def test_an_open_transaction_is_found_said_and_ended() -> None:
    session.start("2.2")
    mine = psycopg.connect(os.environ["DATABASE_URL"])
    mine.execute("update venue set name = 'Half done'")
    shown = str(session.start("2.2"))
    assert "ended  " in shown
    assert "a connection that this notebook opened, open for 0 s, last `update" in shown
    assert "what it had not committed is undone" in shown
    with pytest.raises(psycopg.OperationalError):
        mine.execute("select 1")
    assert ask("select name from venue") == [{"name": "Grand Theatre"}]


def test_two_kernels_share_the_database(
    checkout: Path, tmp_path: Path, course_folder: Path
) -> None:
    env = variables(checkout, STATE, tmp_path / "workspace")
    write_chapter(checkout)
    hold = (
        "import os, psycopg\nfrom coursekit import sql, start\nshown = start('2.2')\n"
        "sql('insert into venue values (2, $$First$$)')\n"
        "mine = psycopg.connect(os.environ['DATABASE_URL'])\n"
        "mine.execute('delete from seat')\nprint('ready', flush=True)\ninput()\n"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", hold], env=env, stdin=-1, stdout=-1, text=True, cwd="/"
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    look = (
        "from coursekit import sql, start\nprint(start('2.2'))\nprint(sql('select id from venue'))"
    )
    second = python(look, env)
    assert "another notebook has this lesson open" in second.stdout, second.stderr
    assert "a connection that another notebook opened, open for" in second.stdout
    assert second.stdout.split()[-2:] == ["1", "2"]
    first.communicate("\n", timeout=20)
    third = python(look, env)
    assert "is kept" in third.stdout, third.stderr
    assert third.stdout.split()[-1] == "1"


@pytest.mark.external
def test_a_database_on_the_users_own_server(checkout: Path, tmp_path: Path, state: Path) -> None:
    given = os.environ.get("COURSEKIT_TEST_DATABASE_URL")
    if not given:
        pytest.skip("DATABASE_URL names no server of this system, so this could not run")
    write_chapter(checkout)
    env = variables(checkout, state, tmp_path / "w", DATABASE_URL=given)
    code = (
        "import os\nfrom coursekit import services, sql, start\n"
        "print(start('2.2'))\nsql('delete from seat')\nprint(start('2.2'))\n"
        "print(sql('select count(*) from seat')[0]['count'])\n"
        "services.sweep('boxoffice_', lambda name: name.startswith('boxoffice_2_2'))\n"
    )
    done = python(code, env)
    assert done.stdout.count("2 tables with the sample season") == 2, done.stderr
    assert "is kept" in done.stdout
    assert done.stdout.splitlines()[-1] == "20"
