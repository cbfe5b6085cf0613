"""`coursekit doctor`: what is wrong, and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from coursekit import course, doctor, places, services, warm
from coursekit.errors import ServiceDown


@pytest.mark.parametrize(
    ("version", "fine"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)]
)
def test_python(version: tuple[int, int], fine: bool) -> None:
    finding = doctor.look_at_python(version)
    assert finding.fine == fine
    assert str(finding).startswith("✓" if fine else "✗")
    assert fine or "make lab PYTHON=" in str(finding)


def test_windows_is_sent_to_wsl() -> None:
    finding = doctor.look_at_system("win32")
    assert not finding.fine
    assert "WSL" in finding.words
    assert "wsl --install" in finding.mend
    assert doctor.look_at_system("darwin").fine
    assert doctor.look_at_system("linux").fine


def test_packages_that_differ_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "checkout", lambda: tmp_path)
    (tmp_path / "requirements.txt").write_text(
        "httpx==0.0.1\nno-such-thing==1\nother==2 ; sys_platform == 'win32'\n\n-e .\n"
    )
    finding = doctor.look_at_packages()
    assert not finding.fine
    assert "2 packages differ" in finding.words
    assert "no-such-thing missing" in finding.words
    (tmp_path / "requirements.txt").write_text("-e .\n")
    assert doctor.look_at_packages().fine


def test_a_workspace_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_WORKSPACE", "/proc/nowhere")
    finding = doctor.look_at_workspace()
    assert not finding.fine
    assert "COURSEKIT_WORKSPACE" in finding.mend


def test_a_path_too_long_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSEKIT_STATE", str(tmp_path / ("long" * 30)))
    finding = doctor.look_at_state()
    assert not finding.fine
    assert "too long for a Unix socket" in finding.words


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    class Nearly:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda _: Nearly)
    assert "500 MB" in doctor.look_at_state().words
    assert "500 MB" in doctor.look_at_workspace().words


def test_a_changed_notebook_is_named(course_folder: Path) -> None:
    assert doctor.look_at_lessons().fine
    path = course.find("1.1").path
    path.write_text(path.read_text().replace("def count_shows()", "def count_shows("))
    finding = doctor.look_at_lessons()
    assert not finding.fine
    assert "a cell of 01_list_shows.ipynb" in finding.words
    assert "git checkout" in finding.mend
    path.write_text("{")
    found = [finding.words for finding in doctor.examine() if not finding.fine]
    assert "01_list_shows.ipynb is not a notebook." in found


def test_one_look_that_fails_does_not_stop_the_others(
    course_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def down() -> tuple[str, str]:
        raise ServiceDown("PostgreSQL did not start.")

    def odd() -> None:
        raise RuntimeError("odd")

    monkeypatch.setattr(services, "ensure", down)
    monkeypatch.setattr(warm, "connect", odd)
    assert doctor.main() == 1
    out = capsys.readouterr().out
    assert "✗ PostgreSQL did not start." in out
    assert "could not finish: RuntimeError: odd" in out
    assert "things need mending" in out
