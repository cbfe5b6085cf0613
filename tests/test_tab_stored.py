"""Cells that a tab cannot run, and what is said where a tab has not what a race needs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import write_notebook
from inside import Inside
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from coursekit import caller, crowd, runtime, session
from coursekit.errors import CourseError
from coursekit.tab import crowd as tab_crowd
from coursekit.tab import stored

RACE = '%%check "one of fifty wins"\nassert race(50, buy).codes == {201: 1}  '
HTML = {"output_type": "display_data", "data": {"text/html": ["<b>", "won</b>"], stored.LIVE: {}}}
PRINTED = {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]}


@pytest.fixture
def shell(course_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A kernel in lesson 1.1 of the small course, where one cell needs a computer."""
    path = course_folder / "notebooks/ch01_api/01_list_shows.ipynb"
    notebook = json.loads(path.read_text())
    extra = json.loads(write_notebook(course_folder / "extra.ipynb", RACE).read_text())["cells"]
    extra[0]["metadata"] = {"tags": ["computer"], "coursekit": {"computer": "fifty need threads."}}
    extra[0]["outputs"] = [PRINTED, HTML]
    path.write_text(json.dumps({**notebook, "cells": notebook["cells"] + extra}))
    inside = Inside()
    monkeypatch.setattr(runtime, "current", lambda: inside)
    monkeypatch.setattr(session, "_session", None)
    monkeypatch.setattr(stored, "_read", {})
    before = dict(os.environ)
    session.start("1.1")
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance(colors="nocolor")
    stored.install()
    stored.install()
    yield made
    InteractiveShell.clear_instance()
    os.environ.clear()
    os.environ.update(before)


def test_such_a_cell_says_why_and_shows_what_is_stored(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        shell.run_cell(RACE.rstrip() + "\n").raise_error()
    assert "runs on a computer only: fifty need threads. Below is what" in shown.stdout + str(
        [output.data for output in shown.outputs]
    )
    assert shown.stdout.endswith("one\ntwo\n")
    assert shown.outputs[-1].data == {"text/html": "<b>won</b>"}


def test_a_variant_of_it_runs(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        shell.run_cell("print('mine')  # 50").raise_error()
    assert shown.stdout == "mine\n"


def test_it_is_the_lessons_own_cell_alone(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_session", None)
    assert stored._number(stored._plain(RACE)) is None


def test_threads_are_for_computers(shell: InteractiveShell) -> None:
    with pytest.raises(CourseError, match=r"2 callers at the same moment need threads.*make lab"):
        tab_crowd.race([lambda: 1, lambda: 2], False)


def test_tasks_race_as_long_as_no_database_is_there(shell: InteractiveShell) -> None:
    async def one() -> int:
        return 1

    async def fails() -> int:
        raise ValueError("no")

    now = session.current()
    now.environment = replace(now.environment, asleep=True)
    answers = tab_crowd.race([one, fails], True)
    assert answers[0] == 1
    assert isinstance(answers[1], ValueError)
    assert caller.race(2, one) == crowd.in_one_loop([one, one]) == [1, 1]
    now.environment = replace(now.environment, asleep=False)
    with pytest.raises(CourseError, match="a database session each"):
        tab_crowd.race([one], True)
