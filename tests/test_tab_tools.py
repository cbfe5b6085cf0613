"""`run` and single calls in this very interpreter, as in a tab: same words, nothing left behind."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import test_shell
from inside import Inside

from coursekit import runtime, session, shell, tool
from coursekit.errors import AppFailed, WorkspaceProblem
from coursekit.tab import tools

pytestmark = pytest.mark.usefixtures("presence")


@pytest.fixture
def backend(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    inside = Inside()
    monkeypatch.setattr(runtime, "current", lambda: inside)
    monkeypatch.setattr(session, "_session", None)
    before = dict(os.environ)
    session.start("1.2")
    yield session.current().workspace.backend
    session.current().close()
    os.environ.clear()
    os.environ.update(before)


# What holds on a computer holds here.
test_a_file_runs = test_shell.test_a_file_runs_with_box_office_beside_it
test_pytest_repeats_itself = test_shell.test_pytest_runs_and_repeats_itself
test_what_goes_wrong = test_shell.test_what_goes_wrong_is_told_in_the_learners_lines
test_endless_tool = test_shell.test_a_tool_that_never_ends_is_stopped
test_scratch_file = test_shell.test_a_scratch_file_that_was_not_built
test_passed_on = test_shell.test_an_error_is_told_without_what_only_passed_it_on


def test_pytest_sees_the_file_as_it_is_now(backend: Path) -> None:
    file = backend / "test_one.py"
    file.write_text("def test_a():\n    assert 1 == 1\n")
    assert "1 passed" in shell.run("pytest -q test_one.py").output
    file.write_text("def test_a():\n    assert 1 == 2\n")
    assert "assert 1 == 2" in shell.run("pytest -q test_one.py").output


def test_box_office_is_as_it_is_now(backend: Path) -> None:
    (backend / "look.py").write_text(
        "from boxoffice.services.shows import find_show\nprint(find_show(1))\n"
    )
    assert shell.run("python look.py").output == "Macbeth"
    (backend / "boxoffice/services/shows.py").write_text("def find_show(n):\n    return 'Nora'\n")
    assert shell.run("python look.py").output == "Nora"


def test_nothing_is_left_of_a_run(backend: Path) -> None:
    (backend / "wild.py").write_text(
        "import asyncio, logging, os, sys, warnings\nimport boxoffice.services.shows\n"
        "os.chdir('/')\nos.environ['WILD'] = '1'\ndel os.environ['HOME']\nsys.path.clear()\n"
        "sys.argv.append('x')\nsys.setrecursionlimit(5000)\nwarnings.simplefilter('error')\n"
        "logging.basicConfig(level=10)\nsys.stdout = None\n"
        "asyncio.run(asyncio.sleep(0))\nos._exit(4)\n"
    )

    def belongings() -> list[object]:
        return [
            os.getcwd(), dict(os.environ), [*sys.path], [*sys.argv], sys.getrecursionlimit(),
            sys.stdout, [name for name in sys.modules if name.startswith("boxoffice")],
        ]  # fmt: skip

    before = belongings()
    done = shell.run("python wild.py")
    assert (done.code, done.output) == (4, "")
    assert belongings() == before


def test_too_much_output_is_cut(backend: Path) -> None:
    (backend / "loud.py").write_text("for _ in range(10**6):\n    print('x' * 100)\n")
    done = shell.run("python loud.py")
    assert done.code == 0
    assert len(done.output) < 2_000_000


def test_a_program_finds_the_running_api(backend: Path) -> None:
    api = session.current().serve()
    api.ensure()
    (backend / "ask.py").write_text(
        "import httpx, sys\nprint(httpx.get(sys.argv[1] + '/shows/1').json()['title'])\n"
    )
    assert shell.run(f"python ask.py {api.url}").output == "Macbeth"


def test_a_call_and_what_can_come_of_it(backend: Path) -> None:
    shows = backend / "boxoffice/services/shows.py"
    source = "boxoffice.services.shows:text"
    shows.write_text("def text():\n    return 'told'\n")
    call = "coursekit.generator:call"
    assert tools.call(call, {"source": source}, backend) == {"text": "told"}
    shows.write_text("def text():\n    return 1 / 0\n")
    lines = tools.call(call, {"source": source}, backend)["lines"]
    assert isinstance(lines, list)
    assert "services/shows.py, line 2" in lines[0]
    shows.write_text("def text():\n    while True:\n        pass\n")
    with pytest.raises(AppFailed, match="No answer within"):
        tools.call(call, {"source": source}, backend, 0.2)
    with pytest.raises(WorkspaceProblem, match="is gone"):
        tools.call(call, {"source": source}, backend / "nowhere")


def test_a_tool_may_arrive_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pack does: nothing of it is there before its package is looked for."""

    class Late:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            if name == "late_tool":
                info = tmp_path / "late_tool-1.dist-info"
                info.mkdir()
                (info / "METADATA").write_text("Name: late-tool\nVersion: 1\n")
                (info / "entry_points.txt").write_text("[console_scripts]\nlate-tool = late:main")
                importlib.invalidate_caches()

    monkeypatch.setattr(sys, "meta_path", [Late, *sys.meta_path])
    monkeypatch.syspath_prepend(str(tmp_path))
    assert [script.value for script in tool.scripts("late-tool")] == ["late:main"]
    assert not tool.scripts("no-tool")
