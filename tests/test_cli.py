"""The command `coursekit`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from conftest import eventually, processes_of, python, variables

from coursekit import cli


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["--help"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    for name in ("doctor", "stop", "grade", "assemble", "publish", "release", "lab"):
        assert name in out


def test_wrong_words_end_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["dance"], ["assemble", "1.2"]):
        with pytest.raises(SystemExit) as left:
            cli.main(words)
        assert left.value.code == 2
    assert "usage: coursekit" in capsys.readouterr().err


def test_assemble(course_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["assemble", "1.2", str(tmp_path / "out")]) == 0
    assert "2 files of Box Office written to" in capsys.readouterr().out
    (tmp_path / "out/boxoffice/mine.py").write_text("mine = 1")
    assert cli.main(["assemble", "1.2", str(tmp_path / "out")]) == 1
    assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "out/boxoffice/mine.py").exists()
    assert cli.main(["assemble", "1.7", str(tmp_path / "new")]) == 1
    assert 'Did you mean "1.' in capsys.readouterr().err


def test_interrupt_ends_with_130(
    course_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from coursekit import course

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "assemble", stop)
    assert cli.main(["assemble", "1.2", str(tmp_path / "out")]) == 130


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_doctor_in_any_terminal(checkout: Path, tmp_path: Path, encoding: str) -> None:
    from conftest import STATE

    env = variables(checkout, STATE, tmp_path / "w", PYTHONIOENCODING=encoding)
    code = "from coursekit import cli; import sys; sys.exit(cli.main(['doctor']))"
    done = python(code, env)
    assert "Traceback" not in done.stderr
    assert "the servers' folder can be written" in done.stdout
    assert "PostgreSQL 18 and" in done.stdout


def test_stop_ends_every_process_of_the_checkout(
    checkout: Path, tmp_path: Path, state: Path
) -> None:
    env = variables(checkout, state, tmp_path / "w")
    code = "from coursekit import runtime; runtime.current().prepare('x', 1); print('up')"
    assert python(code, env).stdout.strip() == "up"
    assert processes_of(state)
    # a number in an old file that now belongs to someone else
    (state / "warm-000000000000.pid").write_text(str(os.getpid()))
    for _ in range(2):
        done = python("from coursekit import cli; cli.main(['stop'])", env)
        assert "are stopped" in done.stdout, done.stderr
    eventually(lambda: not processes_of(state), what="all processes end")
    (state / "warm-000000000000.pid").unlink()


def test_grade_speaks_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["grade", "--json", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" or json.loads(captured.out) == []
