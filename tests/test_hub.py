"""A cohort on one machine, over HTTP: from the sign-in to the exported grades."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, eventually, processes_of
from visitor import Visitor

from coursekit import cli, hub

CHAPTER = "ch01_api"
NOTEBOOK = "01_design_resources"
POLICY = "Content-Security-Policy"
FETCHED = f"exercises/{CHAPTER}/{NOTEBOOK}.ipynb"


def _needs_node() -> None:
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("the hub's proxy needs Node.js, and CI has none")
        pytest.skip("the hub's proxy needs Node.js")


@pytest.fixture(scope="module")
def trial() -> Iterator[hub.Trial]:
    """What `make hub` runs. Afterwards nothing of it is left."""
    _needs_node()
    with hub.Trial(hub.free_port()) as running:
        yield running
        folder = running.folder
    assert not folder.exists()
    eventually(lambda: not processes_of(folder), 20, "the processes of the hub end")


@pytest.fixture(scope="module")
def people(trial: hub.Trial) -> Iterator[dict[str, Visitor]]:
    with signed_in(trial) as found:
        yield found


@contextlib.contextmanager
def signed_in(trial: hub.Trial) -> Iterator[dict[str, Visitor]]:
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
    assert lead.call("GET", "formgrader/").headers[POLICY] == "frame-ancestors 'self'"
    assert ada.call("GET", "lab").headers[POLICY] == "frame-ancestors 'none'"
    off = ada.lab_settings()["disabledExtensions"]
    assert "@jupyter/nbgrader:formgrader" in off
    assert "@jupyter/nbgrader:assignment-list" not in off
    assert "@jupyter/nbgrader" not in off


# --- the command ------------------------------------------------------------------------------


def test_the_command_says_how_to_sign_in_and_leaves_nothing() -> None:
    _needs_node()
    port = hub.free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "coursekit.cli", "hub", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:  # fmt: skip
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C ends" in line:
                break
        assert f"http://127.0.0.1:{port}" in said
        people = dict(re.findall(r"^  (\w+) +([0-9a-f]{12}) ", said, re.M))
        assert set(people) == set(hub.TRIAL.people)
        assert len(set(people.values())) == len(people)
        folder = Path(re.findall(r"It is all in (\S+);", said)[0])
        assert folder.is_dir()
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=90)
    assert process.returncode == 0, rest
    assert "its folder deleted" in rest
    assert not folder.exists()
    assert not processes_of(folder)


def test_a_port_that_is_taken_has_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert cli.main(["hub", "--port", str(other.getsockname()[1])]) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_a_hub_that_was_killed_leaves_nothing() -> None:
    """Its proxy lives in a session of its own, and does not notice."""
    _needs_node()
    with hub.Trial(hub.free_port()) as trial:
        working = processes_of(trial.folder)
        parent = next(one for one in working if "jupyterhub_config.py" in " ".join(one.cmdline()))
        assert any("configurable-http-proxy" in " ".join(one.cmdline()) for one in working)
        parent.kill()
        trial.wait()
    assert not trial.folder.exists()
    eventually(lambda: not processes_of(trial.folder), 10, "the proxy ends too")


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

    with ada.kernel(FETCHED) as kernel:
        shown = kernel.run(
            "import os\nfrom coursekit import check, start\nstart('1.1', exercises=True)\n"
            "print(os.environ['COURSEKIT_WORKSPACE'], os.environ['COURSEKIT_STATE'])"
        )
        workspace = trial.folder / "home" / "ada" / "box-office" / "workspace"
        assert f"{workspace} {trial.folder / 's' / 'ada'}" in shown
        answers = [cell for cell in ada.notebook(FETCHED)["cells"] if cell["cell_type"] == "code"]
        shown = "".join(kernel.run(cell["source"]) for cell in answers)
    told = re.findall(r"(\d+) of (\d+) points", shown)
    own_score = sum(int(earned) for earned, _ in told)

    lead.formgrader(f"assignment/{CHAPTER}/collect")
    for learner in (ada, grace):
        lead.formgrader(f"submission/{CHAPTER}/{learner.name}/autograde")
    rows = {row["student"]: row for row in lead.formgrader(f"submissions/{CHAPTER}", "GET")}
    points = sum(
        cell["metadata"].get("nbgrader", {}).get("points", 0)
        for cell in ada.notebook(FETCHED)["cells"]
    )
    assert rows["ada"]["score"] == points == own_score
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


# --- real accounts ----------------------------------------------------------------------------

FIRST_UID = 61001
NAMESPACE = """
set -e
mount --bind {0}/passwd /etc/passwd
mount --bind {0}/group /etc/group
{1}
exec "$@"
"""


@pytest.fixture
def accounts() -> Iterator[list[str]]:
    """Words that run a program where the trial's people have accounts, on this machine unseen.

    A mount namespace lays other files over /etc/passwd and /etc/group, and makes the way to the
    interpreter passable for all.
    """
    _needs_node()
    words = ["unshare", "--mount", "--propagation", "private"]
    if os.geteuid() != 0 or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("accounts of their own need root and mount namespaces")
    if _closed(ROOT):
        pytest.skip(f"other users cannot pass through {_closed(ROOT)}")
    folder = Path(tempfile.mkdtemp(prefix="bxreal-"))
    folder.chmod(0o711)
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    for number, name in enumerate(hub.TRIAL.people, FIRST_UID):
        home = folder / name
        home.mkdir(mode=0o700)
        os.chown(home, number, number)
        passwd += f"{name}:x:{number}:{number}::{home}:/bin/sh\n"
        group += f"{name}:x:{number}:\n"
    (folder / "passwd").write_text(passwd)
    (folder / "group").write_text(group)
    try:
        script = NAMESPACE.format(folder, _way_to(Path(sys.base_prefix), folder / "cover"))
        yield [*words, "sh", "-c", script, "sh"]
    finally:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.uids().real in range(FIRST_UID, FIRST_UID + len(hub.TRIAL.people)):
                    process.kill()
        for number in range(FIRST_UID, FIRST_UID + len(hub.TRIAL.people)):
            for state in Path(tempfile.gettempdir()).glob(f"boxoffice-{number}-*"):
                shutil.rmtree(state, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _closed(path: Path) -> Path | None:
    """The first folder on the way that other users cannot pass through."""
    ways = [*reversed(path.resolve().parents), path.resolve()]
    return next((way for way in ways if not way.stat().st_mode & 0o001), None)


def _way_to(path: Path, cover: Path) -> str:
    """Shell lines that lay a passable folder over the closed one, with `path` in its place."""
    closed = _closed(path)
    if closed is None:
        return ""
    place = cover / path.resolve().relative_to(closed)
    place.mkdir(parents=True)
    return f"mount --bind {path.resolve()} {place}\nmount --rbind {cover} {closed}"


def test_with_accounts_of_their_own_nobody_hands_in_for_another(accounts: list[str]) -> None:
    settings = hub.TRIAL.model_copy(update={"accounts": "existing"})
    with (
        hub.Trial(hub.free_port(), settings, within=accounts) as trial,
        signed_in(trial) as people,
    ):
        lead, ada, grace = people["lead"], people["ada"], people["grace"]
        lead.formgrader(f"assignment/{CHAPTER}/assign")
        lead.formgrader(f"assignment/{CHAPTER}/release")
        for learner in (ada, grace):
            learner.assignments("fetch", CHAPTER)
        ada.save(FETCHED, solved(ada.notebook(FETCHED)))
        ada.assignments("submit", CHAPTER)
        with grace.kernel(FETCHED) as kernel:
            shown = kernel.run(
                "import os, pathlib, subprocess\n"
                "os.chdir(pathlib.Path.home() / 'box-office/exercises')\n"
                f"words = ['nbgrader', 'submit', '{CHAPTER}', '--student=ada']\n"
                "subprocess.run(words, check=True)\n"
                "print(os.getuid())\n"
                "import pwd\n"
                f"inbound = '{trial.folder}/exchange/box-office/inbound'\n"
                "for place in (pwd.getpwnam('ada').pw_dir, pwd.getpwnam('lead').pw_dir, inbound):\n"
                "    try: print('open', os.listdir(place))\n"
                "    except PermissionError: print('closed')\n"
            )
        assert str(FIRST_UID + settings.people.index("grace")) in shown
        assert shown.count("closed") == 3
        log = lead.formgrader(f"assignment/{CHAPTER}/collect")["log"]
        assert "belongs to grace" in log
        lead.formgrader(f"submission/{CHAPTER}/ada/autograde")
        rows = lead.formgrader(f"submissions/{CHAPTER}", "GET")
        assert [(row["student"], row["score"] > 0) for row in rows] == [("ada", True)]


# --- without a folder that all share ----------------------------------------------------------

SET_UP = """
import pathlib, subprocess, sys
folder = pathlib.Path.home() / "box-office/course"
(folder / "learners.csv").write_text(
    "student_id,first_name,last_name,email\\nada,Ada,Lovelace,\\ngrace,Grace,Hopper,\\n"
)
for words in ("create_course box-office lead", "add_students box-office learners.csv"):
    command = [sys.executable, "{client}/bin/ngshare-course-management", *words.split()]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
"""


def test_the_way_through_ngshare() -> None:
    """NGSHARE_PYTHON is a Python with ngshare, NGSHARE_CLIENT a folder with ngshare-exchange.

    The latter's old pin of jupyter-core fits no environment of ours, so it is in no lock.
    """
    client = os.environ.get("NGSHARE_CLIENT")
    if not client or not os.environ.get("NGSHARE_PYTHON"):
        pytest.skip("NGSHARE_PYTHON and NGSHARE_CLIENT name no ngshare: see book/cohorts")
    _needs_node()
    config = ROOT / "tests" / "ngshare_hub.py"
    with hub.Trial(hub.free_port(), config=config) as trial, signed_in(trial) as people:
        lead, ada, grace = people["lead"], people["ada"], people["grace"]
        with lead.kernel("set-up.ipynb") as kernel:
            kernel.run(SET_UP.format(client=client))
        lead.formgrader(f"assignment/{CHAPTER}/assign")
        lead.formgrader(f"assignment/{CHAPTER}/release")
        for learner in (ada, grace):
            learner.assignments("fetch", CHAPTER)
        ada.save(FETCHED, solved(ada.notebook(FETCHED)))
        for learner in (ada, grace):
            learner.assignments("submit", CHAPTER)
        lead.formgrader(f"assignment/{CHAPTER}/collect")
        for learner in (ada, grace):
            lead.formgrader(f"submission/{CHAPTER}/{learner.name}/autograde")
        rows = lead.formgrader(f"submissions/{CHAPTER}", "GET")
        assert {row["student"]: row["score"] > 0 for row in rows} == {"ada": True, "grace": False}
        lead.formgrader(f"assignment/{CHAPTER}/generate_feedback")
        lead.formgrader(f"assignment/{CHAPTER}/release_feedback")
        listed = ada.assignments("fetch_feedback", CHAPTER)
        handed_in = next(one for one in listed if one["status"] == "submitted")
        assert handed_in["submissions"][-1]["has_local_feedback"]
