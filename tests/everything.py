"""`make test`: every step, what each took, and one line a step at the end.

What keeps one core busy runs side by side, two lanes at a time; what keeps both busy runs alone.
`everything.py check` runs only the linters and the types, `everything.py again` all lessons
backwards in one workspace, `everything.py STEP` one step, as in `everything.py test_backend`:
these two `.ci/run` does on other servers.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from coursekit import course, places, services

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
PYTHON = sys.executable
TOLD = ["-q", "--tb=short", "-rfEs"]  # a failure in few lines, its name again at the end, each skip
PARALLEL = ["-n", "2", "--dist", "loadscope", *TOLD]


def tool(*words: str, cwd: Path = ROOT, **variables: str) -> bool:
    """Run a Python tool; whether it ended well."""
    print(f"$ {' '.join(words)}", flush=True)
    done = subprocess.run(
        [PYTHON, "-m", *words], cwd=cwd, env={**os.environ, **variables}, check=False
    )
    return done.returncode == 0


def fresh(name: str) -> Path:
    """An empty folder below _build."""
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def check_package() -> bool:
    """Lint, format and types of the helper package, and lint of the tests and the site's code."""
    return all(
        [
            tool("ruff", "check", "."),
            tool("ruff", "format", "--check", "."),
            tool("mypy", "coursekit"),
        ]
    )


def assembled() -> Path | None:
    """A folder with the finished Box Office, from the lessons; None where they do not make one."""
    folder = fresh("backend")
    return folder if tool("coursekit.cli", "assemble", "end", str(folder)) else None


def check_backend() -> bool:
    """Lint, format and types of the finished Box Office."""
    folder = assembled()
    kept = ["--cache-dir", str(ROOT / ".mypy_cache")]  # the libraries are the package's, too
    return folder is not None and all(
        [
            tool("ruff", "check", "--no-cache", "boxoffice", cwd=folder),
            tool("ruff", "format", "--no-cache", "--check", "boxoffice", cwd=folder),
            tool("mypy", *kept, "--strict", "-p", "boxoffice", cwd=folder, MYPYPATH=str(folder)),
        ]
    )


def test_backend() -> bool:
    """The finished Box Office passes its own tests, which cover more than 90 % of it.

    On other servers than the course's own they only have to pass: counting takes half the time
    (less from Python 3.12 on, where it is the interpreter that counts).
    """
    folder = assembled()
    if folder is None:
        return False
    counted = ["--cov=boxoffice", "--cov-report=term:skip-covered", "--cov-fail-under=90"]
    services.ensure()
    name = f"boxoffice_tests_{os.getpid()}"
    try:
        return tool(
            "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.",
            *([] if "DATABASE_URL" in os.environ else counted), "boxoffice",
            cwd=folder, COVERAGE_CORE="sysmon" if sys.version_info >= (3, 12) else "ctrace",
            DATABASE_URL=services.copy("template0", name),
            REDIS_URL=services.redis_url(255),
        )  # fmt: skip
    finally:
        services.drop(name)


def test_engine() -> bool:
    """The helper package, the checks and their banks."""
    return tool(
        "pytest", *PARALLEL, "--no-loadscope-reorder", "tests",
        "--ignore=tests/site", "--ignore=tests/live",
    )  # fmt: skip


def test_lessons(chapter: str) -> bool:
    """A chapter's lessons in order in one workspace, then its solutions: each as stored."""
    lessons = [one.path for one in course.lessons() if one.chapter in (chapter, first_of(chapter))]
    notebooks = [str(path.relative_to(ROOT)) for path in lessons]
    return tool(
        "pytest", *TOLD, "--nbval", "--nbval-sanitize-with", "tests/nbval.cfg",
        *notebooks, f"solutions/{chapter}",
        COURSEKIT_WORKSPACE=str(fresh(f"lessons/{chapter}") / "mon café"), COURSEKIT_QUIET="1",
    )  # fmt: skip


def test_again(chapter: str) -> bool:
    """A chapter's lessons backwards in one workspace."""
    workspace = fresh(f"again/{chapter}") / "mon café"
    variables = {"COURSEKIT_WORKSPACE": str(workspace), "PYTHONPATH": str(ROOT / "tests")}
    return tool("again", chapter, **variables)


def first_of(chapter: str) -> str:
    """The welcome notebook belongs to no chapter, and comes before the first."""
    return "" if chapter == CHAPTERS[0] else chapter


def build_book() -> bool:
    print("$ book/build.py", flush=True)
    return subprocess.run([PYTHON, "book/build.py"], cwd=ROOT, check=False).returncode == 0


def test_site() -> bool:
    """Every page of the built site, in a real browser."""
    return tool("pytest", *TOLD, "tests/site")


def test_live() -> bool:
    """Every lesson and solution in a browser tab, from the built site, without a network."""
    return tool("pytest", *TOLD, "tests/live")


Step = Callable[[], bool]


def of(chapter: str, test: Callable[[str], bool]) -> Step:
    """The step that tests one chapter, with a name of its own."""

    def step() -> bool:
        return test(chapter)

    step.__name__ = f"{test.__name__}_{chapter}"
    return step


CHAPTERS = sorted({lesson.chapter for lesson in course.lessons()} - {""})
CHECKS: list[Step] = [check_package, check_backend]
LESSONS: list[Step] = [of(chapter, test_lessons) for chapter in CHAPTERS]
AGAIN: list[list[Step]] = [[of(chapter, test_again)] for chapter in CHAPTERS]
Lanes = list[list[Step]]
SIDE_BY_SIDE: Lanes = [  # the longest first
    [build_book, test_site], *([step] for step in reversed(LESSONS)), [test_backend], CHECKS,
]  # fmt: skip
PARTS: dict[str, list[Lanes]] = {
    "": [SIDE_BY_SIDE, [[test_engine]], [[test_live]]],
    "check": [[CHECKS]],
    "again": [AGAIN],
}
"""Lanes that run side by side, one group after the other."""

STEPS = list(
    dict.fromkeys(
        s for groups in PARTS.values() for lanes in groups for lane in lanes for s in lane
    )
)
AT_ONCE = 2


def name_of(step: Step) -> str:
    return step.__name__.replace("_", " ")


def run(step: Step, apart: bool) -> tuple[bool, str, float]:
    """Run a step; with others beside it, in a process whose output is printed when it ends."""
    name = name_of(step)
    title = f"\n── {name} " + "─" * (70 - len(name))
    begun = time.monotonic()
    if not apart:
        print(title, flush=True)
        return step(), name, time.monotonic() - begun
    print(f"… {name}", flush=True)
    command = [PYTHON, __file__, step.__name__]
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    words = done.stdout.decode("utf-8", "replace")
    print(f"{title}\n{words}", end="", flush=True)
    return done.returncode == 0, name, time.monotonic() - begun


def run_lane(lane: list[Step], apart: bool) -> list[tuple[bool, str, float]]:
    return [run(step, apart) for step in lane]


@contextlib.contextmanager
def servers() -> Iterator[None]:
    """Servers of this run's own, which a learner's lessons on this machine do not notice."""
    if "COURSEKIT_STATE" in os.environ:  # of a step that runs beside others
        yield
        return
    with tempfile.TemporaryDirectory(prefix="bx-", dir=places.passing()) as folder:
        Path(folder).chmod(0o711)
        os.environ["COURSEKIT_STATE"] = folder
        try:
            yield
        finally:
            tool("coursekit.cli", "stop")


def processor_seconds() -> float:
    """What all processors of this machine have worked since it started."""
    times = psutil.cpu_times()._asdict()
    return float(sum(times[name] for name in ("user", "nice", "system")))


def note_times(**seconds: float) -> None:
    """For `make bench`: how long all steps but the browser tab's took, and could have taken."""
    BUILD.mkdir(exist_ok=True)
    (BUILD / "tests.json").write_text(json.dumps(seconds))


def main(part: str) -> int:
    begun = time.monotonic()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of starts would compile everything
    one = [step for step in STEPS if step.__name__ == part]
    if one:
        return 0 if one[0]() else 1
    if part not in PARTS:
        print(f"no part {part!r}: {', '.join([*PARTS, *(step.__name__ for step in STEPS)])[2:]}")
        return 2
    rows = []
    worked = processor_seconds()
    for lanes in PARTS[part]:
        if lanes == [[test_live]]:
            least = (processor_seconds() - worked) / (os.cpu_count() or 1)
            note_times(least=least, without_live=time.monotonic() - begun)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for found in pool.map(run_lane, lanes, [len(lanes) > 1] * len(lanes)):
                rows += found
    print("\n── all steps " + "─" * 61)
    for good, name, seconds in rows:
        print(f"{'✓ passed' if good else '✗ FAILED'}  {name:<27} {seconds:6.1f} s")
    failed = sum(not good for good, _, _ in rows)
    print(f"in all {time.monotonic() - begun:.0f} s")
    print(f"{len(rows) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    with servers():
        code = main("".join(sys.argv[1:]))
    sys.exit(code)
