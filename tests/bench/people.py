"""What a hub adds: the time from the sign-in to an open notebook, and what a learner takes."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from figures import ROOT, Figure

from coursekit import hub

sys.path.insert(0, str(ROOT / "tests"))
from visitor import Visitor

NOTEBOOK = "notebooks/ch01_api/02_implement_endpoints.ipynb"
BARE = Path(__file__).parent / "bare_hub.py"
BARE_PASSWORD = "bare-hub-of-a-bench"


def _opened(visitor: Visitor) -> float:
    """Seconds from the sent form to a kernel that answers behind the open notebook."""
    begun = time.perf_counter()
    if visitor.sign_in().status_code != 302:
        raise RuntimeError(f"{visitor.name} could not sign in")
    visitor.begin()
    visitor.wait()
    visitor.notebook(NOTEBOOK)
    with visitor.kernel(NOTEBOOK) as kernel:
        kernel.ready()
        return time.perf_counter() - begun


def bench_open(rounds: int) -> Figure:
    """Each round is another learner's first sign-in, on our hub and on the bare one in turn."""
    learners = [f"learner{number}" for number in range(rounds)]
    settings = hub.TRIAL.model_copy(update={"learners": learners})
    values, bases = [], []
    with (
        hub.Trial(hub.free_port(), settings) as ours,
        hub.Trial(hub.free_port(), settings, BARE) as bare,
    ):
        for name in learners:
            with Visitor(ours.url, name, ours.passwords[name]) as visitor:
                values.append(_opened(visitor))
            place = bare.folder / "home" / name / NOTEBOOK
            place.parent.mkdir(parents=True)
            shutil.copy(ROOT / NOTEBOOK, place)
            with Visitor(bare.url, name, BARE_PASSWORD) as visitor:
                bases.append(_opened(visitor))
    value, base = statistics.median(values), statistics.median(bases)
    return Figure("hub-open", value, base, "s", "≤ 1.5 ×", value <= 1.5 * base)


BENCHES: dict[str, Callable[[int], Figure | list[Figure]]] = {"hub-open": bench_open}
