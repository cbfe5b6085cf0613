"""Official grading of a cohort's submissions of chapters 1 and 2, by `nbgrader autograde`."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil
from figures import PYTHON, ROOT, Figure, last_line, state

from coursekit import checks, course, judge, places, quarters

CHAPTERS = ("ch01_api", "ch02_database")
SUBMISSIONS = 50
"""Notebooks: most solved, some with a wrong answer, the others of a learner who only began."""
SAMPLE_SECONDS = 1.0
GIGABYTE = 1 << 30

ONE_BY_ONE = """
import json, sys, time
from pathlib import Path
from coursekit import course, judge, grade
begun, count = time.perf_counter(), 0
for path in map(Path, {paths!r}):
    bodies = grade.bodies_in(course.read_cells(path))
    for name in course.exercise_names(path):
        found = judge.judge(name, {{target: found[-1] for target, found in bodies.items()}})
        count += found.outcome != "not attempted"
print(count / (time.perf_counter() - begun))
"""


def bench_grading(_: int) -> list[Figure]:
    """Checks a second and memory; beside the rate, the judge asked one by one, without nbgrader."""
    seconds = {}
    with tempfile.TemporaryDirectory(prefix="boxoffice-bench-") as name, state() as apart:
        variables = {k: v for k, v in apart.items() if k != quarters.STATE}
        for count in (SUBMISSIONS // 2, SUBMISSIONS):
            root = Path(name) / str(count)
            looked = hand_in(root, count)
            peak, seconds[count] = grade(root, variables)
            rate = looked / seconds[count]
        paths = sorted(map(str, root.glob("cohort/submitted/*/*/*.ipynb")))[:8]
        alone = float(last_line(ONE_BY_ONE.format(paths=paths), apart))
    half, whole = seconds[SUBMISSIONS // 2], seconds[SUBMISSIONS]
    note = f"{SUBMISSIONS} submissions, {looked} answers in {whole:.0f} s"
    return [
        Figure("grading", rate, alone, "1/s", "≥ 4 /s", rate >= 4, note),
        Figure("grading-ram", peak / GIGABYTE, 1.5, "GB", "≤ 1.5 GB", peak <= 1.5 * GIGABYTE,
               "all processes together, shared pages once"),
        Figure("grading-2x", whole, half, "s", "≤ 2.2 ×", whole <= 2.2 * half,
               f"{SUBMISSIONS} beside {SUBMISSIONS // 2}"),
    ]  # fmt: skip


def hand_in(root: Path, count: int) -> int:
    """A course folder with so many submitted notebooks; how many answers they hold."""
    root.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", root)
    for kind in ("solutions", "exercises"):
        for chapter in CHAPTERS:
            shutil.copytree(ROOT / kind / chapter, root / kind / chapter)
    rolls = random.Random(1)
    notebooks = sorted((root / "solutions").glob("*/*.ipynb"))
    looked = 0
    for number in range(count):
        path = notebooks[number % len(notebooks)]
        names = course.exercise_names(path)
        told = json.loads(path.read_text(encoding="utf-8"))
        chance = rolls.random()
        if chance < 0.2:
            told = json.loads((root / "exercises" / path.parent.name / path.name).read_text())
        elif chance < 0.6:
            spoil(told, rolls.choice(names), rolls)
        looked += 0 if chance < 0.2 else len(names)
        goal = root / "cohort/submitted" / f"learner{number:03}" / path.parent.name
        goal.mkdir(parents=True)
        (goal / path.name).write_text(json.dumps(told), encoding="utf-8")
    return looked


def spoil(notebook: dict[str, list[dict[str, object]]], id: str, rolls: random.Random) -> None:
    """Put a wrong answer of the bank in the place of the right one."""
    exercise = checks.find(id)
    chapter = course.find(exercise.lesson).chapter
    wrong = sorted((ROOT / "tests/bank" / chapter / exercise.name).glob("wrong_*.py"))
    answers = judge.read_entry(rolls.choice(wrong)).answers
    for cell in notebook["cells"]:
        first = course.source_of(cell).partition("\n")[0]
        target = first.removeprefix("%%build ")
        if first != target and target in answers:
            cell["source"] = f"%%build {target}\n{answers[target]}"


def grade(root: Path, variables: Mapping[str, str]) -> tuple[int, float]:
    """Have nbgrader grade all of it; the most memory that was used, and the seconds it took."""
    peak = 0
    over = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(SAMPLE_SECONDS):
            peak = max(peak, memory(quarters.PREFIX, str(root)) + in_memory())

    watcher = threading.Thread(target=watch)
    for chapter in CHAPTERS:
        nbgrader(root, variables, "generate_assignment", chapter, "--force")
    watcher.start()
    begun = time.perf_counter()
    try:
        for chapter in CHAPTERS:
            nbgrader(root, variables, "autograde", chapter)
    finally:
        seconds = time.perf_counter() - begun
        over.set()
        watcher.join()
    return peak, seconds


def nbgrader(root: Path, variables: Mapping[str, str], *words: str) -> None:
    subprocess.run(
        [PYTHON, "-m", "nbgrader", *words], cwd=root, env=dict(variables), check=True,
        capture_output=True,
    )  # fmt: skip


def in_memory() -> int:
    """Bytes of the files that grading has in memory, where it has them there."""
    used = 0
    for folder in places.MEMORY.glob(f"{quarters.PREFIX}*"):
        for path, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError):  # it may be gone by now
                    used += os.lstat(os.path.join(path, name)).st_blocks * 512
    return used


def memory(*marks: str) -> int:
    """Bytes of all processes that work with these folders: what they share counts once."""
    used = 0
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), process.cwd(), process.environ().get("COURSEKIT_STATE", "")]
            if any(mark in word for mark in marks for word in told):
                used += process.memory_full_info().pss
        except (psutil.Error, OSError):
            continue
    return used


BENCHES: dict[str, Callable[[int], Figure | list[Figure]]] = {"grading": bench_grading}
