"""Official grading has servers of its own, which leave nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from conftest import PASSING, ROOT, eventually

from coursekit import places, quarters

Patch = pytest.MonkeyPatch
GRADE = """
import sys
from pathlib import Path
from coursekit import grade, places, quarters
with quarters.own():
    print(places.state(), flush=True)
    print(grade.grade_notebook(Path(sys.argv[1])).earned, flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def _no_state_is_named(monkeypatch: Patch) -> None:
    monkeypatch.delenv("COURSEKIT_STATE")


def grading() -> subprocess.Popen[str]:
    """A process that has graded a solved notebook, and waits."""
    path = ROOT / "solutions/ch01_api/01_design_resources.ipynb"
    return subprocess.Popen(
        [sys.executable, "-c", GRADE, str(path)], text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def said(process: subprocess.Popen[str]) -> tuple[Path, float]:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip()), float(process.stdout.readline())


def at_work(folder: Path) -> list[int]:
    """The processes of these quarters."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or ()):
            found.append(process.pid)
    return found


def test_they_are_gone_when_the_grading_is_over() -> None:
    with grading() as process:
        folder, earned = said(process)
        assert earned > 0
        assert folder.parent == PASSING
        assert folder.name.startswith(f"{quarters.PREFIX}{process.pid}-")
        assert at_work(folder)
        process.communicate("\n")
    assert process.returncode == 0
    assert not folder.exists()
    eventually(lambda: not at_work(folder), 15, "the servers end")


def test_after_a_kill_the_next_grading_removes_them(monkeypatch: Patch) -> None:
    monkeypatch.setenv("COURSEKIT_IDLE_SECONDS", "1")
    with grading() as process:
        folder, _ = said(process)
        process.kill()
    eventually(lambda: not at_work(folder), 30, "unused servers stop by themselves")
    assert folder.exists()
    quarters.tidy(PASSING)
    assert not folder.exists()


def test_what_is_still_used_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / f"{quarters.PREFIX}{os.getpid()}-a"
    strange = tmp_path / f"{quarters.PREFIX}notes"
    ended = subprocess.Popen(["true"])
    ended.wait()
    used = tmp_path / f"{quarters.PREFIX}{ended.pid}-b"
    over = tmp_path / f"{quarters.PREFIX}{ended.pid}-c"
    for folder in (mine, strange, used, over):
        folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", "input()", str(used / "postgres")], stdin=subprocess.PIPE
    ) as server:
        quarters.tidy(tmp_path)
        left = {path.name for path in tmp_path.iterdir()}
        server.communicate(b"\n")
    assert left == {mine.name, strange.name, used.name}


def test_they_are_for_the_time_of_grading_alone(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(quarters, "_folder", lambda: tmp_path)
    monkeypatch.delenv("COURSEKIT_IDLE_SECONDS")
    before = dict(os.environ)
    with quarters.own():
        assert places.state() == tmp_path
    assert dict(os.environ) == before


def test_servers_that_are_named_are_used(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setenv("COURSEKIT_STATE", str(tmp_path))
    with quarters.own():
        assert places.state() == tmp_path


def test_memory_is_taken_only_where_it_has_room(monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.setattr(places, "ROOM", 1 << 60)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert places.passing() == tmp_path
    monkeypatch.setattr(places, "ROOM", 0)
    monkeypatch.setattr(places, "MEMORY", tmp_path)  # on a disk
    assert places.passing() == tmp_path
