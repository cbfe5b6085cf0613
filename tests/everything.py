"""`make test`: every step in turn, what each took, and one line a step at the end.

`everything.py check` runs only the linters and the types, `everything.py backend` what concerns
the finished Box Office.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from coursekit import services

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build"
PYTHON = sys.executable
PARALLEL = ["-n", "2", "--dist", "loadscope", "-q"]


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


def check_backend() -> bool:
    """Lint, format and types of the finished Box Office, assembled from the lessons."""
    folder = fresh("backend")
    return tool("coursekit.cli", "assemble", "end", str(folder)) and all(
        [
            tool("ruff", "check", "--no-cache", "boxoffice", cwd=folder),
            tool("ruff", "format", "--no-cache", "--check", "boxoffice", cwd=folder),
            tool("mypy", "--strict", "-p", "boxoffice", cwd=folder, MYPYPATH=str(folder)),
        ]
    )


def test_backend() -> bool:
    """The finished Box Office passes its own tests, which cover more than 90 % of it."""
    services.ensure()
    name = f"boxoffice_tests_{os.getpid()}"
    try:
        return tool(
            "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir=.",
            "--cov=boxoffice", "--cov-report=term:skip-covered", "--cov-fail-under=90", "boxoffice",
            cwd=BUILD / "backend", DATABASE_URL=services.copy("template0", name),
            REDIS_URL=services.redis_url(255),
        )  # fmt: skip
    finally:
        services.drop(name)


def test_engine() -> bool:
    """The helper package, the checks and their banks."""
    return tool("pytest", *PARALLEL, "tests", "--ignore=tests/site")


def test_lessons() -> bool:
    """Every lesson and solution gives the stored output again, each in its own workspace."""
    folder = fresh("lessons")
    return tool(
        "pytest", *PARALLEL, "--nbval", "--nbval-sanitize-with", "tests/nbval.cfg",
        "notebooks", "solutions", COURSEKIT_ISOLATE=str(folder),
    )  # fmt: skip


def build_book() -> bool:
    print("$ book/build.py", flush=True)
    return subprocess.run([PYTHON, "book/build.py"], cwd=ROOT, check=False).returncode == 0


def test_site() -> bool:
    """Every page of the built site, in a real browser."""
    return tool("pytest", "-q", "tests/site")


CHECKS = (check_package, check_backend)
STEPS = (*CHECKS, test_backend, test_engine, test_lessons, build_book, test_site)


PARTS = {"check": CHECKS, "backend": (check_backend, test_backend)}


def main(part: str) -> int:
    rows = []
    for step in PARTS.get(part, STEPS):
        name = step.__name__.replace("_", " ")
        print(f"\n── {name} " + "─" * (70 - len(name)), flush=True)
        begun = time.monotonic()
        good = step()
        rows.append((good, name, time.monotonic() - begun))
    print("\n── all steps " + "─" * 61)
    for good, name, seconds in rows:
        print(f"{'✓ passed' if good else '✗ FAILED'}  {name:<16} {seconds:6.1f} s")
    failed = sum(not good for good, _, _ in rows)
    print(f"{len(rows) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main("".join(sys.argv[1:])))
