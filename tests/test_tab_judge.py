"""The judge in one interpreter, as in a tab: right, wrong and hostile answers, and what stays."""

from __future__ import annotations

import re
from pathlib import Path

import democourse
import pytest
import test_judge
from inside import Inside
from test_judge import LOOP, grade, page

from coursekit import judge, places, runtime
from coursekit.tab import sandbox
from coursekit.verdict import Outcome

pytestmark = pytest.mark.usefixtures("presence")

demo = test_judge.demo


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    side = Inside()
    monkeypatch.setattr(runtime, "current", lambda: side)
    monkeypatch.setattr(sandbox, "SLOWNESS", 1)


# What holds with processes holds here.
test_wrong_answer = test_judge.test_wrong_answer_keeps_the_points_of_what_holds
test_begun = test_judge.test_begun_above_the_stub_is_an_attempt
test_after_the_stub = test_judge.test_code_after_the_stub_counts
test_untouched = test_judge.test_untouched_is_not_attempted
test_syntax_error = test_judge.test_syntax_error_marks_the_line
test_error_at_import = test_judge.test_error_at_import_is_told_with_the_own_line
test_error_in_endpoint = test_judge.test_error_in_an_endpoint_is_told_with_the_own_line
test_never_awaited = test_judge.test_a_call_that_nobody_awaited_is_told_with_its_line
test_another_shape = test_judge.test_answer_of_another_shape_is_not_our_fault
test_fault_of_a_check = test_judge.test_fault_of_a_check_is_never_the_learners
test_sabotaged = test_judge.test_sabotaged_item_counts_as_held
test_tools = test_judge.test_tools_errors_snippets_and_restarts
test_beside_a_loop = test_judge.test_what_holds_beside_a_loop_keeps_its_points
test_endless_answer = test_judge.test_endless_answer_is_cut
test_start_up = test_judge.test_start_up_that_fails


HOSTILE = {
    "loops": ("quick", LOOP, r"did not answer within \d seconds?\. Is there a loop that never"),
    "sleeps": ("quick", "import time\ntime.sleep(1000)", "did not answer within"),
    "catches all": (
        "quick", "while True:\n  try:\n    while 1: pass\n  except Exception: pass", "not answer",
    ),
    "leaves by os._exit": ("pages", "import os\nos._exit(3)", r"ended itself \(exit code 3\)"),
    "leaves by sys.exit": ("pages", "import sys\nsys.exit(4)", r"ended itself \(exit code 4\)"),
    "prints without end": ("pages", "while True:\n    print('x' * 999)", "printed more than 1 MB"),
    "has no memory left": ("pages", "raise MemoryError", "of memory"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_ended_with_a_sentence(demo: Path, name: str) -> None:
    exercise, body, sentence = HOSTILE[name]
    verdict = grade(exercise, page(body))
    assert verdict.outcome is Outcome.COULD_NOT_FINISH, verdict.text()
    assert re.search(sentence, verdict.message), verdict.text()
    assert verdict.message.startswith("could not finish: your code ")
    assert list((places.state() / "sandboxes").iterdir()) == []


@pytest.mark.parametrize("body", [LOOP, "import sys\nsys.exit(5)", "import os\nos._exit(6)"])
def test_hostile_import(demo: Path, body: str) -> None:
    verdict = grade("whole_file", body + "\n", target="services/shows.py")
    assert verdict.outcome is Outcome.COULD_NOT_FINISH, verdict.text()


def test_recursion_without_end_is_the_learners_error(demo: Path) -> None:
    verdict = grade("pages", page("return page(limit)"))
    assert verdict.outcome is Outcome.NOT_YET
    assert "RecursionError" in verdict.text()


def test_items_share_nothing(demo: Path) -> None:
    for imports, body, _ in (test_judge.FORKS[n] for n in ("state of a module", "the environment")):
        code = imports + "TITLES = ['Hamlet', 'Macbeth', 'Othello']\n" + test_judge.STATE + body
        verdict = grade("whole_file", code, target="services/shows.py")
        assert verdict.passed, verdict.text()
    imports, body, _ = test_judge.FORKS["a file beside the code"]
    code = imports + "TITLES = ['Hamlet', 'Macbeth', 'Othello']\n" + test_judge.STATE + body
    assert grade("whole_file", code, target="services/shows.py").items[1].passed


def test_what_needs_a_computer_is_said_and_costs_nothing(demo: Path) -> None:
    verdict = grade("sync", democourse.RIGHT)
    assert verdict.outcome is Outcome.PASSED
    assert (verdict.earned, verdict.points) == (0, 0)
    assert "Looked at on a computer only: 8 callers at the same moment" in verdict.text()


def test_databases_are_the_items_own(demo: Path, tmp_path: Path) -> None:
    base = democourse.write_seats(tmp_path)
    answers = {democourse.HOLD_TARGET: democourse.HOLD}
    verdict = judge.judge("ch90.sold_once", answers, base=base)
    assert verdict.outcome is Outcome.PASSED, verdict.text()
    assert [item.ran for item in verdict.items] == [True, False, True]
    verdict = judge.judge("ch90.bare_database", answers, base=base)
    assert verdict.passed, verdict.text()
    verdict = judge.judge("ch90.no_database", answers, base=base)
    assert verdict.passed, verdict.text()
    tables = {democourse.TABLES_TARGET: "TABLES = 'create table ('\n"}
    verdict = judge.judge("ch90.tables", tables, base=base)
    assert verdict.outcome is Outcome.NOT_YET
    assert "your tables can be made" in verdict.text()
