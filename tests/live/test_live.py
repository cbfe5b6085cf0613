"""The built site's notebooks, run in Chromium without a network: every lesson and every solution.

What a tab cannot do is tagged `computer` in its cell; all other cells must give there what they
give on a computer, as far as it is the same in each run: the same marks, no error.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from coursekit import checks, course, judge, places

ROOT = places.checkout()
SITE = ROOT / "_build" / "html"
BANK = ROOT / "tests" / "bank"
SECONDS = 12 * 60
ELSEWHERE = {**os.environ, "TZ": "Asia/Kathmandu"}
"""A reader whose clock is not in UTC: some wrong answers show in no other way."""
LESSONS = [lesson.path.relative_to(ROOT) for lesson in course.lessons()]
EXERCISES = [
    Path("exercises", *path.relative_to(ROOT / "solutions").parts)
    for path in sorted((ROOT / "solutions").rglob("*.ipynb"))
]
KNOWN = {exercise.name: exercise for exercise in checks.exercises().values()}
Cell = dict[str, Any]


def tags(cell: Cell) -> list[str]:
    found: list[str] = cell["metadata"].get("tags", [])
    return found


def code_cells(path: Path) -> list[Cell]:
    return [cell for cell in course.read_cells(ROOT / path) if cell["cell_type"] == "code"]


# --- which cells run -----------------------------------------------------------------------------


def test_most_cells_run_in_a_tab() -> None:
    cells = [cell for path in LESSONS if "00_welcome" not in path.stem for cell in code_cells(path)]
    live = [cell for cell in cells if "computer" not in tags(cell)]
    assert len(live) >= 0.85 * len(cells), f"{len(live)} of {len(cells)}"


def test_a_cell_for_a_computer_says_why_and_has_something_to_show() -> None:
    for path in [*LESSONS, *EXERCISES]:
        for cell in code_cells(path):
            if "computer" in tags(cell):
                reason = cell["metadata"]["coursekit"]["computer"]
                assert 3 <= len(reason.split()) <= 30, (path, reason)
                assert cell["outputs"] or "exercises" in path.parts, path


# --- what they give ------------------------------------------------------------------------------


ONLY_A_RACE_TELLS = {
    "wrong_ask_then_unguarded_update", "wrong_ask_then_write", "wrong_asks_then_silent",
}  # fmt: skip
"""Wrong answers whose fault shows where two sessions meet, which is looked at on a computer."""


def wrong_answer(name: str) -> tuple[Path, judge.Entry]:
    """The first wrong answer of a bank that a tab can tell."""
    bank = BANK / course.find(KNOWN[name].lesson).chapter / name
    path = min(p for p in bank.glob("wrong_*.py") if p.stem not in ONLY_A_RACE_TELLS)
    return path, judge.read_entry(path)


def plan() -> list[dict[str, Any]]:
    """Every lesson as it is; every exercise with the solution's cells, then a wrong answer each."""
    entries: list[dict[str, Any]] = [{"path": path.as_posix()} for path in LESSONS]
    for path in EXERCISES:
        given = course.read_cells(ROOT / path)
        solved = course.read_cells(ROOT / "solutions" / path.relative_to("exercises"))
        assert len(given) == len(solved)
        cells = [
            {"index": index, "source": course.source_of(solution)}
            for index, (cell, solution) in enumerate(zip(given, solved, strict=True))
            if cell["cell_type"] == "code" and course.source_of(cell) != course.source_of(solution)
        ]
        then = []
        for id in course.exercise_names(ROOT / path):
            _, entry = wrong_answer(id.partition(".")[2])
            builds = [f"%%build {target}\n{code}" for target, code in entry.answers.items()]
            then.append({"name": id, "code": [*builds, f'check("{id}")']})
        entries.append({"path": path.as_posix(), "cells": cells, "then": then})
    return sorted(entries, key=lambda entry: "ch02" not in entry["path"])  # the longest first


@pytest.fixture(scope="module")
def built() -> None:
    """The site is there, and what opens it."""
    missing = [tool for tool in ("node", "npm") if shutil.which(tool) is None]
    if missing or not chromium():
        reason = f"the lessons were not run in a browser: {missing or ['chromium']} missing"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    if not (SITE / "live" / "manifest.json").exists():
        subprocess.run([sys.executable, "book/build.py"], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def ran(built: None) -> dict[str, Any]:
    """What Chromium saw of all of them."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("proof.mjs")), str(SITE)],
        input=json.dumps(plan()), stdout=subprocess.PIPE, text=True, timeout=SECONDS, check=True,
        env=ELSEWHERE,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    kept = ROOT / "_build" / "live-proof.json"
    kept.write_text(done.stdout)
    return found


def printed(script: str) -> dict[str, Any]:
    """What a script of this folder saw of the built site."""
    done = subprocess.run(
        ["node", str(Path(__file__).with_name(script)), str(SITE)],
        stdout=subprocess.PIPE, text=True, timeout=5 * 60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def opened(built: None) -> dict[str, Any]:
    """What readers meet on the page that opens a lesson."""
    return printed("open.mjs")


@cache
def chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def entry_of(ran: dict[str, Any], path: Path) -> dict[str, Any]:
    entry: dict[str, Any] = next(e for e in ran["entries"] if e["path"] == path.as_posix())
    assert "failed" not in entry, entry["failed"]
    return entry


def said(outputs: list[dict[str, Any]]) -> str:
    """The outputs as plain text."""
    words = [one.get("text", one.get("data", {}).get("text/plain", "")) for one in outputs]
    return "\n".join("".join(word) for word in words)


def marks(outputs: list[dict[str, Any]]) -> list[str]:
    """The signs at the beginning of lines: what held and what did not."""
    return re.findall(r"^ *([✓✗·])", said(outputs), re.M)


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("path", LESSONS, ids=str)
def test_lesson(ran: dict[str, Any], path: Path) -> None:
    seen = {cell["index"]: cell for cell in entry_of(ran, path)["cells"]}
    wrong = []
    for index, cell in enumerate(course.read_cells(ROOT / path)):
        if cell["cell_type"] != "code":
            continue
        live = seen[index]
        if live["error"]:
            wrong.append(f"cell {index}: {live['error']}")
        elif "computer" in tags(cell):
            if "computer" not in said(live["outputs"]):
                wrong.append(f"cell {index} does not say that it needs a computer")
        elif "coursekit doctor" in live["source"]:  # it looks at other things there
            if "All is well." not in said(live["outputs"]):
                wrong.append(f"cell {index}: {said(live['outputs'])}")
        elif marks(live["outputs"]) != marks(cell["outputs"]):
            wrong.append(f"cell {index}: {said(live['outputs'])[:600]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("path", EXERCISES, ids=str)
def test_solutions_pass(ran: dict[str, Any], path: Path) -> None:
    entry = entry_of(ran, path)
    wrong = [f"cell {cell['index']}: {cell['error']}" for cell in entry["cells"] if cell["error"]]
    for cell in entry["cells"]:
        if found := re.search(r'^check\("(.+)"\)', cell["source"], re.M):
            words = said(cell["outputs"])
            if not words.startswith("✓ passed"):
                wrong.append(f"{found[1]}: {words[:800]}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.timeout(SECONDS + 60)
@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_wrong_answer_gets_its_sentence(ran: dict[str, Any], name: str) -> None:
    exercise = KNOWN[name]
    path = judge.notebook_of(exercise).relative_to(ROOT)
    words = entry_of(ran, path)["then"][exercise.id][-1]
    file, entry = wrong_answer(name)
    assert not words.startswith("✓"), words
    lost = [says for says in entry.says if judge.plain(says) not in judge.plain(words)]
    assert not lost, f"{file.name}: {words[:1200]}"


def test_nothing_came_from_elsewhere(ran: dict[str, Any]) -> None:
    assert ran["outside"] == []
    assert ran["missing"] == []
    assert ran["console"] == []
    assert len(ran["again"]) <= 1, "Chromium's worker loses a script now and then, not often"


# --- a reader ------------------------------------------------------------------------------------


@pytest.mark.timeout(360)
def test_a_readers_way_by_mouse(built: None) -> None:
    """Landing page, lesson page, button, a changed cell, a failed check, a reload: it is there."""
    seen = printed("path.mjs")
    assert "failed" not in seen, seen
    page, live = seen["addresses"]
    assert page.endswith("/box-office/notebooks/ch01_api/01_design_resources.html")
    assert "/box-office/live/open.html" in live
    assert "✗ deleting twice leaves what deleting once leaves" in seen["card"]
    assert "(204, 404)" in seen["card"]
    assert "(200, 404)" in seen["card"]
    assert "status_code=200" in seen["again"]


@pytest.mark.timeout(360)
@pytest.mark.parametrize("lack", ["no_jspi", "no_storage"])
def test_a_browser_that_cannot_is_told_before_the_download(
    opened: dict[str, Any], lack: str
) -> None:
    seen = opened[lack]
    assert seen["heading"] == "This browser cannot run the lesson"
    assert {"no_jspi": "JSPI", "no_storage": "keeps no files"}[lack] in seen["words"]
    assert "Chrome or Edge from version 137, Firefox from 153, and Safari from 27" in seen["words"]
    assert all("/live/open.html" in path or "/live/page/" in path for path in seen["fetched"])
    assert seen["links"][0].endswith("/notebooks/ch01_api/01_design_resources.html")


def test_loading_tells_megabytes_and_what_comes(opened: dict[str, Any]) -> None:
    told = opened["first"]["told"]
    total = round(opened["first"]["bytes"] / 1e6)
    megabytes = [re.findall(r"[\d.]+", bar) for bar, _ in told]
    assert len(told) > 1  # a few: this host is near
    assert {float(of) for _, of in megabytes} <= {total - 1, total, total + 1}
    assert [float(come) for come, _ in megabytes] == sorted(float(come) for come, _ in megabytes)
    assert "Python" in told[0][1]
    assert opened["first"]["status"] == "Ready"


def test_the_opening_page_can_be_used_by_everyone(opened: dict[str, Any]) -> None:
    pages = [opened[name]["faults"] for name in ("no_jspi", "no_storage", "first")]
    assert pages == [[], [], []]


def test_what_cannot_be_opened_says_so(opened: dict[str, Any]) -> None:
    assert opened["unknown"]["heading"] == "There is no such lesson"
    assert opened["cut"] == {"heading": "The lesson did not open", "button": "Try again"}


def test_a_second_visit_fetches_nothing_and_finds_the_edit(opened: dict[str, Any]) -> None:
    assert opened["again"] == {"source": "print('mine')", "bytes": 0, "requests": []}


def test_a_script_that_does_not_load_is_asked_for_again(opened: dict[str, Any]) -> None:
    assert "/build/notebooks/bundle.js" in opened["lost"]["again"]
    assert "The lesson did not open" in opened["lost"]["words"]
    assert "A part of the notebook did not load: bundle.js" in opened["lost"]["words"]
    assert "Try again" in opened["lost"]["words"]


def test_links_of_a_notebook_lead_to_lessons_in_the_tab(opened: dict[str, Any]) -> None:
    assert opened["work"]["to"].endswith("?path=notebooks%2Fch01_api%2F01_design_resources.ipynb")


def test_predictions_come_before_outputs(opened: dict[str, Any]) -> None:
    assert opened["work"]["printed"] == 0


def test_a_cell_without_an_end_is_left_by_a_restart(opened: dict[str, Any]) -> None:
    assert "A browser tab cannot stop a cell" in opened["work"]["offer"]


def test_a_release_is_offered_and_loses_no_edit(opened: dict[str, Any]) -> None:
    edited, untouched, kept = (opened["release"][number] for number in "123")
    assert "The course has a new release." in edited["offered"]
    assert "This lesson has a new version" in edited["asked"]
    assert edited["source"] == 'print("release 1")'
    assert any("(yours, " in name for name in edited["names"])
    assert (untouched["asked"], untouched["source"]) == ("", 'print("release 2")')
    assert "This lesson has a new version" in kept["asked"]
    assert kept["source"] == "print('mine again')"
