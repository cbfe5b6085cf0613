"""The embedded PostgreSQL that does not start: why, in words, and the way back."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from conftest import alive, eventually

from coursekit import doctor, places, postgres, services
from coursekit.errors import ServiceDown


@pytest.fixture
def folder(state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data of a server that was stopped, with a database in it."""
    monkeypatch.setenv("COURSEKIT_STATE", str(state))
    services.ensure()
    with psycopg.connect(services.database("boxoffice_mine")) as connection:
        connection.execute("create table mine as select 7 as n")
    services.stop()
    return services.postgres_folder()


def mine() -> object:
    with psycopg.connect(services.postgres_url("boxoffice_mine")) as connection:
        return connection.execute("select n from mine").fetchone()


@pytest.mark.parametrize(
    ("name", "line", "words"),
    [
        ("postgresql.conf", "no_such_setting = 1", 'parameter "no_such_setting"'),
        ("postgresql.conf", "work_mem = lots", 'invalid value for parameter "work_mem"'),
        ("postgresql.conf", "this is no setting at all", "syntax error in file"),
        ("postgresql.auto.conf", "shared_buffers = '7000GB'", "hared memory"),
        ("pg_hba.conf", "nonsense", "pg_hba.conf"),
    ],
)
def test_settings_that_keep_it_from_starting_are_set_aside(
    folder: Path, name: str, line: str, words: str
) -> None:
    with (folder / name).open("a") as file:
        file.write(f"\n{line}\n")
    services.ensure()
    assert mine() == (7,)
    [note] = services.notes()
    assert words in note
    assert f"{name}.kept" in note
    assert line in (folder / f"{name}.kept").read_text()
    assert line not in (folder / name).read_text()
    assert services.notes() == []


def test_server_that_is_told_to_stop_in_its_recovery_is_started_again(folder: Path) -> None:
    services.ensure()
    with psycopg.connect(services.postgres_url("boxoffice_mine")) as connection:
        connection.execute("create table many as select generate_series(1, 500000) as n")
    killed = services.processes()["postgres"]
    killed.kill()
    killed.wait(10)
    log = folder / "log"
    begins = log.stat().st_size
    told: list[int] = []

    def stop() -> None:
        def look() -> bool:
            if b"redo starts" in log.read_bytes()[begins:]:
                told.append(int((folder / "postmaster.pid").read_text().split()[0]))
                os.kill(told[0], signal.SIGINT)
            return bool(told)

        eventually(look)

    stopper = threading.Thread(target=stop)
    stopper.start()
    services.ensure()
    stopper.join()
    assert told
    assert mine() == (7,)
    assert services.notes() == [], "nothing was wrong with its settings"


def test_settings_that_are_gone_come_back(folder: Path) -> None:
    (folder / "postgresql.conf").unlink()
    services.ensure()
    assert mine() == (7,)


def test_rights_that_are_wrong_are_mended(folder: Path) -> None:
    folder.chmod(0o777)
    services.ensure()
    services.stop()
    (folder / "global/pg_control").chmod(0)
    (folder / "base").chmod(0)
    folder.chmod(0o500)
    services.ensure()
    assert mine() == (7,)


def test_data_that_no_server_can_read_is_kept_and_a_new_server_made(folder: Path) -> None:
    control = folder / "global/pg_control"
    control.write_bytes(bytes(control.stat().st_size))
    services.ensure()
    [note] = services.notes()
    assert "the old data is kept in" in note
    [kept] = folder.parent.glob("postgres.kept-*")
    assert (kept / "PG_VERSION").exists()
    services.database("boxoffice_mine")


def test_a_part_that_is_missing_loses_nothing(folder: Path) -> None:
    (folder / "global/pg_control").unlink()
    services.ensure()
    assert "a part of it is missing" in services.notes()[0]
    [kept] = folder.parent.glob("postgres.kept-*")
    assert any(path.name.isdigit() for path in (kept / "base").iterdir())


def test_a_full_disk_is_named(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = state / "disk"
    disk.mkdir()
    small = ["mount", "-t", "tmpfs", "-o", "size=60m,mode=711", "none", str(disk)]
    if os.geteuid() or subprocess.run(small, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    monkeypatch.setenv("COURSEKIT_STATE", str(disk))
    try:
        services.ensure()
        with psycopg.connect(services.database("boxoffice_mine")) as connection:
            connection.execute("create table mine as select 7 as n")
        services.stop()
        filler = disk / "filler"
        subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=64k"],
                       capture_output=True, check=False)  # fmt: skip
        with pytest.raises(ServiceDown, match="did not start") as caught:
            services.ensure()
        assert "no space is left on the disk" in str(caught.value)
        filler.unlink()
        services.ensure()
        assert mine() == (7,)
    finally:
        ended = services.processes()
        services.stop()
        eventually(lambda: not any(alive(process.pid) for process in ended.values()))
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("FATAL: could not map anonymous shared memory: Cannot allocate memory", "shm-size"),
        ('FATAL: data directory "/x" has wrong ownership', "belongs to another user"),
        ("FATAL: could not create semaphores: No space left on device", "disk is full"),
        ("FATAL: something else", "coursekit doctor"),
    ],
)
def test_each_cause_has_its_advice(words: str, advice: str) -> None:
    said = postgres._sentence(Path("/x"), words)
    assert words in said
    assert advice in said


def test_what_was_mended_is_told_by_the_doctor(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSEKIT_STATE", str(state))
    monkeypatch.setattr(services, "ensure", lambda: ("PostgreSQL 18", "Valkey 9"))
    postgres.leave_note("Its first settings are back.")
    assert "· Its first settings are back." in doctor.look_at_servers().words
    (places.state() / "postgres.note").unlink(missing_ok=True)


# --- an empty server, made once ------------------------------------------------------------


@pytest.fixture
def pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for a pattern of this test's own, with none there yet."""
    place = tmp_path / "share" / "postgres"
    monkeypatch.setattr(postgres, "pattern", lambda: place)
    return place


@pytest.fixture
def empty(state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a server that never was, in a state folder of its own."""
    monkeypatch.setenv("COURSEKIT_STATE", str(state))
    folder = services.postgres_folder()
    folder.mkdir(mode=0o700)
    return folder


def files_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_copy_of_the_pattern_is_whole_and_for_its_server_alone(
    pattern: Path, empty: Path
) -> None:
    postgres.make_pattern()
    postgres._lay(empty)
    assert files_of(empty) == files_of(pattern)
    assert "PG_VERSION" in files_of(empty)
    assert {path.stat().st_mode & 0o77 for path in (empty, *empty.rglob("*"))} == {0}
    assert not empty.with_name("postgres.new").exists()


def test_the_first_server_makes_the_pattern_and_leaves_nothing_of_its_own_in_it(
    pattern: Path, empty: Path
) -> None:
    services.start_postgres()
    assert services.postgres_version() == "PostgreSQL 18"
    assert "postmaster.pid" not in files_of(pattern)
    assert postgres.MARK not in (pattern / "postgresql.conf").read_text()
    assert [path.name for path in pattern.parent.iterdir()] == ["postgres"]


def test_a_folder_with_something_in_it_is_left_alone(pattern: Path, empty: Path) -> None:
    postgres.make_pattern()
    (empty / "mine.txt").write_text("rows")
    postgres._lay(empty)
    assert files_of(empty) == ["mine.txt"]


def test_a_server_that_is_a_copy_starts_once(pattern: Path, empty: Path) -> None:
    postgres.make_pattern()
    services.start_postgres()
    assert services.postgres_version() == "PostgreSQL 18"
    assert (empty / "log").read_text().count("database system is ready") == 1


def test_a_pattern_that_does_not_start_is_made_anew(pattern: Path, empty: Path) -> None:
    postgres.make_pattern()
    (pattern / "global" / "pg_control").write_bytes(b"")
    services.start_postgres()
    assert services.postgres_version() == "PostgreSQL 18"
    assert (pattern / "global" / "pg_control").stat().st_size > 0
