"""A person's place below a hub: their own copies, their own settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from coursekit import cli, desk, lab
from coursekit.errors import WorkspaceProblem

LESSON = "notebooks/ch01_api/01_design_resources.ipynb"


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with one lesson, that a test may change."""
    root = tmp_path / "course"
    for name in (LESSON, "nbgrader_config.py", "book/glossary.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    monkeypatch.setattr("coursekit.places.checkout", lambda: root)
    return root


def test_a_learner_gets_lessons_and_no_solutions(tmp_path: Path) -> None:
    written = desk.lay(tmp_path, "learner")
    assert LESSON in written
    assert "book/glossary.md" in written
    assert {name.split("/")[0] for name in written} == {"notebooks", "book"}
    assert (tmp_path / LESSON).read_bytes() == (ROOT / LESSON).read_bytes()
    assert os.access(tmp_path / LESSON, os.W_OK)


def test_a_lead_gets_the_course_too(tmp_path: Path) -> None:
    written = desk.lay(tmp_path, "lead")
    assert "course/nbgrader_config.py" in written
    assert "course/solutions/ch01_api/01_design_resources.ipynb" in written
    assert "course/exercises/ch01_api/01_design_resources.ipynb" in written


def test_what_a_learner_wrote_stays(course: Path, tmp_path: Path) -> None:
    place = tmp_path / "desk"
    desk.lay(place, "learner")
    (place / LESSON).write_text("mine")
    (course / LESSON).write_text("the course's second edition")
    assert desk.lay(place, "learner") == []
    assert (place / LESSON).read_text() == "mine"


def test_what_a_learner_never_touched_follows_the_course(course: Path, tmp_path: Path) -> None:
    place = tmp_path / "desk"
    desk.lay(place, "learner")
    (course / LESSON).write_text("the course's second edition")
    assert desk.lay(place, "learner") == [LESSON]
    assert (place / LESSON).read_text() == "the course's second edition"


def test_what_a_learner_deleted_stays_away(course: Path, tmp_path: Path) -> None:
    place = tmp_path / "desk"
    desk.lay(place, "learner")
    (place / LESSON).unlink()
    assert desk.lay(place, "learner") == []
    (course / LESSON).write_text("the course's second edition")
    assert desk.lay(place, "learner") == []


def test_a_file_that_was_there_before_stays(course: Path, tmp_path: Path) -> None:
    place = tmp_path / "desk"
    (place / LESSON).parent.mkdir(parents=True)
    (place / LESSON).write_text("mine")
    (place / "book").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="book"):
        desk.lay(place, "learner")
    (place / "book").unlink()
    desk.lay(place, "learner")
    assert (place / LESSON).read_text() == "mine"


def test_a_desk_that_cannot_be_written_has_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "desk").write_text("a file")
    with pytest.raises(WorkspaceProblem, match="cannot be written"):
        desk.prepare("learner", tmp_path / "desk", {})


def test_settings_are_those_of_the_role(tmp_path: Path) -> None:
    variables = {"JUPYTERHUB_USER": "ada", "COURSEKIT_EXCHANGE": "/srv/x"}
    learner = desk.settings("learner", tmp_path, variables)
    assert "student_id" not in learner["nbgrader_config.py"], "the account says who hands in"
    shared = desk.settings("learner", tmp_path, {**variables, "COURSEKIT_ACCOUNTS": "shared"})
    assert "student_id = 'ada'" in shared["nbgrader_config.py"]
    assert "'/srv/x'" in learner["nbgrader_config.py"]
    off = json.loads(learner["labconfig/page_config.json"])["disabledExtensions"]
    assert off["@jupyter/nbgrader:formgrader"] is True
    assert off["@jupyter/nbgrader:assignment-list"] is False
    assert all(off[name] is False for name in lab.SILENT_LAB_PARTS)
    lead = desk.settings("lead", tmp_path, {**variables, "COURSEKIT_ACCOUNTS": "shared"})
    assert "student_id" not in lead["nbgrader_config.py"]
    assert "check_owner = False" in lead["nbgrader_config.py"]
    off = json.loads(lead["labconfig/page_config.json"])["disabledExtensions"]
    assert off["@jupyter/nbgrader:formgrader"] is False


def test_a_name_cannot_break_out_of_the_settings(tmp_path: Path) -> None:
    name = "x'\nimport os\n'"
    variables = {"JUPYTERHUB_USER": name, "COURSEKIT_ACCOUNTS": "shared"}
    text = desk.settings("learner", tmp_path, variables)["nbgrader_config.py"]
    assert repr(name) in text


def test_the_words_that_start_it() -> None:
    words = desk.command("learner", ["--debug"])
    assert words[:3] == [sys.executable, "-m", "jupyterhub.singleuser"]
    parts = next(word for word in words if "jpserver_extensions" in word)
    assert "'nbgrader.server_extensions.formgrader': False" in parts
    assert "'nbgrader.server_extensions.assignment_list': True" in parts
    assert "--KernelManager.transport=ipc" in words
    assert words[-1] == "--allow-root" or os.geteuid() != 0


def test_a_hub_may_choose_the_workspace(tmp_path: Path) -> None:
    found = desk.environment("learner", tmp_path, {"PATH": "/bin", "COURSEKIT_WORKSPACE": "/w"})
    assert found["COURSEKIT_WORKSPACE"] == "/w"
    assert found["PATH"].endswith(":/bin")
    found = desk.environment("learner", tmp_path, {})
    assert found["COURSEKIT_WORKSPACE"] == str(tmp_path / "workspace")


def test_an_unknown_role_has_a_sentence() -> None:
    with pytest.raises(WorkspaceProblem, match="learner and lead"):
        desk.role({"COURSEKIT_ROLE": "boss"})


def test_without_a_hub_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("JUPYTERHUB_SERVICE_URL", raising=False)
    assert desk.main([]) == 1
    assert "make lab" in capsys.readouterr().out


def test_what_a_hub_adds_is_passed_on() -> None:
    given = cli.parser().parse_args(["desk", "--", "--debug", "--ServerApp.x=1"])
    assert given.arguments == ["--debug", "--ServerApp.x=1"]
    for path in ("hub/jupyterhub_config.py", "hub/tljh.py", "z2jh/values.yaml", "image/Dockerfile"):
        text = (ROOT / "deploy" / path).read_text()
        assert re.search(r'desk"?, "--"\]', text), path
