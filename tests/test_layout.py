"""The repository: what is public, what lies where, and what must not stand in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

import coursekit
from coursekit import course

TOP = {
    "book", "notebooks", "exercises", "solutions", "tests", "coursekit", "_config.yml", "_toc.yml",
    "requirements.txt", "pyproject.toml", "Makefile", "README.md", "CONTRIBUTING.md", "LICENSE",
    ".gitignore", ".ci", ".github", "binder", ".devcontainer", "deploy", "nbgrader_config.py",
}  # fmt: skip
# What only the machine of an author knows: home folders, work folders, mirrors of registries.
PRIVATE = re.compile(
    r"/root/|/home/(?!user\b|you\b|learner\b)\w+/|/Users/\w+/|/work/(?:main|shared)|/tmp/team"
    r"|artifactory|nexus\.|pypi\.(?!org\b)\w+\.\w+|index-url\s*=|registry\.(?!npmjs\.org)\w+\.\w+"
)


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip("not a git checkout, so there are no tracked files to look at")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).exists()]


def test_the_public_names() -> None:
    assert coursekit.__all__ == [
        "check", "client", "diagram", "hint", "play", "progress", "race", "run", "sql", "start",
    ]  # fmt: skip
    for name in coursekit.__all__:
        assert callable(getattr(coursekit, name))
        assert getattr(coursekit, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'begin'"):
        coursekit.begin  # noqa: B018


def test_the_package_imports_without_a_notebook() -> None:
    code = (
        "import sys, coursekit, coursekit.warm, coursekit.services\n"
        "print(sorted({'IPython', 'ipywidgets', 'matplotlib'} & set(sys.modules)))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_top_level_holds_what_it_should() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= TOP


def test_nothing_of_an_authors_machine_is_tracked() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__) or path.suffix in {".png", ".woff2", ".ico"}:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in PRIVATE.finditer(text)]
    assert not found


def entries(node: object) -> list[str]:
    """Every `file:` of a table of contents, in reading order."""
    if isinstance(node, list):
        return [name for entry in node for name in entries(entry)]
    if isinstance(node, dict):
        here = [str(node["file"])] if "file" in node else []
        return here + [n for key, value in node.items() if key != "file" for n in entries(value)]
    return []


def test_the_lessons_stand_in_the_order_of_the_table_of_contents() -> None:
    files = entries(yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8")))
    lessons = [str(n.path.relative_to(ROOT).with_suffix("")) for n in course.lessons()]
    assert [name for name in files if name.startswith("notebooks/")] == lessons
    exercises = [name for name in files if name.startswith("exercises/")]
    stems = [name.removeprefix("exercises/") for name in exercises]
    assert stems == [n.removeprefix("notebooks/") for n in lessons if "ch" in n.split("/")[1][:2]]


def test_each_check_has_a_title_of_its_own() -> None:
    for lesson in course.lessons():
        assert len(set(lesson.checks)) == len(lesson.checks), lesson.id


def test_every_lesson_can_be_assembled() -> None:
    assert course.left_out("end") == ()


def test_the_lock_pins_everything() -> None:
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith(("#", "-e .")):
            assert re.match(r"^[a-z0-9_.\[\]-]+==[^ ]+( ; .+)?$", line), line
