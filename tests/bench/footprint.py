"""A learner's memory and CPU on a hub: `.venv/bin/python tests/bench/footprint.py`.

Memory is the proportional set size (PSS), summed over all processes that are the learner's: the
JupyterLab server, the kernel, PostgreSQL, Redis, the API and the helper that forks it. Pages that
two processes share count once in all.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from figures import ROOT

from coursekit import course, hub

sys.path.insert(0, str(ROOT / "tests"))
from visitor import Kernel, Visitor

LESSON = "notebooks/ch02_database/03_query_and_transact.ipynb"
CHAPTER = ("ch01_api", "ch02_database")
IDLE_SECONDS = 30.0
MB = 1 << 20


@dataclass
class Watch:
    """The memory and CPU of a learner's processes, looked at every half second."""

    folder: Path
    name: str
    peak: float = 0
    _done: threading.Event = field(default_factory=threading.Event)

    def processes(self) -> list[psutil.Process]:
        """Everything that works below the learner's home or state, and what that started."""
        marks = (str(self.folder / "home" / self.name), str(self.folder / "s" / self.name))
        found: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                about = [process.environ().get("HOME", ""), process.cwd(), *process.cmdline()]
                if any(mark in word for mark in marks for word in about):
                    for one in (process, *process.children(recursive=True)):
                        found[one.pid] = one
        return list(found.values())

    def memory(self) -> float:
        """MB, now."""
        return sum(self.by_program().values())

    def by_program(self) -> dict[str, float]:
        """MB now, by what it is."""
        found: dict[str, float] = {}
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                kind = _kind(process)
                found[kind] = found.get(kind, 0) + process.memory_full_info().pss / MB
        return found

    def seconds(self) -> float:
        """CPU seconds of all that live, and of what they waited for."""
        total = 0.0
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:4])
        return total

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Note the highest memory inside the block."""
        self.peak = 0
        self._done.clear()

        def look() -> None:
            while not self._done.wait(0.5):
                self.peak = max(self.peak, self.memory())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    for sign, kind in (
        ("jupyterhub.singleuser", "JupyterLab"),
        ("ipykernel", "kernel"),
        ("postgres", "PostgreSQL"),
        ("valkey", "Redis"),
        ("coursekit", "helper, API and checks"),
    ):
        if sign in words:
            return kind
    return "other"


def work(kernel: Kernel) -> None:
    """A lesson as somebody types it in a hurry, then every exercise of its chapter."""
    for cell in json.loads((ROOT / LESSON).read_text())["cells"]:
        if cell["cell_type"] == "code":
            with contextlib.suppress(AssertionError):  # a lesson shows failures too
                kernel.run("".join(cell["source"]))


def check(kernel: Kernel, number: int) -> int:
    """Solve and check all exercises of a chapter; how many there were."""
    count = 0
    for path in sorted((ROOT / "solutions" / CHAPTER[number - 1]).glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] == "code":
                with contextlib.suppress(AssertionError):
                    kernel.run("".join(cell["source"]))
        count += len(course.exercise_names(path))
    return count


def main() -> None:
    with hub.Trial(hub.free_port()) as trial:
        hub_memory = sum(
            process.memory_full_info().pss
            for process in psutil.process_iter()
            if str(trial.folder) in _folder(process)
        )
        print(f"hub, proxy and culler, nobody signed in: {hub_memory / MB:.0f} MB")
        for name in trial.settings.learners:
            with Visitor(trial.url, name, trial.passwords[name]) as visitor:
                visitor.sign_in()
                visitor.begin()
                visitor.wait()
                watch = Watch(trial.folder, name)
                print(f"{name}, JupyterLab open: {watch.memory():.0f} MB")
                with visitor.kernel(LESSON) as kernel:
                    one(watch, kernel)


def _folder(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return process.cwd()
    return ""


def one(watch: Watch, kernel: Kernel) -> None:
    kernel.run("from coursekit import *\nstart('2.3')\nclient().get('/health')")
    before, begun = watch.seconds(), time.monotonic()
    with watch.looking():
        time.sleep(IDLE_SECONDS)
    used = (watch.seconds() - before) / (time.monotonic() - begun)
    print(f"{watch.name}, lesson 2.3 begun, then nothing for {IDLE_SECONDS:.0f} s: "
          f"{watch.memory():.0f} MB, {used:.3f} cores")  # fmt: skip
    print("   " + ", ".join(f"{k} {v:.0f}" for k, v in sorted(watch.by_program().items())))
    for title, job in (("every cell of lesson 2.3", work), ("the exercises of chapter 1", 1),
                       ("the exercises of chapter 2", 2)):  # fmt: skip
        before, begun = watch.seconds(), time.monotonic()
        with watch.looking():
            if callable(job):
                job(kernel)
            else:
                check(kernel, job)
        wall = time.monotonic() - begun
        print(f"{watch.name}, {title}, without a pause: peak {watch.peak:.0f} MB, "
              f"{watch.seconds() - before:.0f} CPU s in {wall:.0f} s")  # fmt: skip
    print("   " + ", ".join(f"{k} {v:.0f}" for k, v in sorted(watch.by_program().items())))


if __name__ == "__main__":
    main()
