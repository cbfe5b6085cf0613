"""`run`: a Python tool in the learner's backend."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from coursekit import display, runtime, server, session, shell
from coursekit.errors import CourseError


@pytest.fixture
def backend(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(session, "_session", None)
    before = dict(os.environ)
    session.start("1.2")
    yield session.current().workspace.backend
    session.current().close()
    os.environ.clear()
    os.environ.update(before)


def test_a_file_runs_with_box_office_beside_it(backend: Path) -> None:
    (backend / "look.py").write_text(
        "import os, sys\nfrom boxoffice.services.shows import TITLES\n"
        "print(len(TITLES), sys.argv[1:], os.environ['DATABASE_URL'][:10], '✓')\nsys.exit(3)\n"
    )
    done = shell.run("python look.py 'a b' c")
    assert done.code == 3
    assert done.output == "3 ['a b', 'c'] postgresql ✓"
    assert done.text.splitlines()[0] == "$ python look.py 'a b' c"
    assert done.text.splitlines()[-1] == "exit code 3"
    assert "exit code 3" in done.text


def test_pytest_runs_and_repeats_itself(backend: Path) -> None:
    tests = backend / "boxoffice/tests"
    tests.mkdir()
    (tests / "test_shows.py").write_text(
        "from boxoffice.services.shows import find_show\n\n\n"
        "def test_one():\n    assert find_show(1) == 'Macbeth'\n\n\n"
        "def test_two():\n    assert find_show(2) == 'Hamlet'\n"
    )
    first = shell.run("pytest -q boxoffice")
    assert first.code == 1
    assert "1 failed, 1 passed" in first.output
    assert "assert 'Othello' == 'Hamlet'" in first.output
    assert str(backend) not in first.output
    assert shell.run("pytest -q boxoffice").output == first.output
    assert not list(backend.rglob(".pytest_cache"))


def test_a_tool_finds_no_module_of_ours(backend: Path) -> None:
    look = "import sys; print({name.split('.')[0] for name in sys.modules} & {'coursekit'})"
    assert shell.run(f'python -c "{look}"').output == "set()"


def test_options_for_tests_of_the_course_reach_no_tests_of_a_lesson(backend: Path) -> None:
    (backend / "test_one.py").write_text("def test_one():\n    pass\n")
    told = {"PYTEST_ADDOPTS": "--no-such-option"}
    done = runtime.current().run(["pytest", "-q", "test_one.py"], backend, told, 60)
    assert done.code == 0, done.output


def test_what_goes_wrong_is_told_in_the_learners_lines(backend: Path) -> None:
    (backend / "bad.py").write_text("def f():\n    return 1 / 0\n\n\nf()\n")
    done = shell.run("python bad.py")
    assert done.code == 1
    assert "bad.py, line 2, in f:  return 1 / 0" in done.output
    assert "ZeroDivisionError" in done.output
    assert "coursekit" not in done.output
    assert "There is no Python tool named rm" in shell.run("rm -rf x").output
    assert "`python` needs a file" in shell.run("python").output
    assert shell.run("python -c 'print(6 * 7)'").output == "42"
    assert "No such file" in shell.run("python missing.py").output


def test_a_tool_that_never_ends_is_stopped(backend: Path) -> None:
    (backend / "loop.py").write_text("print('begun')\nwhile True:\n    pass\n")
    done = shell.run("python loop.py", seconds=0.5)
    assert done.code == 1
    assert "begun" in done.output
    assert "stopped: it did not come to an end" in done.output


def test_words_that_cannot_be_read(backend: Path) -> None:
    with pytest.raises(CourseError, match="cannot be read"):
        shell.run("pytest 'a")
    with pytest.raises(CourseError, match="needs a command"):
        shell.run("  ")


def test_output_is_made_repeatable() -> None:
    text = "\x1b[32mok\x1b[0m in 0.12s at 127.0.0.1:53211\r\n/w s/x.py: 12 passed in 3 seconds  \n"
    assert shell.repeatable(text, "/w s") == (
        "ok in … s at 127.0.0.1:PORT\nx.py: 12 passed in … seconds"
    )


def test_a_run_that_fails_speaks_where_nobody_looks(
    backend: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (backend / "bad.py").write_text("print('on my way')\n1 / 0\n")
    shell.run("python bad.py")
    said = capsys.readouterr().out
    assert said.count("ZeroDivisionError") == 1
    assert said.startswith("$ python bad.py\non my way\n")
    assert shell.run("python bad.py").code == 1  # the number alone says nothing
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert "on my way" in shell.run("python bad.py").output
    print(shell.run("python bad.py"))
    assert capsys.readouterr().out.count("ZeroDivisionError") == 1
    done = shell.run("python bad.py")
    assert capsys.readouterr().out == ""
    display.speak()
    assert capsys.readouterr().out.count("ZeroDivisionError") == 1
    assert done.code == 1
    shell.run("python -c 'print(1)'")
    assert capsys.readouterr().out == ""


RAISES = """\
import sqlalchemy
from boxoffice.middleware.one import call
from boxoffice.middleware.two import fail
from sqlalchemy.exc import DataError

class Cause(Exception):
    pass

def work():
    raise DataError("insert into show values (%s)", {"title": "x"}, Cause("no such value"))
"""


def test_an_error_is_told_without_what_only_passed_it_on(backend: Path) -> None:
    middleware = backend / "boxoffice/middleware"
    middleware.mkdir()
    (middleware / "one.py").write_text("def call(function):\n    function()\n")
    (middleware / "two.py").write_text("def fail():\n    1 / 0\n")
    (backend / "boxoffice/work.py").write_text(RAISES)
    (backend / "ask.py").write_text("from boxoffice.work import *\n\ncall(work)\n")
    said = shell.run("python ask.py").output
    assert "work.py, line 10, in work" in said
    assert said.endswith("no such value")
    assert "middleware" not in said
    assert "sqlalche.me" not in said
    (backend / "ask.py").write_text("from boxoffice.work import *\n\ncall(fail)\n")
    said = shell.run("python ask.py").output
    assert "middleware/one.py, line 2, in call" in said
    assert "middleware/two.py, line 2, in fail" in said


def test_a_scratch_file_that_was_not_built(backend: Path) -> None:
    said = shell.run("python ../scratch/try_it.py").output
    assert said == "There is no scratch/try_it.py yet. Run the cell that builds it first."
    assert "No such file" in shell.run("python missing.py").output


def test_a_migration_that_is_missing(backend: Path) -> None:
    versions = backend / "boxoffice/migrations/versions"
    versions.mkdir(parents=True)
    (versions / "0002_more.py").write_text("revision = '0002'\ndown_revision = '0001'\n")
    (backend / "ask.py").write_text(
        "from alembic.script import ScriptDirectory\n"
        "ScriptDirectory('boxoffice/migrations').get_current_head()\n"
    )
    said = shell.run("python ask.py").output
    assert "No migration has the revision '0001', which another one names" in said


def test_a_missing_module_is_a_missing_cell_only_within_box_office() -> None:
    def advice(name: str) -> str:
        error = ModuleNotFoundError(f"No module named {name!r}", name=name)
        return "\n".join(server.own_frames(error, Path()))

    assert "There is no services/seats.py yet." in advice("boxoffice.services.seats")
    assert "Run the cell" not in advice("boxoffice_client")


def test_the_place_of_an_answer_says_what_it_is() -> None:
    said = server.own_frames(NotImplementedError(), Path())
    assert said[-1] == "That line keeps the place of an answer: write that cell, and run it."


def test_a_wrong_answer_to_a_promise_names_the_function_that_gave_it(backend: Path) -> None:
    (backend / "boxoffice/api").mkdir(parents=True)
    (backend / "boxoffice/api/shows.py").write_text(
        "from fastapi import FastAPI\n\napp = FastAPI()\n\n\n"
        "@app.get('/shows')\nasync def list_shows() -> list[str]:\n    pass\n"
    )
    (backend / "ask.py").write_text(
        "from fastapi.testclient import TestClient\n"
        "from boxoffice.api.shows import app\n\n"
        "TestClient(app).get('/shows')\n"
    )
    said = shell.run("python ask.py").output
    assert "what `list_shows` (api/shows.py, line 6) returned is not what it promises" in said
    assert "it returned None" in said


def test_where_nobody_knows_the_function_none_is_named() -> None:
    from fastapi.exceptions import ResponseValidationError

    error = ResponseValidationError([{"loc": ("response",), "msg": "no list", "input": None}])
    said = server.own_frames(error, Path())
    assert said[-1].startswith("ResponseValidationError: what the function returned is not")
