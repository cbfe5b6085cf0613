"""The banks judged in one interpreter, as in a tab: the same verdicts, the same sentences.

One right answer of each exercise, as `tests/live` has the solution and a wrong one of each judged
in a real tab; with COURSEKIT_WHOLE_BANK=1 all of them.
"""

from __future__ import annotations

import os
import sys
from itertools import groupby
from pathlib import Path

import pytest
from inside import Inside
from test_checks_bank import BANK, KNOWN, answers_in, entry, missing

from coursekit import judge, runtime
from coursekit.verdict import Outcome, Verdict

pytestmark = pytest.mark.usefixtures("presence")

NAMES = {exercise.name: id for id, exercise in KNOWN.items()}


def entries() -> list[object]:
    """The files of all banks, or the first right one of each."""
    paths = sorted(BANK.glob("*/*/*_*.py"))
    if not os.environ.get("COURSEKIT_WHOLE_BANK"):
        right = [path for path in paths if path.name.startswith("right_")]
        paths = [next(files) for _, files in groupby(right, lambda path: path.parent)]
    return [pytest.param(path, id=f"{path.parent.name}/{path.stem}") for path in paths]


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Inside()
    monkeypatch.setattr(runtime, "current", lambda: side)


def belongings() -> list[object]:
    own = [name for name in sys.modules if name.partition(".")[0] == "boxoffice"]
    return [os.getcwd(), dict(os.environ), [*sys.path], sys.stdout, own]


@pytest.mark.parametrize("path", entries())
def test_entry_gets_its_verdict(path: Path) -> None:
    before = belongings()
    verdict = judge.judge(NAMES[path.parent.name], entry(path).answers)
    assert belongings() == before
    assert missing(path, verdict) == [], verdict.text()
    if path.name.startswith("right_"):
        assert verdict.outcome is Outcome.PASSED, verdict.text()
        assert _left_out(verdict) == [], verdict.text()
    else:
        assert verdict.outcome in {Outcome.NOT_YET, Outcome.COULD_NOT_FINISH}, verdict.text()


def _left_out(verdict: Verdict) -> list[str]:
    """The items that only a computer can look at."""
    return [item.title for item in verdict.items if not item.ran]


@pytest.mark.parametrize("id", list(KNOWN)[::8])
def test_starter_is_not_attempted(id: str) -> None:
    verdict = judge.judge(id, answers_in(KNOWN[id], "exercises"))
    assert verdict.outcome is Outcome.NOT_ATTEMPTED


def test_few_items_need_a_computer() -> None:
    items = [item for exercise in KNOWN.values() for item in exercise.items]
    apart = [item for item in items if item.sessions > 1]
    assert len(apart) <= 0.05 * len(items), [item.title for item in apart]
    for exercise in KNOWN.values():
        seen = sum(item.points for item in exercise.items if item.sessions == 1)
        assert seen >= 0.4 * exercise.points, exercise.id
