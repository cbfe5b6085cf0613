"""Fixtures for all tests: servers of their own, a small course, kernels, and patience."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from coursekit import places

ROOT = Path(__file__).resolve().parent.parent
T = TypeVar("T")

# Tests never touch the servers, the workspace or the variables of whoever runs them.
PASSING = places.passing()
STATE = Path(tempfile.mkdtemp(prefix="bx-", dir=PASSING))
STATE.chmod(0o711)
for _name in ("DATABASE_URL", "REDIS_URL", "REDIS_PREFIX"):
    if _name in os.environ:
        os.environ[f"COURSEKIT_TEST_{_name}"] = os.environ.pop(_name)
for _name in ("COURSEKIT_ISOLATE", "COURSEKIT_WORKSPACE", "COURSEKIT_PORT"):
    os.environ.pop(_name, None)
os.environ["COURSEKIT_STATE"] = str(STATE)
os.environ["COURSEKIT_WORKSPACE"] = str(STATE / "workspace")
os.environ["COURSEKIT_IDLE_SECONDS"] = "60"  # whatever happens, nothing stays for long


LONGEST = ("test_checks_bank", "test_hub", "test_kernel", "test_tab_bank", "test_judge")
"""What takes minutes in one go begins first, so that no worker is left alone with it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONGEST) if name in item.nodeid), len(LONGEST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    gc.freeze()  # all that was imported stays: no test's own `gc.collect()` need look at it again


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "external: needs PostgreSQL or Redis of the system")


def pytest_unconfigure() -> None:
    shutil.rmtree(STATE, ignore_errors=True)


def eventually(look: Callable[[], T], seconds: float = 15, what: str = "") -> T:
    """The first true answer of `look`; fails where none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:.0f} s: {what or look}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(state: Path) -> list[psutil.Process]:
    """The processes that work with a state folder: by their variables, words or folder."""
    mark, found = str(state), []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            ours = process.environ().get("COURSEKIT_STATE") == mark
            if ours or any(mark in word for word in process.cmdline()) or mark in process.cwd():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def end_all(state: Path) -> list[str]:
    """End the servers of a state folder; kill, and name, whatever else is there."""
    servers = set()
    for path in (*state.glob("*.pid"), state / "postgres/postmaster.pid"):
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            server = psutil.Process(int(path.read_text().split()[0]))
            servers |= {server.pid, *(child.pid for child in server.children(recursive=True))}
    # What the helper process forked is no server of ours: it must have ended with its kernel.
    jobs = {job.pid for pid in _helpers(state) for job in psutil.Process(pid).children()}
    names = []
    for process in _settled(state, servers - jobs):
        with contextlib.suppress(psutil.Error):
            names.append(" ".join(process.cmdline())[:150] or process.name())
            process.kill()
    for pid in servers:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            # PostgreSQL must tidy up its shared memory
            process.send_signal(signal.SIGQUIT if process.name() == "postgres" else signal.SIGKILL)
    shutil.rmtree(state, ignore_errors=True)
    return names


def _helpers(state: Path) -> list[int]:
    pids = []
    for path in state.glob("warm-*.pid"):
        with contextlib.suppress(OSError, ValueError):
            pids.append(int(path.read_text()))
    return [pid for pid in pids if alive(pid)]


def _settled(state: Path, servers: set[int]) -> list[psutil.Process]:
    """What is left beside the servers and pytest itself, when all had the time to end."""
    expected = {os.getpid(), os.getppid(), *servers}
    deadline = time.monotonic() + 5
    while True:
        left = [p for p in processes_of(state) if p.pid not in expected]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


@pytest.fixture(scope="session", autouse=True)
def _nothing_stays() -> Iterator[None]:
    yield
    if "coursekit.judge" in sys.modules:  # PostgreSQL goes on dropping for whoever has left
        assert sys.modules["coursekit.judge"].settle(60), "databases are dropped without end"
    left = end_all(STATE)
    assert not left, f"these processes were left behind: {left}"


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder of one test's own, for tests that kill servers."""
    folder = Path(tempfile.mkdtemp(prefix="bx-", dir=PASSING))
    folder.chmod(0o711)
    yield folder
    left = end_all(folder) if any(folder.iterdir()) else []
    folder.rmdir() if folder.exists() else None
    assert not left, f"these processes were left behind: {left}"


# --- a small course -----------------------------------------------------------------------

APP = """\
import os
import time

from fastapi import FastAPI

from boxoffice.services.shows import find_show


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/shows/{number}")
    async def read_show(number: int) -> dict[str, object]:
        return {"number": number, "title": find_show(number)}

    @app.get("/pid")
    def pid() -> int:
        return os.getpid()

    @app.get("/slow")
    def slow(seconds: float = 0.5) -> str:
        time.sleep(seconds)
        return "late"

    @app.get("/broken")
    def broken() -> str:
        print("about to divide")
        return str(1 / 0)

    return app
"""
SHOWS = '''\
"""Shows."""

TITLES = ["Hamlet", "Macbeth", "Othello"]


def find_show(number: int) -> str:
    """The title of a show."""
    return TITLES[number % len(TITLES)]


def count_shows() -> int:
    return len(TITLES)
'''
SHOUT = "def find_show(number: int) -> str:\n    return TITLES[number % 3].upper()\n"


CHECKS = """\
from coursekit.checks import Sandbox, exercise, require

LOUD = exercise(
    "ch90.loud", lesson="1.1", kind="write", title="Loud titles",
    answers=("services/shows.py::find_show",), hints=("Listen.", "Shout.", "title.upper()"),
)


@LOUD.item(1, "The title is in capitals.")
def capitals(box: Sandbox) -> None:
    title = box.api.get("/shows/1").json()["title"]
    require(title == "MACBETH", expected="MACBETH", got=str(title), why="Shout.")
"""
STUB = "def find_show(number: int) -> str:\n    # YOUR CODE HERE\n    raise NotImplementedError()\n"


def _cell(kind: str, source: str) -> dict[str, object]:
    extra = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **extra}


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook; a source that begins with `# ` is text, any other is code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cells = [_cell("markdown" if s.startswith("# ") else "code", s) for s in sources]
    data = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def write_course(root: Path) -> Path:
    """Lessons 0, 1.1 (app.py, services/shows.py) and 1.2 (changes find_show) below `root`."""
    write_notebook(
        root / "notebooks/00_welcome.ipynb",
        "# Welcome", '%%check "it counts"\nassert 1 + 1 == 2',
    )  # fmt: skip
    write_notebook(
        root / "notebooks/ch01_api/01_list_shows.ipynb",
        "# List shows", 'start("1.1")', f"%%build app.py\n{APP}",
        f"%%build services/shows.py\n{SHOWS}", '%%check "a show is found"\nassert True',
    )  # fmt: skip
    write_notebook(
        root / "notebooks/ch01_api/02_shout_titles.ipynb",
        "# Shout titles", 'start("1.2")', f"%%build services/shows.py::find_show\n{SHOUT}",
        '%%check "it is loud"\nassert True', "%%build docs/notes.md\n# Notes\n",
    )  # fmt: skip
    write_notebook(
        root / "exercises/ch01_api/01_list_shows.ipynb",
        "# Exercises", 'start("1.1", exercises=True)',
        f"%%build services/shows.py::find_show\n{STUB}", 'check("ch90.loud")',
    )  # fmt: skip
    (root / "checks.py").write_text(CHECKS, encoding="utf-8")
    return root


@pytest.fixture
def course_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small course, as the one that `coursekit` in this process knows."""
    from coursekit import places

    write_course(tmp_path / "course")
    monkeypatch.setattr(places, "checkout", lambda: tmp_path / "course")
    monkeypatch.setenv("COURSEKIT_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "course"


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the small course, in a path with a space and an accent."""
    root = tmp_path_factory.mktemp("ein prüf stand") / "box öffice"
    ignore = shutil.ignore_patterns("__pycache__", "ch01_api")
    shutil.copytree(ROOT / "coursekit", root / "coursekit", ignore=ignore)
    shutil.copy(ROOT / "requirements.txt", root)
    return write_course(root)


def variables(checkout: Path, state: Path, workspace: Path, **more: str) -> dict[str, str]:
    """The environment of a learner of that checkout."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("COURSEKIT_", "PYTEST_"))}
    return {
        **kept, "PYTHONPATH": str(checkout), "COURSEKIT_STATE": str(state),
        "COURSEKIT_WORKSPACE": str(workspace), "COURSEKIT_IDLE_SECONDS": "60",
        "COURSEKIT_CHECKS": str(checkout / "checks.py"), **more,
    }  # fmt: skip


def python(
    code: str, env: Mapping[str, str], cwd: Path | str = "/", seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], env=dict(env), cwd=cwd, capture_output=True,
        encoding="utf-8", errors="replace", timeout=seconds, check=False,
    )  # fmt: skip


# --- kernels ------------------------------------------------------------------------------


@dataclass
class Ran:
    """What one cell showed: all its plain text, the HTML, and its error if it had one."""

    text: str = ""
    html: str = ""
    error: str = ""
    traceback: str = ""


@dataclass
class Kernel:
    """A real Jupyter kernel in a lesson."""

    env: dict[str, str]
    cwd: Path
    pid: int = 0
    files: Path = Path()
    """Where its connections are."""
    _pending: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from jupyter_client.manager import KernelManager

        # Over files: a port that was free may be another test's when the kernel takes it.
        self.files = Path(tempfile.mkdtemp(prefix="bx-", dir=PASSING))
        where = str(self.files / "kernel")
        self.manager = KernelManager(kernel_name="python3", transport="ipc", ip=where)
        self.begin()

    def begin(self) -> None:
        self.manager.start_kernel(env=self.env, cwd=str(self.cwd))
        self._connect()

    def _connect(self) -> None:
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self.pid = self.manager.provisioner.pid

    def restart(self) -> None:
        self.client.stop_channels()
        self.manager.restart_kernel(now=True)
        self._connect()

    def begin_cell(self, code: str) -> None:
        """Send a cell without waiting for it."""
        self._pending.append(self.client.execute(code))

    def running(self) -> None:
        """Wait until the cell that was sent has begun."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            ours = message["parent_header"].get("msg_id") == self._pending[-1]
            if ours and message["msg_type"] == "execute_input":
                return

    def finish(self, seconds: float = 60) -> Ran:
        """What the cell that was sent has shown, when it is done."""
        wanted, ran = self._pending.pop(), Ran()
        while True:
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") != wanted:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                ran.text += content["text"]
            elif kind in {"display_data", "execute_result"}:
                ran.text += content["data"].get("text/plain", "") + "\n"
                ran.html += content["data"].get("text/html", "")
            elif kind == "error":
                ran.error = f"{content['ename']}: {content['evalue']}"
                ran.traceback = "\n".join(content["traceback"])
            elif kind == "status" and content["execution_state"] == "idle":
                return ran

    def run(self, code: str, seconds: float = 60) -> Ran:
        self.begin_cell(code)
        return self.finish(seconds)

    def good(self, code: str) -> str:
        """The text of a cell that must not fail."""
        ran = self.run(code)
        assert not ran.error, ran.traceback
        return ran.text.strip()

    def bad(self, code: str, seconds: float = 60) -> str:
        """The one sentence of a cell that must fail without a traceback of ours."""
        ran = self.run(code, seconds)
        assert ran.error, f"nothing failed: {ran.text}"
        assert ran.traceback.startswith("✗ "), ran.traceback
        assert "Traceback" not in ran.traceback, ran.traceback
        return ran.traceback

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def kill(self) -> None:
        """`kill -9`, as the system does it to a kernel that ate all memory."""
        os.kill(self.pid, signal.SIGKILL)
        eventually(lambda: not alive(self.pid) or not self.manager.is_alive(), what="kernel ends")

    def end(self) -> None:
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        shutil.rmtree(self.files, ignore_errors=True)


IMPORTS = "from coursekit import check, client, hint, play, progress, race, run, sql, start"
Kernels = Callable[..., Kernel]


@pytest.fixture
def kernels(checkout: Path, tmp_path: Path, state: Path) -> Iterator[Kernels]:
    """Makes kernels in the small course, which end with the test."""
    begun: list[Kernel] = []

    def make(
        servers: Path = STATE, workspace: Path | None = None, cwd: Path | None = None, **more: str
    ) -> Kernel:
        space = workspace or tmp_path / "mon café" / "ô"
        kernel = Kernel(variables(checkout, servers, space, **more), cwd or checkout / "notebooks")
        begun.append(kernel)
        kernel.good(IMPORTS)
        return kernel

    yield make
    for kernel in begun:
        kernel.end()


@pytest.fixture(scope="module")
def presence() -> Iterator[None]:
    """Somebody is there, as a kernel is: unused servers would stop in the middle of the tests."""
    from coursekit import warm

    with contextlib.closing(warm.connect()) as held:
        held.sendall(b'{"call": "presence"}\n')
        yield
