"""What a learner wrote in a tab is there again after a reload."""

import os
from pathlib import Path

import pytest

from coursekit.tab.mirror import HALF, Mirror


def ours(path: str, text: str) -> bool:
    return text == "ours"


class Tab:
    """A page: its memory goes with it, its drive stays."""

    def __init__(self, folder: Path, number: int = 0) -> None:
        self.home = folder / f"memory{number}"
        self.drive = folder / "drive"
        self.mirror = Mirror(self.home, self.drive, ours)
        self.mirror.load()

    def write(self, name: str, text: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(0, hash(text) & 0xFFFFFFFF))

    def files(self) -> set[str]:
        return {str(p.relative_to(self.drive)) for p in self.drive.rglob("*") if p.is_file()}


@pytest.fixture
def tab(tmp_path: Path) -> Tab:
    return Tab(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "progress.json",
        "exercises/1.1/answers.json",
        "exercises/1.1/kept/2026/answers.json",
        "backend/boxoffice/services/mine.py",
        "kept/2026-01-01/backend/boxoffice/app.py",
        "scratch/try.py",
        "progress.broken-2026.json",
    ],
)
def test_what_is_the_learners_comes_back(tab: Tab, tmp_path: Path, name: str) -> None:
    tab.write(name, "mine")
    tab.mirror.push()
    assert (Tab(tmp_path, 1).home / name).read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("backend/boxoffice/app.py", "ours"),
        ("scratch/try.py", "ours"),
        ("exercises/1.1/backend/boxoffice/app.py", "made from the answers"),
        ("backend/boxoffice/__pycache__/app.pyc", "bytecode"),
        (".progress.lock", ""),
        ("backend/season.csv", "," * 2_000_000),
    ],
)
def test_what_comes_back_without_it_is_not_kept(tab: Tab, name: str, text: str) -> None:
    tab.write(name, text)
    tab.mirror.push()
    assert tab.files() == set()


def test_a_file_that_is_the_courses_again_and_one_that_is_gone_leave_the_drive(tab: Tab) -> None:
    for name in ("a.py", "b.py"):
        tab.write(f"backend/boxoffice/{name}", "mine")
    tab.mirror.push()
    tab.write("backend/boxoffice/a.py", "ours")
    (tab.home / "backend/boxoffice/b.py").unlink()
    tab.mirror.push()
    assert tab.files() == set()


def test_a_write_that_was_cut_short_leaves_the_old_file(tab: Tab, tmp_path: Path) -> None:
    tab.write("scratch/try.py", "mine")
    tab.mirror.push()
    (tab.drive / f"scratch/try.py{HALF}").write_text("mi")
    again = Tab(tmp_path, 1)
    assert (again.home / "scratch/try.py").read_text() == "mine"
    assert tab.files() == {"scratch/try.py"}


def test_a_drive_that_cannot_be_written_keeps_the_cell_running(
    tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    tab.write("progress.json", "{}")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        tab.mirror.push()
    monkeypatch.undo()
    tab.mirror.push()
    assert tab.files() >= {"progress.json"}


def test_progress_of_another_notebook_is_seen_before_the_next_cell(
    tab: Tab, tmp_path: Path
) -> None:
    tab.write("progress.json", "{}")
    tab.mirror.push()
    other = Tab(tmp_path, 1)
    other.write("progress.json", '{"checks": {"1.1": ["a"]}}')
    other.mirror.push()
    tab.mirror.pull()
    assert "1.1" in (tab.home / "progress.json").read_text()


def test_nothing_is_written_where_nothing_changed(tab: Tab) -> None:
    tab.write("progress.json", "{}")
    tab.mirror.push()
    before = (tab.drive / "progress.json").stat().st_ino
    tab.mirror.push()
    assert (tab.drive / "progress.json").stat().st_ino == before
