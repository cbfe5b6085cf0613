"""PostgreSQL and Redis: started, found, healed, stopped; ours or the user's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from conftest import PASSING, alive, eventually, processes_of, python, variables

from coursekit import places, services
from coursekit.errors import ServiceDown

UP = (
    "from coursekit import runtime, services\n"
    "e = runtime.current().prepare('lesson', 3)\n"
    "print(e.postgres, '|', e.redis, '|', e.database_url, '|', e.redis_url)"
)


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A state folder whose servers this module may kill."""
    from conftest import end_all

    folder = Path(tempfile.mkdtemp(prefix="bx-", dir=PASSING))
    folder.chmod(0o711)
    yield folder
    assert not end_all(folder)


@pytest.fixture
def here(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSEKIT_STATE", str(home))
    return home


def test_both_come_up_and_are_found_again(here: Path) -> None:
    first = services.ensure()
    assert first[0].startswith("PostgreSQL ")
    assert first[1].startswith("Valkey ")
    before = {name: process.pid for name, process in services.processes().items()}
    assert sorted(before) == ["postgres", "redis"]
    assert services.ensure() == first
    assert {name: process.pid for name, process in services.processes().items()} == before


def test_four_starters_at_once_make_one_of_each(
    state: Path, checkout: Path, tmp_path: Path
) -> None:
    env = variables(checkout, state, tmp_path / "w")
    starters = [
        subprocess.Popen([sys.executable, "-c", UP], env=env, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = {starter.communicate(timeout=60)[0] for starter in starters}
    assert len(said) == 1
    names = [p.info["name"] for p in psutil.process_iter(["name"]) if p in processes_of(state)]
    assert sum("valkey" in name for name in names) == 1


def test_databases_of_lessons_are_apart(here: Path) -> None:
    services.ensure()
    one, two = services.database("boxoffice_t_1"), services.database("boxoffice_t_2")
    assert one != two
    with psycopg.connect(one) as connection:
        connection.execute("create table only_here (id int)")
    with psycopg.connect(two) as connection:
        found = connection.execute("select to_regclass('only_here')").fetchone()
    assert found == (None,)
    assert services.database("boxoffice_t_1") == one
    servers = [redis.from_url(services.redis_url(number)) for number in (1, 2)]
    servers[0].set("seat", "A1")
    assert servers[1].get("seat") is None


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_server_that_died_is_started_again(here: Path, name: str, number: int) -> None:
    services.ensure()
    victim = services.processes()[name]
    victim.send_signal(number)
    eventually(lambda: not alive(victim.pid))
    services.ensure()
    assert services.processes()[name].pid != victim.pid


def test_a_server_that_was_stopped_while_it_was_waited_for_is_started_again(here: Path) -> None:
    services.stop()
    starters = services.order()
    assert sorted(starters) == ["postgres", "redis"]
    assert [starter.wait(60) for starter in starters.values()] == [0, 0]
    services.stop()
    assert services.ensure(starters)[0].startswith("PostgreSQL ")
    assert sorted(services.processes()) == ["postgres", "redis"]
    assert services.order() == {}


def test_a_first_start_that_was_cut_short_is_done_again(state: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("COURSEKIT_STATE", str(state))
    (state / "postgres").mkdir()
    (state / "postgres/PG_VERSION").write_text("18\n")
    (state / "postgres/base").mkdir()
    assert services.ensure()[0].startswith("PostgreSQL ")


def test_stop_stops_both(here: Path) -> None:
    services.ensure()
    both = services.processes()
    assert services.stop() == ["postgres", "redis"]
    assert not any(alive(process.pid) for process in both.values())
    assert services.stop() == []


def test_a_start_that_fails_says_what_the_log_says(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.stop()
    monkeypatch.setattr(services, "_start", lambda name: _failing(name))
    with pytest.raises(ServiceDown, match=r"did not start.*the disk is full") as caught:
        services.ensure()
    assert "coursekit doctor" in str(caught.value)
    monkeypatch.undo()


def _failing(name: str) -> subprocess.Popen[bytes]:
    (places.state() / f"{name}.log").write_text("the disk is full\n\n")
    return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])


def test_the_state_folder_lets_postgres_through_whatever_the_umask(tmp_path: Path) -> None:
    code = "import os; os.umask(0o077); from coursekit import places; places.state()"
    done = python(code, {**os.environ, "COURSEKIT_STATE": str(tmp_path / "s")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o711


# --- the user's own servers ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "main", "lesson"),
    [
        ("postgresql://u:p@db:5433/mine", "postgresql://u:p@db:5433/mine", "db:5433/x"),
        ("postgresql+psycopg://u@db/mine", "postgresql://u@db/mine", "u@db/x"),
        ("postgresql+asyncpg://u@db/mine", "postgresql://u@db/mine", "u@db/x"),
        ("postgresql://u@db", "postgresql://u@db/postgres", "u@db/x"),
        (
            "postgresql://u@/mine?host=/tmp/x",
            "postgresql://u@/mine?host=/tmp/x",
            "u@/x?host=/tmp/x",
        ),
        ("postgresql:///mine?host=/tmp/x", "postgresql:///mine?host=/tmp/x", "///x?host=/tmp/x"),
    ],
)
def test_addresses(given: str, main: str, lesson: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", given)
    assert services.postgres_url() == main
    assert services.postgres_url("x").endswith(lesson)


def test_what_start_sets_is_not_taken_for_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", services.postgres_url("boxoffice_1_2"))
    monkeypatch.setenv("REDIS_URL", services.redis_url(7))
    assert services.given_url("DATABASE_URL") is None
    assert services.redis_url(9).endswith("?db=9")
    assert "/postgres?" in services.postgres_url()


def test_the_users_address_is_remembered_when_start_names_a_database_on_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{services.GIVEN}DATABASE_URL", "")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/mine")
    services.remember_given()
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/boxoffice_2_1")
    assert services.postgres_url() == "postgresql://u@db/mine"
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@other/else")
    assert services.postgres_url() == "postgresql://u@other/else"
    monkeypatch.delenv("DATABASE_URL")
    assert services.given_url("DATABASE_URL") is None


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/x"),
        ("DATABASE_URL", "not a url"),
        ("REDIS_URL", "redis://127.0.0.1:1"),
        ("REDIS_URL", "not a url"),
    ],
)
def test_a_server_of_the_user_that_is_down_is_named(
    here: Path, variable: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.ensure()
    monkeypatch.setenv(variable, url)
    with pytest.raises(ServiceDown, match=f"that {variable} names does not answer.*unset"):
        services.ensure()


def external(variable: str) -> str:
    url = os.environ.get(f"COURSEKIT_TEST_{variable}")
    if not url:
        pytest.skip(f"{variable} names no server of this system, so this could not run")
    return url


@pytest.mark.external
def test_the_users_own_servers(
    checkout: Path, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {name: external(name) for name in ("DATABASE_URL", "REDIS_URL")}
    env = variables(checkout, state, tmp_path / "w", **urls)
    done = python(UP, env)
    assert done.returncode == 0, done.stderr
    postgres, server, database, cache = done.stdout.strip().split(" | ")
    assert postgres.startswith("PostgreSQL ")
    assert server.startswith(("Redis ", "Valkey "))
    assert "boxoffice_lesson" in database
    assert cache == urls["REDIS_URL"]
    with psycopg.connect(database) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    again = python(UP, {**env, "DATABASE_URL": database})  # as in a kernel that has a lesson
    assert again.stdout == done.stdout, again.stderr
    names = " ".join(p.name() for p in processes_of(state))
    assert "postgres" not in names
    assert "valkey" not in names
    with psycopg.connect(urls["DATABASE_URL"], autocommit=True) as connection:
        name = database.partition("?")[0].rpartition("/")[2]
        connection.execute(f'drop database "{name}"'.encode())


@pytest.mark.external
def test_a_user_who_may_make_no_database_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    url = external("DATABASE_URL")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop role if exists boxoffice_guest")
        connection.execute("create role boxoffice_guest login password 'x'")
    monkeypatch.setenv("DATABASE_URL", url.replace("//postgres@", "//boxoffice_guest:x@"))
    try:
        with pytest.raises(ServiceDown, match="permission denied to create database"):
            services.database("boxoffice_guest_1")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("drop role boxoffice_guest")
