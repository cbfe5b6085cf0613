"""The benches of chapter 2: the finished backend on PostgreSQL, and its lessons."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import (
    PYTHON,
    ROOT,
    Figure,
    Load,
    answers,
    assembled,
    last_line,
    load,
    state,
    uvicorn,
)

PAGE = ("GET", "/v1/shows?limit=20", None)
PAGES = 3000
HOLDS = 1500
CALLERS = (16, 64, 128)
APPS = {"box": "boxoffice.app:create_app", "raw": "raw:create", "drf": "drf:create"}

READY = """
import sys
from coursekit import services
services.ensure()
print(services.database("bench"))
"""
SET_UP = "import os; from boxoffice.database import set_up; set_up(os.environ['DATABASE_URL'])"


@contextlib.contextmanager
def stage() -> Iterator[tuple[Path, dict[str, str]]]:
    """The finished backend and both baselines in a folder, on a database with the season."""
    with state() as variables, tempfile.TemporaryDirectory() as name:
        folder = assembled("end", Path(name))
        for baseline in ("raw.py", "drf.py"):
            shutil.copy(Path(__file__).parent / baseline, folder)
        variables["DATABASE_URL"] = last_line(READY, variables)
        subprocess.run([PYTHON, "-c", SET_UP], env=variables, cwd=folder, check=True)
        yield folder, variables


def seats_to_hold(url: str, wanted: int) -> list[tuple[str, str]]:
    """Make a venue with so many seats, and a performance there; (performance, seat) pairs."""
    import psycopg

    seats = [str(uuid.uuid4()) for _ in range(wanted)]
    with psycopg.connect(url) as connection:
        performance = connection.execute(
            "select id, venue_id from performance order by id limit 1"
        ).fetchone()
        assert performance is not None
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into seat (id, venue_id, section, row, number) "
                "values (%s, %s, 'bench', 'X', %s)",
                [(seat, performance[1], number + 1) for number, seat in enumerate(seats)],
            )
    return [(str(performance[0]), seat) for seat in seats]


def bench_pages(rounds: int) -> list[Figure]:
    """GET /v1/shows beside both baselines, and at more callers."""
    found: dict[object, list[Load]] = {name: [] for name in (*CALLERS, "raw", "drf")}
    with stage() as (folder, variables):
        for _ in range(rounds):
            for app, factory in APPS.items():
                with uvicorn(factory, folder, variables) as port:
                    answers(f"http://127.0.0.1:{port}/v1/shows?limit=20")
                    load(port, 16, [PAGE] * 300)  # to warm up
                    for callers in CALLERS if app == "box" else CALLERS[:1]:
                        done = load(port, callers, [PAGE] * PAGES)
                        found[callers if app == "box" else app].append(done)
    rate = {name: statistics.median(one.rate for one in loads) for name, loads in found.items()}
    calm = min(rate[64], rate[128])
    return [
        Figure(
            "db-shows-raw", rate[16], rate["raw"], "req/s", "≥ 0.2 × asyncpg + Starlette",
            rate[16] >= 0.2 * rate["raw"], _times(found[16]),
        ),
        Figure(
            "db-shows-drf", rate[16], rate["drf"], "req/s", "≥ 1.3 × Django REST framework",
            rate[16] >= 1.3 * rate["drf"],
        ),
        Figure(
            "db-shows-64", rate[64], rate[16], "req/s", "≥ 0.8 × at 16 callers, no 5xx",
            calm >= 0.8 * rate[16], f"{_times(found[64])}; at 128: {rate[128]:.0f}",
        ),
    ]  # fmt: skip


def bench_holds(rounds: int) -> list[Figure]:
    """POST /v1/holds, each of another seat, at more and more callers."""
    found: dict[int, list[Load]] = {callers: [] for callers in CALLERS}
    with stage() as (folder, variables):
        pairs = seats_to_hold(variables["DATABASE_URL"], rounds * len(CALLERS) * HOLDS)
        plan = [
            ("POST", "/v1/holds", {"performance_id": one, "seat_id": seat, "buyer_id": seat})
            for one, seat in pairs
        ]
        for number in range(rounds):
            with uvicorn(APPS["box"], folder, variables) as port:
                answers(f"http://127.0.0.1:{port}/v1/shows")
                load(port, 16, [PAGE] * 300)  # to warm up
                for turn, callers in enumerate(CALLERS):
                    at = (number * len(CALLERS) + turn) * HOLDS
                    done = load(port, callers, plan[at : at + HOLDS])
                    if done.statuses != {"201": HOLDS}:
                        raise RuntimeError(f"not every seat was held: {done.statuses}")
                    found[callers].append(done)
    rate = {name: statistics.median(one.rate for one in loads) for name, loads in found.items()}
    calm = min(rate[64], rate[128])
    note = f"{_times(found[64])}; at 128: {rate[128]:.0f}; at 16: {_times(found[16])}"
    return [
        Figure(
            "db-holds-64", rate[64], rate[16], "req/s", "≥ 0.8 × at 16 callers, no 5xx",
            calm >= 0.8 * rate[16], note,
        )
    ]  # fmt: skip


def _times(loads: list[Load]) -> str:
    middle = sorted(loads, key=lambda one: one.rate)[len(loads) // 2]
    return middle.times()


START = """
import time
from coursekit import start
begun = time.perf_counter(); start("{lesson}"); print(time.perf_counter() - begun)
"""


def bench_start(rounds: int) -> Figure:
    """`start` of the lessons that begin with a database, servers up; the slowest of them."""
    slowest: list[float] = []
    base: list[float] = []
    with state() as variables:
        for lesson in ("2.2", "2.3", "2.4"):
            code = START.format(lesson=lesson)
            last_line(code, variables)  # makes the template
            times = [float(last_line(code, variables)) for _ in range(rounds)]
            slowest.append(statistics.median(times))
        code = START.format(lesson="1.2")
        base = [float(last_line(code, variables)) for _ in range(rounds)]
    value = max(slowest)
    return Figure("db-start", value, statistics.median(base), "s", "≤ 0.6 s", value <= 0.6)


def bench_nbval(rounds: int) -> Figure:
    """nbval over chapter 2, two workers, beside chapter 1's."""
    taken: dict[str, list[float]] = {"ch01_api": [], "ch02_database": []}
    for _ in range(min(rounds, 3)):
        for chapter, times in taken.items():
            with state() as variables, tempfile.TemporaryDirectory() as folder:
                begun = time.perf_counter()
                subprocess.run(
                    [PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadscope", "--nbval",
                     "--nbval-sanitize-with", "tests/nbval.cfg", f"notebooks/{chapter}"],
                    env={**variables, "COURSEKIT_ISOLATE": folder}, cwd=ROOT, check=True,
                    capture_output=True,
                )  # fmt: skip
                times.append(time.perf_counter() - begun)
    value, base = (statistics.median(taken[c]) for c in ("ch02_database", "ch01_api"))
    return Figure("db-nbval", value, base, "s", "≤ 90 s", value <= 90)


BENCHES: dict[str, Callable[[int], Figure | list[Figure]]] = {
    "db-start": bench_start,
    "db-shows": bench_pages,
    "db-holds": bench_holds,
    "db-nbval": bench_nbval,
}
