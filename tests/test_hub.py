"""A cohort on one machine, over HTTP: from the sign-in to the exported grades."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, eventually, processes_of
from visitor import Visitor

from coursekit import hub

CHAPTER = "ch01_api"
NOTEBOOK = "01_design_resources"
FETCHED = f"exercises/{CHAPTER}/{NOTEBOOK}.ipynb"


@pytest.fixture(scope="module")
def trial() -> Iterator[hub.Trial]:
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the hub's proxy needs Node.js, and CI has none")
        pytest.skip("the hub's proxy needs Node.js")
    with hub.Trial(hub.free_port()) as running:
        yield running
        folder = running.folder
    assert not folder.exists()
    eventually(lambda: not _left(folder), 20, "the processes of the hub end")


def _left(folder: Path) -> list[psutil.Process]:
    """Processes that work in or below a folder that is gone."""
    return [process for process in processes_of(folder) if process.is_running()]


@pytest.fixture(scope="module")
def people(trial: hub.Trial) -> Iterator[dict[str, Visitor]]:
    """Everybody, signed in, with a server that runs."""
    found = {name: Visitor(trial.url, name, word) for name, word in trial.passwords.items()}
    try:
        for visitor in found.values():
            answer = visitor.sign_in()
            assert answer.status_code == 302, trial.log(40)
            visitor.begin()
        for visitor in found.values():
            visitor.wait()
        yield found
    except TimeoutError:
        pytest.fail(trial.log(60))
    finally:
        for visitor in found.values():
            visitor.close()


def solved(notebook: dict[str, Any], *names: str) -> dict[str, Any]:
    """The notebook with the solution's cells in place of the named answers."""
    path = ROOT / "solutions" / CHAPTER / f"{NOTEBOOK}.ipynb"
    right = {
        cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
        for cell in json.loads(path.read_text())["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in notebook["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
        if name in right and (not names or name in names):
            cell["source"] = right[name]
    return notebook


# --- signing in -------------------------------------------------------------------------------


def test_only_the_right_password_opens_the_door(trial: hub.Trial) -> None:
    with Visitor(trial.url, "ada", "not-the-password") as stranger:
        assert stranger.sign_in().status_code == 403
    with Visitor(trial.url, "mallory", "a-long-password") as stranger:
        assert stranger.sign_in().status_code == 403
    store = next(trial.folder.glob("passwords.dbm*"))
    assert stat.S_IMODE(store.stat().st_mode) & 0o077 == 0
    assert not any(word in store.read_bytes().decode("latin1") for word in trial.passwords.values())


def test_each_has_a_desk_of_their_own(people: dict[str, Visitor], trial: hub.Trial) -> None:
    ada, lead = people["ada"], people["lead"]
    assert {"exercises", "notebooks", "book"} == set(ada.names())
    assert {"exercises", "notebooks", "book", "course"} == set(lead.names())
    assert ada.call("GET", "formgrader/").status_code == 404
    assert ada.get(f"{trial.url}/user/grace/api/contents/").status_code in {403, 404}
    assert lead.get(f"{trial.url}/user/grace/api/contents/").status_code in {403, 404}
    off = ada.lab_settings()["disabledExtensions"]
    assert "@jupyter/nbgrader:formgrader" in off
    assert "@jupyter/nbgrader:assignment-list" not in off
    assert "@jupyter/nbgrader" not in off


# --- the whole way ----------------------------------------------------------------------------


def test_from_the_fetch_to_the_exported_grades(
    people: dict[str, Visitor], trial: hub.Trial
) -> None:
    lead, ada, grace = people["lead"], people["ada"], people["grace"]
    assert ada.assignments() == []
    lead.formgrader(f"assignment/{CHAPTER}/assign")
    lead.formgrader(f"assignment/{CHAPTER}/release")

    for learner in (ada, grace):
        assert [one["status"] for one in learner.assignments("fetch", CHAPTER)] == ["fetched"]
    names = [
        cell["metadata"]["nbgrader"]["grade_id"]
        for cell in ada.notebook(FETCHED)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    ]
    ada.save(FETCHED, solved(ada.notebook(FETCHED)))
    grace.save(FETCHED, solved(grace.notebook(FETCHED), names[0]))
    for learner in (ada, grace):
        statuses = [one["status"] for one in learner.assignments("submit", CHAPTER)]
        assert statuses == ["fetched", "submitted"]

    lead.formgrader(f"assignment/{CHAPTER}/collect")
    for learner in (ada, grace):
        lead.formgrader(f"submission/{CHAPTER}/{learner.name}/autograde")
    rows = {row["student"]: row for row in lead.formgrader(f"submissions/{CHAPTER}", "GET")}
    points = sum(
        cell["metadata"].get("nbgrader", {}).get("points", 0)
        for cell in ada.notebook(FETCHED)["cells"]
    )
    assert rows["ada"]["score"] == points
    assert 0 < rows["grace"]["score"] < points

    lead.formgrader(f"assignment/{CHAPTER}/generate_feedback")
    lead.formgrader(f"assignment/{CHAPTER}/release_feedback")
    listed = grace.assignments("fetch_feedback", CHAPTER)
    handed_in = next(one for one in listed if one["status"] == "submitted")
    folder = handed_in["submissions"][-1]["local_feedback_path"]
    page = grace.text(f"{folder}/{NOTEBOOK}.html")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page

    lead.terminal("cd course && nbgrader export --to=grades.csv")
    table = eventually(lambda: lead.text_if_there("course/grades.csv"), 30, "grades.csv")
    exported = {row["student_id"]: row for row in csv.DictReader(io.StringIO(table))
                if row["assignment"] == CHAPTER}  # fmt: skip
    assert float(exported["ada"]["score"]) == points
    assert float(exported["grace"]["score"]) == rows["grace"]["score"]
