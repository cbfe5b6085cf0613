"""The pages for a cohort's lead: what they tell you to type works, from nothing to three graded."""

from __future__ import annotations

import csv
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from coursekit import cli

PAGES = ROOT / "book" / "cohorts"
BLOCK = re.compile(r"^```(?:\{code-block\} )?(\w+)\n(.*?)^```", re.M | re.S)


def blocks(page: str, heading: str) -> list[tuple[str, str]]:
    """The language and the text of each block below a heading, up to the next one."""
    text = (PAGES / page).read_text(encoding="utf-8")
    below = re.split(rf"^#+ {re.escape(heading)}$", text, flags=re.M)[1]
    return BLOCK.findall(re.split(r"^#", below, maxsplit=1, flags=re.M)[0])


def commands() -> list[tuple[str, str]]:
    """Every line to type, by its page."""
    return [
        (page.name, line.partition("  #")[0].strip())
        for page in sorted(PAGES.glob("*.md"))
        for kind, text in BLOCK.findall(page.read_text(encoding="utf-8"))
        if kind in {"bash", "sh"}
        for line in text.splitlines()
    ]


@pytest.mark.parametrize(
    "line",
    sorted({line for _, line in commands() if re.search(r"(?<!from )\bcoursekit [a-z]", line)}),
)
def test_every_command_of_coursekit_exists(line: str) -> None:
    words = shlex.split(line.split(">")[0].split("|")[0])
    at = next(n for n, word in enumerate(words) if Path(word).name == "coursekit")
    cli.parser().parse_args(words[at + 1 :])


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {line.split()[1] for _, line in commands() if re.match(r"make [a-z]", line)}
    assert named
    assert named <= targets


def test_every_file_of_the_course_that_a_command_names_exists() -> None:
    folders = "book|coursekit|deploy|exercises|notebooks|solutions|tests"
    found = {
        path
        for _, line in commands()
        for path in re.findall(rf"(?<![\w/.-])(?:{folders})/[\w./-]+", line)
        if "running_time" not in path  # the exercise that a page adds and takes out again
    }
    assert found
    assert sorted(path for path in found if not (ROOT / path).exists()) == []


@pytest.mark.timeout(180)
def test_from_nothing_to_three_graded_by_the_page_alone(tmp_path: Path) -> None:
    """The rehearsal without a server, and then nbgrader's way with the same hand-ins."""
    page = "thirty_minutes.md"
    for name in ("solutions", "exercises"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def typed(text: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", text], cwd=tmp_path, env={**os.environ, "PATH": path},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    ((_, names),) = blocks(page, "Minute 5: name your people")
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "names.csv").write_text(names, encoding="utf-8")
    (_, rehearsal), (_, printed), (_, clear) = blocks(page, "Minute 8: try it on yourself")
    assert typed(rehearsal) == printed
    html = (tmp_path / "cohort/report/index.html").read_text(encoding="utf-8")
    assert re.search(r"Handed in nothing</h3>\s*<ul[^>]*>\s*<li>Linus Pauling</li>\s*</ul>", html)
    assert progress(tmp_path) == {"ada": "4", "grace": "0", "linus": "0"}

    typed(clear)
    typed("\n".join(rehearsal.splitlines()[:-1]))  # the same hand-ins, without a report
    ((_, marking),) = blocks(page, "If you want marks and feedback pages")
    typed(marking)
    shutil.copy(
        ROOT / "solutions/ch01_api/01_design_resources.ipynb", tmp_path / "cohort/hand-ins/grace"
    )
    typed(marking)  # the newest counts
    with (tmp_path / "cohort/grades.csv").open(encoding="utf-8") as file:
        marks = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert marks == {"ada": 20, "grace": 20, "linus": 0}
    assert (tmp_path / "cohort/feedback/ada/ch01_api/01_design_resources.html").is_file()
    typed("coursekit report")
    assert progress(tmp_path) == {"ada": "4", "grace": "4", "linus": "0"}


def progress(root: Path) -> dict[str, str]:
    """Exercises passed, by learner, as the report's table has them."""
    with (root / "cohort/report/learners.csv").open(encoding="utf-8-sig") as file:
        return {row["learner"]: row["exercises_passed"] for row in csv.DictReader(file)}
