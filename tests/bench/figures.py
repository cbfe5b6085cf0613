"""What all benches share: a row of the table, servers of their own, cold applications, load."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable


@dataclass(frozen=True)
class Figure:
    """One row of the table: medians of what was measured and of its baseline, and the goal."""

    name: str
    value: float
    baseline: float
    unit: str
    goal: str
    met: bool
    note: str = ""

    def row(self) -> str:
        sign = "✓" if self.met else "✗"
        ratio = self.value / self.baseline if self.baseline else float("nan")
        return (
            f"{sign} {self.name:<12} {self.value:>9.3f} {self.baseline:>10.3f} {ratio:>7.2f}  "
            f"{self.unit:<5} {self.goal}  {self.note}"
        )


@contextlib.contextmanager
def state(**more: str) -> Iterator[dict[str, str]]:
    """An environment with servers and a workspace of its own, stopped and deleted afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="boxoffice-bench-"))
    folder.chmod(0o711)
    variables = {
        **os.environ, "COURSEKIT_STATE": str(folder / "state"),
        "COURSEKIT_WORKSPACE": str(folder / "workspace"), **more,
    }  # fmt: skip
    try:
        yield variables
    finally:
        subprocess.run([PYTHON, "-m", "coursekit.cli", "stop"], env=variables, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def last_line(code: str, variables: Mapping[str, str]) -> str:
    """Run code in a fresh process; the last line that it prints."""
    done = subprocess.run(
        [PYTHON, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(url: str, seconds: float = 120) -> None:
    """Wait until a URL answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.005)
    raise TimeoutError(url)


@contextlib.contextmanager
def uvicorn(app: str, folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[int]:
    """A cold uvicorn with one worker, serving what a factory makes; its port."""
    port = free_port()
    process = subprocess.Popen(
        [PYTHON, "-m", "uvicorn", app, "--factory", "--port", str(port),
         "--log-level", "critical", "--no-access-log"],
        cwd=folder, env=variables,
    )  # fmt: skip
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def assembled(lesson: str, folder: Path) -> Path:
    """Box Office as of the start of a lesson, or "end", in a folder."""
    subprocess.run(
        [PYTHON, "-m", "coursekit.cli", "assemble", lesson, str(folder)],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


@dataclass(frozen=True)
class Load:
    """What a load of requests came to: requests a second, milliseconds, answers by status."""

    rate: float
    p50: float
    p95: float
    p99: float
    statuses: dict[str, int]

    def times(self) -> str:
        return f"p50/95/99 {self.p50:.0f}/{self.p95:.0f}/{self.p99:.0f} ms"


def load(port: int, callers: int, plan: Sequence[tuple[str, str, object]]) -> Load:
    """Send the plan from a process of its own; raises RuntimeError on an answer of 500 and up."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan, file)
        file.flush()
        done = subprocess.run(
            [PYTHON, str(Path(__file__).parent / "load.py"), str(port), str(callers), file.name],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = Load(**json.loads(done.stdout))
    if any(status >= "500" for status in found.statuses):
        raise RuntimeError(f"the server failed: {found.statuses}")
    return found
