"""The learner's folder: whatever happens, nothing of theirs is lost."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from conftest import SHOUT

from coursekit import course, workspace
from coursekit.build import Target, parse_target
from coursekit.errors import BuildRefused, WorkspaceProblem
from coursekit.workspace import Workspace


@pytest.fixture
def space(course_folder: Path, tmp_path: Path) -> Workspace:
    """A workspace with Box Office as lesson 1.2 finds it."""
    made = Workspace(tmp_path / "mon café")
    made.restore(course.files_at("1.2"), course.is_ours)
    return made


def test_restore_writes_what_is_missing(space: Workspace) -> None:
    (space.package / "app.py").unlink()
    done = space.restore(course.files_at("1.2"), course.is_ours)
    assert (done.written, done.removed, done.kept) == (("app.py",), (), ())
    again = space.restore(course.files_at("1.2"), course.is_ours)
    assert again == workspace.Restored()


def test_restore_keeps_what_the_learner_wrote(space: Workspace) -> None:
    (space.package / "app.py").write_text("mine = 1\n")
    (space.package / "extra.py").write_text("also_mine = 1\n")
    (space.package / "picture.png").write_bytes(b"\x89PNG\xff")
    done = space.restore(course.files_at("1.2"), course.is_ours)
    assert done.kept == ("app.py", "extra.py", "picture.png")
    assert (space.package / "app.py").read_text() == "mine = 1\n"


def test_cells_that_were_run_in_another_order_leave_no_file_of_the_learners(
    space: Workspace,
) -> None:
    path, files = space.package / "services/shows.py", course.files_at("1.2")
    path.write_text(f'TITLES = ["Hamlet", "Macbeth", "Othello"]\n\n\n{SHOUT}')
    assert not course.is_ours("services/shows.py", path.read_text())
    done = space.restore(files, course.is_ours, course.is_of_our_cells)
    assert (done.changed, done.kept) == (("services/shows.py",), ())
    assert path.read_text() == files["services/shows.py"]
    [copy] = space.root.glob("kept/*/backend/boxoffice/services/shows.py")
    assert copy.read_text().endswith(SHOUT)
    path.write_text(f"TITLES = []\n\n\n{SHOUT}")
    done = space.restore(files, course.is_ours, course.is_of_our_cells)
    assert done.kept == ("services/shows.py",)


def test_restore_goes_back_over_the_courses_own_files(space: Workspace) -> None:
    space.restore(course.files_at("end"), course.is_ours)
    done = space.restore(course.files_at("1.2"), course.is_ours)
    assert (done.written, done.removed) == (("services/shows.py",), ("docs/notes.md",))


def test_restore_never_writes_through_a_link(space: Workspace, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (space.package / "services").rename(outside)
    (outside / "shows.py").write_text("precious = 1\n")
    (space.package / "services").symlink_to(outside)
    with pytest.raises(BuildRefused, match="a link that leads out"):
        space.restore(course.files_at("1.2"), course.is_ours)
    assert (outside / "shows.py").read_text() == "precious = 1\n"
    space.archive()
    space.restore(course.files_at("1.2"), course.is_ours)
    assert (outside / "shows.py").read_text() == "precious = 1\n"


def test_write_keeps_a_copy_of_the_learners_text_alone(space: Workspace) -> None:
    target = parse_target("app.py")
    assert space.write(target, "mine = 1\n").copy is None  # the course's text came from the course
    written = space.write(target, "new = 1\n")
    assert written.copy is not None
    assert written.copy.read_text() == "mine = 1\n"
    assert written.old == "mine = 1\n"
    assert space.write(target, "new = 1\n").copy is None


def test_archive_moves_everything_and_nothing_twice(space: Workspace) -> None:
    folder = space.archive()
    assert folder is not None
    assert (folder / "backend/boxoffice/app.py").exists()
    assert not space.backend.exists()
    assert space.archive() is None


def test_a_link_into_the_workspace_is_fine(space: Workspace) -> None:
    (space.package / "other.py").symlink_to(space.package / "app.py")
    assert space.place(parse_target("other.py")).name == "other.py"


def test_a_lost_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceProblem, match=r"is gone. Run the lesson's first code cell"):
        Workspace(tmp_path / "none").require()


def test_files_that_cannot_be_read_or_written(space: Workspace) -> None:
    (space.package / "binary.py").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(WorkspaceProblem, match="it is not text"):
        space.read(parse_target("binary.py"))
    (space.package / "app.py").unlink()
    (space.package / "app.py").mkdir()
    with pytest.raises(WorkspaceProblem, match="Is a directory"):
        space.write(parse_target("app.py"), "x = 1\n")
    (space.package / "file").write_text("")
    with pytest.raises(WorkspaceProblem):
        space.write(parse_target("file/x.py"), "x = 1\n")


def test_a_write_that_fails_leaves_the_old_file(
    space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (space.package / "app.py").read_text()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(WorkspaceProblem, match="No space left on device"):
        space.write(parse_target("app.py"), "x = 1\n")
    assert (space.package / "app.py").read_text() == before
    assert not list(space.package.glob(".app.py.*"))


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    texts = ["a" * 300_000, "b" * 300_000]
    workspace.replace(path, texts[0])
    seen, done = set(), threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        workspace.replace(path, texts[number % 2])
    done.set()
    reader.join()
    assert seen <= set(texts)


def test_left_over_files_are_not_counted(space: Workspace) -> None:
    (space.package / ".app.py.x1y2").write_text("half")
    (space.package / "__pycache__").mkdir()
    (space.package / "__pycache__/app.cpython-311.pyc").write_bytes(b"\x00\xff")
    assert space.count() == 2
    assert space.restore(course.files_at("1.2"), course.is_ours).kept == ()


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "\x00", '"x"', "[" * 100_000])
def test_a_damaged_json_file_is_set_aside(tmp_path: Path, text: str) -> None:
    path = tmp_path / "progress.json"
    path.write_text(text)
    data, aside = workspace.read_json(path)
    assert data == {}
    assert aside is not None
    assert aside.read_text() == text
    assert not path.exists()


def test_a_json_file_that_is_fine(tmp_path: Path) -> None:
    assert workspace.read_json(tmp_path / "none.json") == ({}, None)
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert workspace.read_json(tmp_path / "a.json") == ({"a": 1}, None)


def test_a_scratch_file_stands_beside_the_backend(space: Workspace) -> None:
    space.write(Target("scratch/rpc.py"), "x = 1\n")
    assert (space.root / "scratch/rpc.py").read_text() == "x = 1\n"
