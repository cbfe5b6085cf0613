"""Code that may do anything, in a process that cannot outlive us or eat the machine.

Three processes: we, who judge; a *keeper*, which knows how to end everything below it; and the
*inmate*, which runs the code. Where the kernel allows it the inmate is the first process of a
name space of its own, so its end is the end of all that it started. Elsewhere the keeper adopts
orphans (Linux) or looks for children (macOS), and ends them one by one.

An inmate may itself be a *mother*: she has imported the code once, and each process that is asked
for later is forked from her. We end such a child ourselves; her own end is the end of all.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import logging
import os
import resource
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

from coursekit import jail
from coursekit.server import no_collection
from coursekit.warm import Channel

MEGABYTE = 1 << 20
POLL_SECONDS = 0.03
WEIGH_SECONDS = 0.5
MESSAGE_BYTES = 8 * MEGABYTE
BIRTH_SECONDS = 5.0
OWN_VARIABLES = frozenset({"DATABASE_URL", "HOME", "TMPDIR", "PYTHONPATH"})
"""What differs from process to process of one check."""

NOT_CLOSED = 78
"""The exit code of a process that could not be confined, and has run nothing."""

_NEW_USER, _NEW_PID = 0x10000000, 0x20000000
_NEW_NET = 0x40000000 | 0x08000000  # and shared memory
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_CREDENTIALS = struct.Struct("3i")
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")

warnings.filterwarnings("ignore", message=".*use of fork.*", category=DeprecationWarning)


@dataclass(frozen=True)
class Limits:
    """What the confined code may use, all its processes together."""

    memory: int = 512 * MEGABYTE
    output: int = 1 * MEGABYTE
    processes: int = 32
    cpu_seconds: int = 30
    file_size: int = 16 * MEGABYTE
    open_files: int = 1024
    files: int = 128 * MEGABYTE
    """Bytes of all files together."""


@dataclass(frozen=True)
class End:
    """How the inmate ended: by an exit code, or by a signal."""

    code: int | None = None
    signal: int | None = None

    def __str__(self) -> str:
        if self.signal is not None:
            return f"it crashed (signal {self.signal})"
        return f"it ended itself (exit code {self.code})"


class Confined:
    """A running inmate, seen from the judge. `breach` says which limit it broke."""

    def __init__(
        self,
        inside: Callable[[Channel], None],
        folder: Path,
        *,
        limits: Limits | None = None,
        variables: Mapping[str, str] | None = None,
        listener: socket.socket | None = None,
        namespace: bool = True,
        mother: Mother | None = None,
        role: str = "",
        cell: jail.Cell | None = None,
    ) -> None:
        """Start `inside`; or, of a mother, a fork of her that does what she knows as `role`."""
        self.apart: set[int] = set()
        self.limits = limits or Limits()
        self._breach: str | None = None
        self._end: End | None = None
        self._is_gone = False
        self._buffer = b""
        self._leash, keeper_leash = socket.socketpair()
        self._control, inmate_control = socket.socketpair()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `end`)
        self._base = _resident(os.getpid())
        self._ending = threading.Lock()
        self._over = False
        order = _Order(
            inside, folder, self.limits, dict(variables or {}), keeper_leash, inmate_control,
            self._output.fileno(), listener.fileno() if listener else None, namespace,
            cell or jail.Cell((folder,)),
        )  # fmt: skip
        self._mother = mother
        try:
            if mother is not None:
                self.pid = mother.bear(role, order, self._leash)
            else:
                self.pid = os.fork()
                if self.pid == 0:
                    _keep(order)
        except BaseException:
            for stream in (self._leash, self._control, self._output):
                stream.close()
            raise
        finally:
            keeper_leash.close()
            inmate_control.close()

    @property
    def breach(self) -> str | None:
        """The limit that it broke, or its mother with all that escaped from her children."""
        return self._breach or (self._mother.breach if self._mother else None)

    @breach.setter
    def breach(self, said: str) -> None:
        self._breach = said

    # --- talking

    def send(self, **message: object) -> None:
        with contextlib.suppress(OSError):
            self._control.sendall(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float) -> dict[str, object] | None:
        """The next message of the inmate; None when it is gone. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left < 0 and seconds > 0:
                raise TimeoutError
            self._control.settimeout(max(left, 0.001))
            try:
                chunk = self._control.recv(1 << 16)
            except TimeoutError:
                raise
            except OSError:
                chunk = b""
            if not chunk:
                return None
            self._buffer += chunk
            if len(self._buffer) > MESSAGE_BYTES:
                self.breach = self.breach or "it answered with more than 8 MB"
                self.stop()
                return None
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        return message if isinstance(message, dict) else {}

    def output(self) -> str:
        """What the code printed so far."""
        descriptor = self._output.fileno()
        size = min(os.fstat(descriptor).st_size, self.limits.output)
        return os.pread(descriptor, size, 0).decode("utf-8", "replace")

    # --- ending

    def ended(self, seconds: float = 0) -> End | None:
        """How it ended, if it does within that time."""
        if self._end is None and not self._over:
            with contextlib.suppress(OSError, ValueError):
                self._leash.settimeout(max(seconds, 0.001))
                said = self._leash.recv(4096)
                self._is_gone = not said
                if said:
                    self._end = End(**json.loads(said))
        return self._end

    @property
    def has_failed(self) -> bool:
        """Whether it could not be confined, or its keeper is gone: no fault of the code."""
        end = self.ended()
        if end is None:
            return self._is_gone and self._mother is None
        return end.code == NOT_CLOSED

    def stop(self) -> None:
        """End everything, without waiting for it."""
        if self._mother is not None:
            if self.ended() is None and not self._is_gone:
                end_tree(self.pid)
            return
        with contextlib.suppress(OSError):  # the keeper sees to it
            self._leash.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        """End everything and wait until nothing is left. Safe to call twice."""
        with self._ending:
            if self._over:
                return
            self.stop()
            self.ended(5)
            self._over = True
            if self._mother is None:
                if self._end is None:
                    os.kill(self.pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(self.pid, 0)
            for stream in (self._leash, self._control, self._output):
                stream.close()

    # --- limits

    def look(self) -> None:
        """End the inmate if it is over a limit."""
        if self._over or self.breach:
            return
        try:
            printed = os.fstat(self._output.fileno()).st_size
        except (OSError, ValueError):
            return
        below = descendants(self.pid, self.apart)
        if self._mother is not None:  # then this is no keeper of ours
            below.append(self.pid)
        used = sum(max(0, _resident(pid) - self._base) for pid in below)
        limits = self.limits
        if printed > limits.output:
            self.breach = f"it printed more than {limits.output // MEGABYTE} MB"
        elif len(below) > limits.processes:
            self.breach = f"it started more than {limits.processes} processes"
        elif used > limits.memory:
            self.breach = f"it used more than {limits.memory // MEGABYTE} MB of memory"
        if self.breach:
            self.stop()


def end_tree(pid: int) -> None:
    """End a process and all below it: stop them first, so that none forks while we look."""
    stopped: set[int] = set()
    for _ in range(1000):
        new = {pid, *descendants(pid)} - stopped
        if not new:
            break
        for each in new:
            with contextlib.suppress(OSError):
                os.kill(each, signal.SIGSTOP)
        stopped |= new
    for each in stopped:
        with contextlib.suppress(OSError):
            os.kill(each, signal.SIGKILL)


class Mother(Confined):
    """An inmate that waits for orders: `load` modules, and be forked (`Confined(mother=…)`)."""

    def __init__(
        self, roles: Mapping[str, Callable[[Channel], None]], folder: Path, *,
        limits: Limits | None = None, namespace: bool = True, cell: jail.Cell | None = None,
    ) -> None:  # fmt: skip
        self._talking = threading.Lock()
        super().__init__(
            lambda channel: _wait_for_orders(channel, roles), folder,
            limits=limits, namespace=namespace, cell=cell,
        )  # fmt: skip

    def load(self, modules: Iterable[str], seconds: float) -> bool:
        """Import these; False where that fails, or where a fork would not be as good as new."""
        with self._talking:
            self.send(load=list(modules))
            try:
                answer = self.receive(seconds)
            except TimeoutError:
                answer = None
        return bool(answer and answer.get("loaded"))

    def bear(self, role: str, order: _Order, leash: socket.socket) -> int:
        """Order a process; its id. Raises OSError where she is gone."""
        body = {
            "role": role, "folder": str(order.folder), "limits": asdict(order.limits),
            "variables": order.variables, "writes": [str(path) for path in order.cell.writes],
            "ports": order.cell.ports,
        }  # fmt: skip
        files = [order.leash.fileno(), order.control.fileno(), order.output]
        if order.listener is not None:
            files.append(order.listener)
        with self._talking:
            if sys.platform == "linux":
                leash.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            socket.send_fds(self._control, [json.dumps(body).encode() + b"\n"], files)
            order.leash.close()  # so that her end is the end of the line
            leash.settimeout(BIRTH_SECONDS)
            data, hidden, _, _ = leash.recvmsg(64, socket.CMSG_SPACE(_CREDENTIALS.size))
            if not data:
                raise ConnectionResetError("the process that should be forked is gone")
            pid = int(data)
            for level, kind, content in hidden:
                if (level, kind) == (socket.SOL_SOCKET, getattr(socket, "SCM_CREDENTIALS", -1)):
                    pid = _CREDENTIALS.unpack(content)[0]  # as we number processes
            self.apart.add(pid)
            return pid


Weigh = Callable[[], str]
"""Which limit is broken by all processes together; "" where none is."""


def heavy(folder: Path, limits: Limits) -> str:
    """What to say where the files below a folder take more than they may."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(path, name)).st_size
    return f"it wrote more than {limits.files // MEGABYTE} MB of files" * (size > limits.files)


class Watch:
    """Looks at the confined processes until `close`, and ends them when the time is over."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._watched: list[Confined] = []
        self._weights: list[Weigh] = []
        self._breach = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        # Apart, as a server may keep it waiting: the other limits hold all the same.
        threading.Thread(target=self._weigh, daemon=True).start()

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def give(self, seconds: float) -> None:
        """More time, for what was lost by no fault of the code."""
        self.deadline += seconds

    def add(self, process: Confined) -> None:
        self._watched.append(process)

    def forget(self, process: Confined) -> None:
        with contextlib.suppress(ValueError):
            self._watched.remove(process)

    def weigh(self, weigh: Weigh) -> None:
        """Ask this too, now and then: what it says ends all processes."""
        self._weights.append(weigh)

    def _weigh(self) -> None:
        while not self._closed.wait(WEIGH_SECONDS):
            self._breach = next(filter(None, (weigh() for weigh in [*self._weights])), "")

    def _run(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            for process in list(self._watched):
                if self._breach and not process.breach:
                    process.breach = self._breach
                    process.stop()
                if self.left() < 0 and not process.breach:
                    process.breach = f"it was not done within {self._seconds:g} seconds"
                    process.stop()
                process.look()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()


# --- the keeper and the inmate --------------------------------------------------------------


@dataclass(frozen=True)
class _Order:
    inside: Callable[[Channel], None]
    folder: Path
    limits: Limits
    variables: dict[str, str]
    leash: socket.socket
    control: socket.socket
    output: int
    listener: int | None
    namespace: bool
    cell: jail.Cell


def _keep(order: _Order) -> NoReturn:
    """In the keeper: start the inmate, wait for its end or the leash's, leave nothing."""
    try:
        gc.freeze()  # what we inherited must not be collected: it would close our own files
        logging._handlerList.clear()  # type: ignore[attr-defined]  # nor closed by a dictConfig
        inmates = [order.control.fileno(), order.output]
        if order.listener is not None:
            inmates.append(order.listener)
        _close_all_but([order.leash.fileno(), *inmates])
        os.setsid()
        alone = order.namespace and _own_namespace(network=bool(order.cell.ports))
        if not alone:
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        if order.cell.ways and not jail.open_ways(order.cell.ways):
            raise OSError("Python is not within reach of others")
        wake_in, wake_out = os.pipe()
        os.set_blocking(wake_in, False)
        os.set_blocking(wake_out, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
        pid = os.fork()
        if pid == 0:
            os.close(wake_in)
            _live(order)
        for descriptor in inmates:
            os.close(descriptor)
        status = _wait(pid, order.leash, wake_in, alone)
        if not alone:
            _sweep(os.getpid())
        order.leash.settimeout(1)
        end = {"signal": -status} if status < 0 else {"code": status}
        order.leash.sendall(json.dumps(end).encode())
    except BaseException:
        os._exit(70)
    os._exit(0)


def _wait(pid: int, leash: socket.socket, wake: int, alone: bool) -> int:
    """The inmate's exit code (negative: signal)."""
    sources: list[socket.socket | int] = [leash, wake]
    leash.setblocking(False)
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        ready = select.select(sources, [], [])[0]
        if leash in ready and _is_loose(leash):
            sources.remove(leash)
            if not alone:
                _sweep(os.getpid(), reap=False)
            os.kill(pid, signal.SIGKILL)
        if wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)


def _is_loose(leash: socket.socket) -> bool:
    try:
        return not leash.recv(64)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _live(order: _Order) -> NoReturn:
    """In the inmate: limits, an environment without secrets, then the code."""
    code = 0
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        order.leash.close()
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(order.output, 1)
        os.dup2(order.output, 2)
        os.close(null)
        os.close(order.output)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
        _limit(order.limits)
        _enter(order.folder, order.variables, order.cell)
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of the user would forget it
        files = [1, 2, *([order.listener] if order.listener is not None else [])]
        order.inside(Channel(order.control, files))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        code = 1
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code & 0xFF)


def _wait_for_orders(channel: Channel, roles: Mapping[str, Callable[[Channel], None]]) -> None:
    """In a mother: import what is asked for, fork, and tell how the children ended."""
    connection = channel._connection
    wake_in, wake_out = os.pipe()
    os.set_blocking(wake_in, False)
    os.set_blocking(wake_out, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_out, warn_on_full_buffer=False)
    children: dict[int, socket.socket] = {}
    while True:
        sources: list[socket.socket | int] = [connection, wake_in]
        ready = select.select(sources, [], [])[0]
        if wake_in in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wake_in, 4096)
            _tell_ends(children)
        if connection not in ready:
            continue
        data, files, _, _ = socket.recv_fds(connection, 1 << 16, 4)
        if not data:
            return
        order = json.loads(data)
        if "load" in order:
            before = _belongings()
            channel.send(loaded=_import(order["load"]) and _belongings() == before)
            continue
        leash = socket.socket(fileno=files[0])
        pid = os.fork()
        if pid == 0:
            _be_born(order, roles, leash, files[1:])
        children[pid] = leash
        for number in files[1:]:
            os.close(number)


def _be_born(
    order: dict[str, Any], roles: Mapping[str, Callable[[Channel], None]],
    leash: socket.socket, files: list[int],
) -> NoReturn:  # fmt: skip
    try:
        _close_all_but([leash.fileno(), *files])
        leash.sendall(str(os.getpid()).encode())
        control = socket.socket(fileno=files[0])
        _live(
            _Order(
                roles[order["role"]], Path(order["folder"]), Limits(**order["limits"]),
                order["variables"], leash, control, files[1],
                files[2] if len(files) > 2 else None, False,
                jail.Cell(tuple(map(Path, order["writes"])), tuple(order["ports"])),
            )
        )  # fmt: skip
    finally:
        os._exit(70)


def _tell_ends(children: dict[int, socket.socket]) -> None:
    """Collect who ended (also what was orphaned), and tell those who ordered them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            leash = children.pop(pid, None)
            if leash is not None:
                code = os.waitstatus_to_exitcode(status)
                end = {"signal": -code} if code < 0 else {"code": code}
                with contextlib.suppress(OSError):
                    leash.sendall(json.dumps(end).encode())
                leash.close()


def _import(modules: Iterable[str]) -> bool:
    before = os.environ.__class__
    os.environ.__class__ = _Environment
    _Environment.read = False
    try:
        with no_collection():
            for name in modules:
                importlib.import_module(name)
            if "sqlalchemy.orm" in sys.modules:  # else each child would do it at its first query
                sys.modules["sqlalchemy.orm"].configure_mappers()
    except BaseException:
        return False
    finally:
        os.environ.__class__ = before
    gc.freeze()
    return not _Environment.read


def _belongings() -> tuple[int, int]:
    """What a fork would share or lack: open files, threads."""
    try:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
    except OSError:
        return len(os.listdir("/dev/fd")), threading.active_count()


class _Environment(os._Environ):  # type: ignore[type-arg]
    """The environment while code is imported: knows whether a fork's own would have been read."""

    read = False

    def __getitem__(self, name: str) -> str:
        if name in OWN_VARIABLES:
            _Environment.read = True
        return str(super().__getitem__(name))

    def __iter__(self) -> Iterator[str]:
        _Environment.read = True
        return iter(super().__iter__())


def _enter(folder: Path, variables: Mapping[str, str], cell: jail.Cell) -> None:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    temporary = folder / "tmp"
    temporary.mkdir(exist_ok=True)
    if cell.user is not None:
        os.chown(temporary, cell.user, cell.user)
    try:
        jail.enter(cell)
    except OSError:
        os._exit(NOT_CLOSED)
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        HOME=str(folder), TMPDIR=str(temporary), PYTHONPATH=str(folder),
        PYTHONDONTWRITEBYTECODE="1",
    )  # fmt: skip
    os.environ.update(variables)
    tempfile.tempdir = None
    time.tzset()
    sys.dont_write_bytecode = True
    os.chdir(folder)
    sys.path.insert(0, str(folder))


def _limit(limits: Limits) -> None:
    def lower(kind: int, value: int) -> None:
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (value, value))

    lower(resource.RLIMIT_CORE, 0)
    lower(resource.RLIMIT_CPU, limits.cpu_seconds)
    lower(resource.RLIMIT_FSIZE, limits.file_size)
    lower(resource.RLIMIT_NOFILE, limits.open_files)
    if sys.platform == "linux":
        # Threads reserve far more addresses than they use: `Confined.look` holds the real limit.
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        lower(resource.RLIMIT_AS, mapped + limits.memory + (4 << 30))
        # Counts all tasks of this user (in old kernels beyond the name space too); not for root.
        tasks = int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
        lower(resource.RLIMIT_NPROC, tasks + 8 * limits.processes)


def _own_namespace(network: bool = False) -> bool:
    """Put the next child into user and process name spaces of its own, if the kernel lets us.

    It has no network but the sockets it is given, unless it may keep ours. Root needs no name
    space of users, and in one would lose the way into PostgreSQL's folder.
    """
    if sys.platform != "linux":
        return False
    user, group = os.geteuid(), os.getegid()
    libc = _libc()
    wanted = _NEW_PID if user == 0 else _NEW_USER | _NEW_PID
    apart = 0 if network else _NEW_NET
    if libc.unshare(wanted | apart) != 0 and (not apart or libc.unshare(wanted) != 0):
        return False
    if user == 0:
        return True
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    except OSError:
        os._exit(71)  # half inside: nothing sensible can be run here
    return True


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        _libc().prctl(option, value, 0, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _close_all_but(kept: Iterable[int]) -> None:
    """Close every descriptor but these and the three standard ones."""
    above = 3
    for descriptor in sorted({d for d in kept if d > 2}):
        os.closerange(above, descriptor)
        above = descriptor + 1
    open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(above, max(above, open_files if open_files > 0 else 65536))


def descendants(root: int, apart: Collection[int] = ()) -> list[int]:
    """The processes below one, nearest first; not those in `apart`, nor what is below them."""
    if not Path(f"/proc/{root}/task/{root}/children").exists():
        try:
            if not apart:
                return [child.pid for child in psutil.Process(root).children(recursive=True)]
            near = [c.pid for c in psutil.Process(root).children() if c.pid not in apart]
            return near + [pid for child in near for pid in descendants(child, apart)]
        except psutil.Error:
            return []
    found: list[int] = []
    level = [root]
    while level:
        deeper: list[int] = []
        for pid in level:
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with (
                        contextlib.suppress(OSError),
                        open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as children,
                    ):
                        deeper += [p for p in map(int, children.read().split()) if p not in apart]
        found += deeper
        level = deeper
    return found


def _sweep(root: int, reap: bool = True) -> None:
    """End all processes below `root`: stop them first, so that none forks while we look."""
    for _ in range(1000):
        stopped: set[int] = set()
        while new := set(descendants(root)) - stopped:
            for pid in new:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGSTOP)
            stopped |= new
        for pid in stopped:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if not reap or not stopped:
            return
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _resident(pid: int) -> int:
    """Bytes of memory that the process holds; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * resource.getpagesize()
    except OSError:
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
