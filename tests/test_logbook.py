"""What a learner has done is kept, whoever writes at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from coursekit import logbook
from coursekit.errors import WorkspaceProblem


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from coursekit import logbook\n"
        "for n in range(60):\n"
        "    logbook.record_check(Path(sys.argv[1]), '1.1', f'{sys.argv[2]} {n}', True)\n"
        "    logbook.next_hint(Path(sys.argv[1]), 'x', 1000)\n"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name]) for name in ("a", "b")
    ]
    assert [process.wait(60) for process in both] == [0, 0]
    progress, note = logbook.load(tmp_path)
    assert note == ""
    assert len(progress.checks["1.1"]) == 120
    assert progress.hints["x"] == 120


def test_a_check_that_failed_later_stays_passed(tmp_path: Path) -> None:
    for passed in (False, True, True, False):
        logbook.record_check(tmp_path, "1.1", "it works", passed)
    assert logbook.load(tmp_path)[0].checks == {"1.1": ["it works"]}


def test_the_best_score_is_kept(tmp_path: Path) -> None:
    for earned in (1.0, 3.0, 2.0):
        logbook.record_exercise(tmp_path, "ch01.x", earned, 4)
    progress, _ = logbook.load(tmp_path)
    assert progress.exercises == {"ch01.x": {"earned": 3.0, "points": 4.0}}
    assert not progress.passed("ch01.x")
    logbook.record_exercise(tmp_path, "ch01.x", 4, 4)
    assert logbook.load(tmp_path)[0].passed("ch01.x")


def test_hints_stop_at_the_last_rung(tmp_path: Path) -> None:
    assert [logbook.next_hint(tmp_path, "x", 3) for _ in range(5)] == [1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    "text",
    [
        '{"checks": 1}', '{"checks": {"1.1": 3}}', '{"exercises": {"a": 1}}',
        '{"exercises": {"a": {"earned": "x", "points": 1}}}', '{"hints": {"a": 1e999}}',
        '{"hints": {"a": null}}', "nonsense",
    ],
)  # fmt: skip
def test_a_damaged_file_is_kept_and_said(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        (tmp_path / "progress.json").write_text(text)
        logbook.record_check(tmp_path, "1.1", "it works", True)
        assert "set aside as progress.broken-" in capsys.readouterr().out
        assert json.loads((tmp_path / "progress.json").read_text())["checks"] == {
            "1.1": ["it works"]
        }
    assert {path.read_text() for path in tmp_path.glob("progress.broken-*")} == {text}


def test_a_folder_that_cannot_be_written_is_said() -> None:
    with pytest.raises(WorkspaceProblem, match="cannot be kept in /proc/nowhere"):
        logbook.record_check(Path("/proc/nowhere"), "1.1", "it works", True)


def test_the_map_names_states_and_the_next_step(course_folder: Path, tmp_path: Path) -> None:
    logbook.record_check(tmp_path, "0", "it counts", True)
    logbook.record_check(tmp_path, "1.1", "a show is found", True)
    logbook.record_check(tmp_path, "1.1", "a title of long ago", True)
    shown = logbook.show_map(*logbook.load(tmp_path))
    rows = shown.text.splitlines()
    assert rows[0].split() == ["✓", "done", "0", "Welcome", "1", "of", "1", "checks"]
    assert rows[1].startswith("◐ begun  1.1  List shows")
    assert rows[1].endswith("1 of 1 checks · 0 of 1 exercises")
    assert rows[2].startswith("○ open   1.2")
    assert rows[-1] == "Next: notebooks/ch01_api/01_list_shows.ipynb"
    for words in ("✓ done", "◐ begun", "○ open", "· later", "List shows", rows[-1]):
        assert words in shown.html
    logbook.record_exercise(tmp_path, "ch90.loud", 1, 1)
    logbook.record_check(tmp_path, "1.2", "it is loud", True)
    assert "Everything that is here is done" in logbook.show_map(*logbook.load(tmp_path)).text
