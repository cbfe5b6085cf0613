"""`start`, and what a kernel knows of its lesson; without a kernel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import SHOUT, STATE, STUB, alive, python, variables, write_notebook
from IPython.core.interactiveshell import InteractiveShell

from coursekit import caller, cells, computer, course, database, exercise, magics, session
from coursekit.errors import BuildRefused, CourseError, UnknownName


@pytest.fixture(autouse=True)
def _no_lesson(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(session, "_session", None)
    before = dict(os.environ)
    yield
    if session._session is not None:
        session._session.close()
    os.environ.clear()
    os.environ.update(before)


def test_the_status_is_one_line_that_repeats() -> None:
    first = str(session.start("1.2"))
    assert first.startswith("✓ Lesson 1.2 is ready · PostgreSQL ")
    assert first.endswith("answer · 2 files of Box Office stand")
    assert str(session.start("1.2")) == first
    back = str(session.start("0")).splitlines()
    assert back[0].endswith("no file yet")
    assert back[1].startswith("  set back")


def test_the_learners_programs_get_the_servers_addresses() -> None:
    session.start("1.2")
    first = session.current().variables
    assert {name: os.environ[name] for name in first} == first
    session.start("1.1")
    second = session.current().variables
    assert {name for name in first if first[name] == second[name]} == set()
    session.start("1.2")
    assert session.current().variables == first


def test_wrong_words() -> None:
    with pytest.raises(CourseError, match=r'start\("1.2"\)'):
        session.start(1.2)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="Did you mean"):
        session.start("1.3")
    with pytest.raises(CourseError, match="No lesson is running"):
        session.current()


def test_fresh_keeps_everything_of_the_learners(tmp_path: Path) -> None:
    session.start("1.2")
    package = session.current().workspace.package
    (package / "app.py").write_text("mine = 1\n")
    (package / "notes.txt").write_text("mine too")
    (package / "picture.png").write_bytes(b"\xff\x00")
    shown = str(session.start("1.2"))
    assert "app.py, notes.txt, picture.png" in shown
    shown = str(session.start("1.2", fresh=True))
    assert "your files, in kept/" in shown
    kept = next((tmp_path / "workspace/kept").iterdir()) / "backend/boxoffice"
    assert (kept / "app.py").read_text() == "mine = 1\n"
    assert (kept / "notes.txt").read_text() == "mine too"
    assert (kept / "picture.png").read_bytes() == b"\xff\x00"
    assert (package / "app.py").read_text() == course.files_at("1.2")["app.py"]


def test_exercises_have_a_sandbox_at_the_end_of_the_lesson(tmp_path: Path) -> None:
    session.start("1.1")
    lesson = session.current().environment
    assert str(session.start("1.1", exercises=True)).startswith(
        "✓ Exercises of lesson 1.1 are ready"
    )
    now = session.current()
    assert now.workspace.root == tmp_path / "workspace/exercises/1.1"
    assert now.home == tmp_path / "workspace"
    assert (now.workspace.package / "services/shows.py").exists()
    assert now.environment != lesson
    now.record_answer("services/shows.py::find_show", SHOUT)
    now.record_answer("app.py", "x")
    assert list(now.answers()) == ["services/shows.py::find_show", "app.py"]
    session.start("1.1", exercises=True)
    assert len(session.current().answers()) == 2
    session.start("1.1", exercises=True, fresh=True)
    assert session.current().answers() == {}
    kept = list((now.workspace.root / "kept").rglob("answers.json"))
    assert len(kept) == 1
    assert "upper" in kept[0].read_text()


GIVEN = "from fractions import Fraction\n\n\nfind_show = str(Fraction(1))\n"
BARE = "def find_show(number: int) -> str:\n    return str(Fraction(number, 3))\n"
WHERE = "services/shows.py::find_show"


@pytest.fixture
def given(course_folder: Path) -> None:
    """Exercises whose given cell has an import that the answer needs."""
    write_notebook(
        course_folder / "exercises/ch01_api/01_list_shows.ipynb",
        "# Exercises", 'start("1.1", exercises=True)', f"%%build {WHERE}\n{GIVEN}",
        f"%%build {WHERE}\n{STUB}", 'check("ch90.loud")',
    )  # fmt: skip


@pytest.mark.usefixtures("given")
def test_an_answer_without_the_imports_that_were_given(capsys: pytest.CaptureFixture[str]) -> None:
    session.start("1.1", exercises=True)
    magics.build_cell(WHERE, BARE)  # the given cell was not run
    assert "`Fraction` is imported as in the cell that was given" in capsys.readouterr().out
    api = caller.client()
    assert api.get("/shows/2").json()["title"] == "2/3"
    session.start("1.1", exercises=True)
    assert api.get("/shows/2").json()["title"] == "2/3"
    magics.build_cell(WHERE, BARE)
    assert "Fraction" not in capsys.readouterr().out.replace("Fraction(number", "")


def test_a_new_file_that_the_exercise_asks_for(
    course_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_notebook(
        course_folder / "exercises/ch01_api/01_list_shows.ipynb",
        "# Exercises", f"%%build services/show.py::find_show\n{STUB}",
    )  # fmt: skip
    session.start("1.1", exercises=True)
    magics.build_cell("services/show.py::find_show", SHOUT)
    assert "Did you mean" not in capsys.readouterr().out
    magics.build_cell("services/showz.py::find_show", SHOUT)
    assert "Did you mean `services/shows.py`?" in capsys.readouterr().out


def test_a_given_cell_that_would_stop_box_office_is_not_written(
    course_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where, place = (
        "services/shows.py",
        "import math\n\n# YOUR CODE HERE\nraise NotImplementedError()\n",
    )
    write_notebook(
        course_folder / "exercises/ch01_api/01_list_shows.ipynb",
        "# Exercises", f"%%build {where}\n{place}",
    )  # fmt: skip
    session.start("1.1", exercises=True)
    magics.build_cell(where, place)
    assert "Nothing is written yet" in capsys.readouterr().out
    assert session.current().answers() == {}
    caller.client().get("/shows/2")
    magics.build_cell(where, f"import math\n{place}")  # begun, so it is the learner's
    assert where in session.current().answers()
    with pytest.raises(CourseError, match="keeps the place of an answer"):
        caller.client().get("/shows/2")
    magics.build_cell("services/new.py", place)  # nothing stands there that could go on
    assert "created services/new.py" in capsys.readouterr().out


@pytest.mark.usefixtures("given")
def test_an_answer_keeps_the_imports_of_the_tries_before_it() -> None:
    session.start("1.1", exercises=True)
    magics.build_cell(
        WHERE, "from decimal import Decimal\n\n\n" + BARE.replace("Fraction", "Decimal")
    )
    bare = BARE.replace("Fraction(number, 3)", "Decimal(number)")
    magics.build_cell(WHERE, bare)
    api = caller.client()
    assert api.get("/shows/2").json()["title"] == "2"
    session.start("1.1", exercises=True)
    assert api.get("/shows/2").json()["title"] == "2"
    assert "from decimal import Decimal" in session.current().answers()[WHERE]  # as `check` has it
    magics.build_cell(WHERE, STUB)
    assert session.current().answers()[WHERE] == STUB


def test_an_import_that_is_missing_everywhere_is_named() -> None:
    session.start("1.1", exercises=True)
    magics.build_cell(WHERE, "find_show = FastAPI\n")
    with pytest.raises(CourseError, match="name 'FastAPI'") as caught:
        caller.client().get("/shows/2")
    assert "Is `from fastapi import FastAPI` missing" in str(caught.value)
    magics.build_cell(WHERE, "find_show = Frcation\n")
    with pytest.raises(CourseError, match="'Frcation' is not defined, nor imported, in this file"):
        caller.client().get("/shows/2")


def test_a_start_that_is_not_the_last_line_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    session.start("1.2")
    assert "Lesson 1.2 is ready" in capsys.readouterr().out
    assert str(session.start("1.2"))
    assert capsys.readouterr().out == ""


def test_a_build_is_served_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    session.start("1.2")
    api = caller.client()
    assert api.get("/shows/1").json()["title"] == "Macbeth"
    magics.build_cell("services/shows.py::find_show", SHOUT)
    assert "changed services/shows.py" in capsys.readouterr().out
    assert api.get("/shows/1").json()["title"] == "MACBETH"
    assert repr(api) == "<client of your running API>"
    (session.current().workspace.package / "app.py").write_text("def create_app():\n    1 / 0\n")
    with pytest.raises(CourseError, match=r"app.py, line 2, in create_app"):
        api.get("/shows/1")


def test_an_application_is_gone_before_the_next_one_listens() -> None:
    session.start("1.2")
    served = session.current().serve()
    assert isinstance(served, computer.Process)
    served.ensure()
    assert served._job is not None
    pid = served._job.pid
    assert alive(pid)
    served.stop()
    assert not alive(pid)


def test_settings_of_the_client() -> None:
    session.start("1.2")
    api = caller.client(headers={"x-client": "kiosk"}, timeout=3)
    answer = api.get("/shows/1")
    assert answer.request.headers["x-client"] == "kiosk"
    with pytest.raises(CourseError, match=r"serves files of scratch/ alone"):
        caller.client("app.py")


def test_sql() -> None:
    session.start("1.2")
    rows = database.sql("select 1 as one, '50%' as half, null as nothing")
    assert rows == [{"one": 1, "half": "50%", "nothing": None}]
    assert str(rows).split() == [
        "one",
        "half",
        "nothing",
        "───",
        "────",
        "───────",
        "1",
        "50%",
        "∅",
    ]
    assert database.sql("create temp table t (id int)") == []
    database.sql("drop table if exists kept; create table kept (id int)")
    database.sql("insert into kept values (1), (2)")
    assert len(database.sql("select generate_series(1, 5000)")) == 1000
    plan = database.sql("delete from kept", explain=True)
    assert "Delete on kept" in str(plan)
    assert len(database.sql("select * from kept")) == 2
    for query, words in (
        ("selct 1", "syntax error"),
        ("select * from seats", 'relation "seats" does not exist'),
        ("select 1/0", "division by zero"),
    ):
        with pytest.raises(CourseError, match="PostgreSQL says: ") as caught:
            database.sql(query)
        assert words in str(caught.value)


def test_progress_needs_no_lesson() -> None:
    assert "Welcome" in str(exercise.progress())


def test_a_check_outside_its_exercises_says_what_to_run(
    course_folder: Path, checkout: Path, tmp_path: Path
) -> None:
    env = variables(checkout, STATE, tmp_path / "w")
    code = (
        "from coursekit import check, hint, start\n"
        "from coursekit.errors import CourseError\n"
        "start('1.1')\n"
        "try:\n    check('ch90.loud')\n"
        "except CourseError as error:\n    print(error)\n"
        "for _ in range(4):\n    print(hint('ch90.loud'))\n"
    )
    done = python(code, env)
    assert 'start("1.1", exercises=True)' in done.stdout, done.stderr
    for words in ("Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "That was the last one"):
        assert words in done.stdout


def test_a_workspace_that_may_not_be_written(checkout: Path, tmp_path: Path, state: Path) -> None:
    """As a user who is not root, whom the system lets write everywhere."""
    user = None if os.geteuid() else 65534
    try:
        subprocess.run([sys.executable, "-c", "pass"], user=user, cwd="/", check=True)
        subprocess.run(["ls", str(checkout)], user=user, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        pytest.skip("this Python lies where a user who is not root cannot run it")
    space = tmp_path / "read only"
    env = variables(checkout, state, space)
    if user:
        shutil.chown(state, user)
    go = (
        "from coursekit import start\nfrom coursekit.errors import CourseError\n"
        "try:\n    print(start('1.2'))\nexcept CourseError as error:\n    print('✗', error)\n"
    )
    space.mkdir(mode=0o555)
    words = {"env": env, "cwd": "/", "capture_output": True, "encoding": "utf-8", "user": user}
    done = subprocess.run([sys.executable, "-c", go], check=False, **words)  # type: ignore[call-overload]
    assert "cannot be made (Permission denied)" in done.stdout, done.stderr
    space.chmod(0o755)
    if user:
        shutil.chown(space, user)
    done = subprocess.run([sys.executable, "-c", go], check=False, **words)  # type: ignore[call-overload]
    assert "is ready" in done.stdout, done.stderr


def test_a_cell_of_several_files_writes_all_of_them_or_none() -> None:
    session.start("1.2")
    magic = magics.CourseMagics(InteractiveShell.instance())
    with pytest.raises(BuildRefused):
        magic.build("services/one.py", "A = 1\n%%build services/two.py\ndef broken(:\n")
    assert not (session.current().workspace.package / "services" / "one.py").exists()


def test_answers_stand_in_the_files_again_after_a_restart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session.start("1.2", exercises=True)
    magics.build_cell("services/shows.py::find_show", SHOUT.replace("upper", "swapcase"))
    file = session.current().workspace.package / "services" / "shows.py"
    assert "swapcase" in file.read_text()
    assert "set back" not in str(session.start("1.2", exercises=True))
    assert "swapcase" in file.read_text()
    session.start("1.2", exercises=True, fresh=True)
    assert "swapcase" not in file.read_text()


def test_a_definition_needs_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    session.start("1.2")
    (session.current().workspace.package / "services" / "shows.py").unlink()
    with pytest.raises(BuildRefused, match=r"services/shows.py is not there yet"):
        magics.build_cell("services/shows.py::find_show", SHOUT)


def test_a_new_file_with_a_name_close_to_a_known_one_is_asked_about(
    capsys: pytest.CaptureFixture[str],
) -> None:
    session.start("1.2")
    magics.build_cell("services/show.py", "X = 1\n")
    assert "Did you mean `services/shows.py`?" in capsys.readouterr().out
    magics.build_cell("services/posters.py", "X = 1\n")
    assert "Did you mean" not in capsys.readouterr().out


def test_a_name_of_the_courses_that_is_not_imported_is_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shell = InteractiveShell.instance()
    magics.register(shell)
    shell.run_cell("race(2, 3)")
    said = capsys.readouterr().out
    assert "`race` is not known in this kernel yet. Run the first code cell" in said
    assert "Traceback" not in said
    shell.run_cell("rice(2, 3)")
    said = capsys.readouterr().out
    assert "NameError" in said
    assert "Was this kernel restarted?" in said


def test_a_name_that_another_cell_makes_is_explained(
    course_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lesson = course_folder / "notebooks/ch01_api/01_list_shows.ipynb"
    given = course.read_cells(lesson)
    made = [
        "TOSCA = {\n  1: 2}",
        '%%check "x"\ncache, line = 1, 2',
        "def buy(seat):\n    wish = seat",
    ]
    write_notebook(lesson, *map(course.source_of, given), *made)
    shell = InteractiveShell.instance()
    magics.register(shell)
    session.start("1.1")
    for name, line in {
        "TOSCA": "TOSCA = {",
        "line": "cache, line = 1, 2",
        "buy": "def buy(seat):",
    }.items():
        capsys.readouterr()
        shell.run_cell(f"{name}(1)")
        said = capsys.readouterr().out
        assert (
            f"`{name}` is not known in this kernel yet. Another cell of the notebook makes" in said
        )
        assert f"at its line `{line}`" in said
        assert "Traceback" not in said
    shell.run_cell("wish")
    assert "NameError" in capsys.readouterr().out
    card = cells.check("it sells", "assert TOSCA", {})[1].text
    assert "Run that cell, then this one again." in card
