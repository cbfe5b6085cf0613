"""The report of a large cohort: 500 learners, 24 exercises, two hand-ins each."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from figures import PYTHON, ROOT, Figure

from coursekit import checks, course
from coursekit.verdict import ItemResult, Outcome, Verdict

LEARNERS, NOTEBOOKS, HAND_INS = 500, 6, 2
BEGUN = datetime(2026, 11, 2, 9, tzinfo=UTC)
SENTENCES = 12
"""Different sentences that an item can give."""


def bench_report(rounds: int) -> Figure:
    """`coursekit report` in a fresh process; beside it, reading the same files as JSON."""
    values, bases = [], []
    with tempfile.TemporaryDirectory(prefix="boxoffice-bench-") as name:
        home = Path(name)
        exercises = write_cohort(home)
        for _ in range(rounds):
            begun = time.perf_counter()
            subprocess.run(
                [PYTHON, "-m", "coursekit.cli", "report", "--cohort", name], check=True,
                capture_output=True, cwd=ROOT, env={**os.environ, "COURSEKIT_CHECKS": ""},
            )  # fmt: skip
            values.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for path in home.glob("verdicts/*/*/*/*.json"):
                json.loads(path.read_bytes())
            bases.append(time.perf_counter() - begun)
        size = (home / "report" / "index.html").stat().st_size
    value, base = statistics.median(values), statistics.median(bases)
    note = f"{LEARNERS} learners, {exercises} exercises; the page has {size / 1e6:.1f} MB"
    return Figure("report", value, base, "s", "≤ 10 s", value <= 10, note)


def write_cohort(home: Path) -> int:
    """Verdict files as grading leaves them; the number of exercises."""
    lessons = [lesson for lesson in course.lessons() if lesson.exercises][:NOTEBOOKS]
    rolls = random.Random(1)
    for number in range(LEARNERS):
        skill = rolls.uniform(0.3, 0.95)
        for week, lesson in enumerate(lessons):
            for time_ in range(HAND_INS):
                at = BEGUN + timedelta(days=2 * week + time_, minutes=number)
                found = [answer(id, skill, rolls).to_json() for id in lesson.exercises]
                data = {
                    "learner": f"learner{number:03}", "assignment": lesson.chapter,
                    "notebook": lesson.stem, "submitted": at.isoformat(),
                    "graded": at.isoformat(), "file": "", "problem": "", "exercises": found,
                }  # fmt: skip
                folder = home / "verdicts" / lesson.chapter / f"learner{number:03}"
                folder = folder / f"{at:%Y%m%dT%H%M%SZ}"
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{lesson.stem}.json").write_text(json.dumps(data), encoding="utf-8")
    return sum(len(lesson.exercises) for lesson in lessons)


def answer(id: str, skill: float, rolls: random.Random) -> Verdict:
    exercise = checks.find(id)
    items = []
    for item in exercise.items:
        if rolls.random() < skill:
            items.append(ItemResult(item.title, item.points, item.points))
        else:
            why = (
                f"Sentence {'abcdefghijkl'[rolls.randrange(SENTENCES)]} about `{id}`: {item.title}"
            )
            got = f"{rolls.randrange(500)} rows"
            items.append(
                ItemResult(item.title, item.points, 0, "one row", got, why, "lesson 1.2, step 3")
            )
    good = all(item.passed for item in items)
    outcome = Outcome.PASSED if good else Outcome.NOT_YET
    return Verdict(id, exercise.title, outcome, exercise.points, tuple(items))


BENCHES: dict[str, Callable[[int], Figure]] = {"report": bench_report}
