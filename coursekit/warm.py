"""The warm parent: one process a checkout that has done the heavy imports and forks for each job.

A job is a call of `module:function` in a forked process with a folder, an environment and, where
wanted, open files of its own. The connection that ordered it is its leash: when the other end
goes away (also by `kill -9`), the job's whole process group ends. The parent ends by itself, and
stops PostgreSQL and Redis, when nothing has used it for a while.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import hashlib
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from coursekit import places
from coursekit.errors import ServiceDown

PRELOAD = (
    "asyncio", "uvicorn", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto",
    "uvicorn.lifespan.on", "uvicorn.loops.asyncio", "fastapi", "fastapi.openapi.utils",
    "fastapi.testclient", "pydantic_settings", "email_validator", "httpx", "psycopg",
    "redis.asyncio",
    "sqlalchemy.ext.asyncio", "sqlalchemy.dialects.postgresql.psycopg", "alembic.command",
    "alembic.config", "strawberry.fastapi",
    # what these would import at their first route, schema or request
    "pydantic.v1", "strawberry.federation.schema_directives", "anyio._backends._asyncio",
    "fastapi.telemetry._runtime", "httpcore", "encodings.ascii", "alembic.migration",
    "coursekit.server:quiet", "coursekit.checks",
    "coursekit.hearing:ready",
)  # fmt: skip
"""Imported before the first job; of "module:function" the function is called, too.

A module that is missing is left out, not fatal.
"""

LATER = ("pytest", "_pytest.assertion", "hypothesis", "schemathesis", "openapi_spec_validator")
"""Imported when the parent first has nothing to do: large, and needed by few jobs."""

HUGE_PAGE, MADV_COLLAPSE = 2 << 20, 25
IDLE_SECONDS = 30 * 60
SUPERSEDED_SECONDS = 20


def fingerprint() -> str:
    """A mark of this package's own source: after an upgrade a new parent is started."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        stat = path.stat()
        digest.update(f"{path.name} {stat.st_mtime_ns} {stat.st_size}".encode())
    return digest.hexdigest()[:12]


def address() -> Path:
    """The Unix socket of the parent that fits this source."""
    return places.state() / f"warm-{fingerprint()}.sock"


# --- the side that orders -----------------------------------------------------------------


class Job:
    """One call in a forked process; close it (or lose it) and its process group ends.

    `call` is "module:function"; the function gets a `Channel` first and `arguments` as keywords.
    `files` are at most four open descriptors: they arrive as `channel.files`, the first two also
    as standard output and standard error.
    """

    def __init__(
        self,
        call: str,
        arguments: Mapping[str, object] | None = None,
        *,
        folder: Path | str = "/",
        environment: Mapping[str, str] | None = None,
        files: Sequence[int] = (),
    ) -> None:
        self._buffer = b""
        self._kept: list[dict[str, object]] = []
        order = {
            "call": call,
            "arguments": dict(arguments or {}),
            "folder": str(folder),
            "environment": dict(environment or {}),
        }
        body = json.dumps(order).encode() + b"\n"
        # Twice: the parent may have come to its end between the connection and the order.
        self.pid = self._order(body, files) or self._order(body, files) or 0
        if not self.pid:
            raise ServiceDown("The course's helper process did not answer. Run the cell again.")

    def _order(self, body: bytes, files: Sequence[int]) -> int | None:
        """Ask the parent for the process; its id, or None where the parent went away."""
        self._connection = connect()
        try:
            sent = socket.send_fds(self._connection, [body], list(files))
            self._connection.sendall(body[sent:])
            first = self.receive(10)
        except OSError:
            first = None
        except BaseException:
            self._connection.close()
            raise
        if first is None or "pid" not in first:
            self._connection.close()
            return None
        return int(str(first["pid"]))

    def receive(self, seconds: float | None) -> dict[str, object] | None:
        """The next message of the job; None when it has ended. Raises TimeoutError."""
        deadline = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self._connection.settimeout(left)
            try:
                chunk = self._connection.recv(1 << 16)
            except TimeoutError:
                raise
            except OSError:
                chunk = b""
            if not chunk:
                return None
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        message = json.loads(line)
        assert isinstance(message, dict)
        return message

    def waiting(self) -> list[dict[str, object]]:
        """The messages that have come in already."""
        messages = []
        with contextlib.suppress(TimeoutError, OSError):
            while (message := self.receive(0.0005)) is not None:
                messages.append(message)
        self._kept += messages
        kept, self._kept = self._kept, []
        return kept

    def alive(self) -> bool:
        """Whether the job still runs; what it says meanwhile is kept for `waiting`."""
        try:
            while True:
                message = self.receive(0.0005)
                if message is None:
                    return False
                self._kept.append(message)
        except TimeoutError:
            return True
        except OSError:
            return False

    def close(self) -> None:
        """End the job, if it still runs. Safe to call twice."""
        self._connection.close()

    def end(self, seconds: float = 3.0) -> None:
        """End the job and wait until it is gone, with all that it held open."""
        deadline = time.monotonic() + seconds
        with contextlib.suppress(OSError):  # TimeoutError is one
            self._connection.shutdown(socket.SHUT_WR)
            while self.receive(deadline - time.monotonic()) is not None:
                pass
        self.close()

    def __enter__(self) -> Job:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def connect(seconds: float = 15.0) -> socket.socket:
    """A connection to the warm parent, which is started where none answers."""
    deadline = time.monotonic() + seconds
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(address()))
        except OSError:
            connection.close()
        else:
            return connection
        if time.monotonic() > deadline:
            log = places.state() / "warm.log"
            raise ServiceDown(
                "The course's helper process does not start. `coursekit doctor` says more; "
                f"its own words are in {log}."
            )
        ensure()
        time.sleep(0.02)


def ensure() -> None:
    """Start the warm parent unless one is starting or running. Does not wait for its imports."""
    path = address()
    with (path.with_suffix(".lock")).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # a running (or starting) parent holds the lock
        with (places.state() / "warm.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "coursekit.warm", str(path), str(lock.fileno())],
                pass_fds=[lock.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=places.state(),
                start_new_session=True,
                env={**os.environ, "PYTHONSAFEPATH": "1"},
            )


def running() -> list[int]:
    """Process ids of this checkout's warm parents, old and new."""
    import psutil

    found = []
    for path in places.state().glob("warm-*.pid"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int(path.read_text())
            # A file can outlive its process, and the number then belongs to someone else.
            if str(path.with_suffix(".sock")) in psutil.Process(pid).cmdline():
                found.append(pid)
    return found


def stop(seconds: float = 10) -> None:
    """End this checkout's warm parents, and wait until they are gone."""
    for pid in running():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running() and time.monotonic() < deadline:
        time.sleep(0.02)


# --- the side that runs -------------------------------------------------------------------


class Channel:
    """What a job has of the one who ordered it: `send` a message, `files` that were passed."""

    def __init__(self, connection: socket.socket, files: list[int]) -> None:
        self._connection = connection
        self._sending = threading.Lock()
        self.files = files

    def send(self, **message: object) -> None:
        with self._sending, contextlib.suppress(OSError):
            self._connection.settimeout(None)
            self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _hold_leash(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.settimeout(None)
            while self._connection.recv(4096):
                pass
        os.killpg(0, signal.SIGKILL)


def _run(connection: socket.socket, order: dict[str, object], files: list[int]) -> NoReturn:
    """In the forked child: become a process of its own and make the call."""
    code = 0
    channel = Channel(connection, files)
    try:
        os.setsid()
        channel.send(pid=os.getpid())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(files[0] if files else null, 1)
        os.dup2(files[1] if len(files) > 1 else (files[0] if files else null), 2)
        sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        threading.Thread(target=channel._hold_leash, daemon=True).start()
        environment = order["environment"]
        assert isinstance(environment, dict)
        os.environ.update({str(name): str(value) for name, value in environment.items()})
        time.tzset()
        sys.dont_write_bytecode = True
        os.chdir(str(order["folder"]))
        sys.path.insert(0, str(order["folder"]))
        module, _, name = str(order["call"]).partition(":")
        arguments = order["arguments"]
        assert isinstance(arguments, dict)
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        function(channel, **arguments)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        channel.send(fault=traceback.format_exc())
        code = 70
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class Parent:
    """The loop of the warm parent: accept, fork, reap, and end when unused."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.lock = lock
        self.jobs: dict[int, socket.socket] = {}
        self.leashes: dict[socket.socket, int] = {}
        self.presences: set[socket.socket] = set()
        self.last_use = time.monotonic()
        self.stopping = False
        self.selector = selectors.DefaultSelector()
        path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        path.chmod(0o600)
        self.listener.listen(64)
        self.listener.setblocking(False)
        self.wake_in, self.wake_out = os.pipe()
        os.set_blocking(self.wake_out, False)
        os.set_blocking(self.wake_in, False)

    def serve(self) -> None:
        signal.set_wakeup_fd(self.wake_out)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_in, selectors.EVENT_READ)
        later = iter(LATER)
        loading = True
        self.last_use = time.monotonic()  # the imports took their time
        while not self.stopping:
            if self._unused() and not self.selector.select(0):
                break
            events = self.selector.select(0.3 if loading else min(5.0, _idle_seconds()))
            for key, _ in events:
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj == self.wake_in:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake_in, 4096)
                elif isinstance(key.fileobj, socket.socket):
                    self._drop(key.fileobj)
            self._reap()
            if loading and not events:
                loading = import_one(later)
                if not loading:
                    gather_memory()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _unused(self) -> bool:
        if self.jobs or self.presences:
            self.last_use = time.monotonic()
            return False
        limit = _idle_seconds()
        if not self.path.exists():
            return True
        with contextlib.suppress(OSError):
            if address() != self.path:
                limit = min(limit, SUPERSEDED_SECONDS)
        return time.monotonic() - self.last_use > limit

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except BlockingIOError:
            return
        self.last_use = time.monotonic()
        connection.settimeout(5)
        try:
            data, files, _, _ = socket.recv_fds(connection, 1 << 20, 4)
            while data and not data.endswith(b"\n"):
                chunk = connection.recv(1 << 20)
                if not chunk:
                    break
                data += chunk
            order = json.loads(data) if data else None
        except (OSError, ValueError):
            order, files = None, []
        if not isinstance(order, dict):
            connection.close()
            return
        try:
            if order.get("call") == "presence":
                self._keep(connection)
            else:
                self._fork(connection, order, files)
        except OSError:  # whoever asked is gone already, or no process can be made
            connection.close()
        finally:
            for descriptor in files:
                os.close(descriptor)

    def _keep(self, connection: socket.socket) -> None:
        """A kernel that is alive: while it holds this connection, the servers stay."""
        connection.sendall(json.dumps({"pid": os.getpid()}).encode() + b"\n")
        connection.settimeout(None)
        self.presences.add(connection)
        self.selector.register(connection, selectors.EVENT_READ)

    def _drop(self, connection: socket.socket) -> None:
        """A kernel went away, or let go of a job: then the job's process group ends."""
        self.selector.unregister(connection)
        pid = self.leashes.pop(connection, None)
        if pid is None:
            self.presences.discard(connection)
            connection.close()
        else:
            with contextlib.suppress(OSError):
                if not connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    os.killpg(pid, signal.SIGKILL)
        self.last_use = time.monotonic()

    def _fork(self, connection: socket.socket, order: dict[str, object], files: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self.listener.close()
            for other in (*self.presences, *self.leashes):
                other.close()
            os.close(self.wake_in)
            os.close(self.lock)
            _run(connection, order, files)
        # The job itself holds the leash too, and lets go sooner; but a job that sits in C code,
        # such as a regular expression without end, cannot.
        connection.settimeout(None)
        self.jobs[pid] = connection
        self.leashes[connection] = pid
        self.selector.register(connection, selectors.EVENT_READ)

    def _reap(self) -> None:
        while self.jobs:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            connection = self.jobs.pop(pid, None)
            if connection is not None:
                if self.leashes.pop(connection, None) is not None:
                    self.selector.unregister(connection)
                connection.close()
            self.last_use = time.monotonic()

    def end(self) -> None:
        """Leave nothing behind: jobs, socket, and (when no other parent is there) the servers.

        Another one is of a newer version, or of a second checkout with the same folder.
        """
        for pid in self.jobs:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)
        superseded = False
        with contextlib.suppress(OSError):
            superseded = address() != self.path and address().exists()
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".pid").unlink(missing_ok=True)
        if not superseded and not running():
            from coursekit import services

            services.stop()


def _idle_seconds() -> float:
    try:
        return float(os.environ.get("COURSEKIT_IDLE_SECONDS", IDLE_SECONDS))
    except ValueError:
        return IDLE_SECONDS


def import_one(names: Iterator[str]) -> bool:
    """Import the next module; say whether there may be more."""
    name = next(names, None)
    if name is None:
        gc.collect()
        gc.freeze()
        return False
    path, _, function = name.partition(":")
    with contextlib.suppress(Exception):
        module = importlib.import_module(path)
        if function:
            getattr(module, function)()
    return True


def gather_memory() -> int:
    """Have Linux (from 6.1 on) keep this process's memory in huge pages; how many it made.

    A fork copies a list of pages, and its end takes it apart: 2 MB each, that list is short.
    Nothing else changes, and where the system does not do it nothing happens. See madvise(2).
    """
    if sys.platform != "linux":
        return 0
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    made = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, rights, _, _, file, *name = line.split()
        if rights == "rw-p" and file == "0" and name in ([], ["[heap]"]):
            first, end = (int(address, 16) for address in span.split("-"))
            for place in range(-(-first // HUGE_PAGE) * HUGE_PAGE, end - HUGE_PAGE + 1, HUGE_PAGE):
                made += madvise(place, HUGE_PAGE, MADV_COLLAPSE) == 0
    return made


def main(path: Path, lock: int) -> None:
    parent = Parent(path, lock)
    path.with_suffix(".pid").write_text(str(os.getpid()))
    names = iter(PRELOAD)
    while import_one(names):
        pass
    try:
        parent.serve()
    finally:
        parent.end()


if __name__ == "__main__":
    # Run as the module that everyone imports, so that jobs see the same classes.
    importlib.import_module("coursekit.warm").main(Path(sys.argv[1]), int(sys.argv[2]))
