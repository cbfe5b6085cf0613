"""What confined code may reach of this machine: files, ports, capabilities, and as which user.

Limits say how much, this module says what. Landlock (Linux 5.13 and later) needs no rights of its
own, holds for all children and cannot be taken back: files outside the sandbox are read where
Python and its packages are, written nowhere, and no port is opened or called. A judge that is root
makes the code an unprivileged user besides. `gaps` says what a machine cannot do of this.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import stat
import struct
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coursekit import places

FIRST_USER, USERS = 40_000, 20_000
"""Users that are nobody: one for each judging process, so none can touch another's."""

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read a file, list a folder
_WRITE = 1 << 1 | sum(1 << bit for bit in range(4, 13))
_RIGHTS = {1: 0, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""Version of Landlock → the rights to files that it added: refer, truncate, devices."""
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_TCP = 1 << 0 | 1 << 1  # bind, connect
_SCOPES = 1 << 0 | 1 << 1  # abstract sockets, signals
_NO_NEW_PRIVILEGES = 38
_NEW_MOUNTS, _NEW_USERS = 0x00020000, 0x10000000
_NEW_ALL = 0x20000000 | 0x40000000  # processes, network
_MS_BIND, _MS_REC, _MS_PRIVATE = 4096, 16384, 1 << 18
SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/nix/store",
          "/sys/devices/system/cpu", "/dev/urandom", "/dev/random")  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full")


@dataclass(frozen=True)
class Cell:
    """What the code in a process may reach: folders to write to, ports to call, a user to be."""

    writes: tuple[Path, ...]
    ports: tuple[int, ...] = ()
    user: int | None = None
    ways: Mapping[str, tuple[str, ...]] | None = None
    """Closed folders → what is needed from below them; see `closed`."""


# --- on the side of the judge -------------------------------------------------------------------


def user(folder: Path) -> int | None:
    """An unprivileged user who now owns this folder; None where the judge itself is no root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not may_become_others():
        return None
    number = FIRST_USER + os.getpid() % USERS
    try:
        give(folder, number)
    except OSError:  # a container that knows few users
        return None
    return number


def give(folder: Path, owner: int | None) -> None:
    """Make all below a folder that user's, and nobody else's to see."""
    if owner is None:
        return
    for path, _, names in os.walk(folder):
        os.chown(path, owner, owner)
        for name in names:
            os.chown(os.path.join(path, name), owner, owner, follow_symlinks=False)
    folder.chmod(0o700)


def closed(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of the ways to these paths: the first folder that others may not pass → the paths below."""
    found: dict[str, list[str]] = {}
    for path in dict.fromkeys(os.path.realpath(path) for path in paths):
        for above in reversed(Path(path).parents):
            with contextlib.suppress(OSError):
                if not above.stat().st_mode & stat.S_IXOTH:
                    found.setdefault(str(above), []).append(path)
                    break
    return {top: tuple(below) for top, below in found.items()}


@cache
def needed() -> tuple[str, ...]:
    """Where Python and the packages are: to be read by all code."""
    own = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
    root = places.checkout().resolve()  # holds the checks, and what a cohort handed in
    found = {os.path.realpath(path) for path in sys.path if os.path.isdir(path)}
    apart = {
        p for p in found if root not in (Path(p), *Path(p).parents) and Path(p) not in root.parents
    }
    return tuple(sorted(own | apart))


@cache
def may_become_others() -> bool:
    """Whether root may, and Python is then within reach. Ask before there are threads: it forks."""
    capabilities = 0
    with contextlib.suppress(OSError):
        words = Path("/proc/self/status").read_text().split("CapEff:")[1].split()
        capabilities = int(words[0], 16)
    may_set = capabilities >> 6 & 1 and capabilities >> 7 & 1
    ways = closed(needed())
    if not may_set or not ways:
        return bool(may_set)
    with _uninterrupted():
        pid = os.fork()
        if pid == 0:
            try:
                os._exit(0 if open_ways(ways) else 1)
            finally:
                os._exit(1)
        return os.waitpid(pid, 0)[1] == 0


@cache
def landlock() -> int:
    """The version that the kernel has; 0 for none."""
    if sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"}:
        return 0
    if os.environ.get("COURSEKIT_NO_LANDLOCK"):
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, 1)))


@cache
def name_spaces() -> bool:
    """Whether code can have processes and a network of its own. It forks."""
    if sys.platform != "linux":
        return False
    with _uninterrupted():
        pid = os.fork()
        if pid == 0:
            flags = _NEW_ALL | (0 if os.geteuid() == 0 else _NEW_USERS)
            os._exit(0 if _libc().unshare(flags) == 0 else 1)
        return os.waitpid(pid, 0)[1] == 0


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """An Interrupt waits: inside of a fork Python would swallow it.

    To block the signal is not enough: another thread takes it, and the main one is told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python raises in the main thread alone
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            signal.raise_signal(signal.SIGINT)


def gaps() -> list[str]:
    """What this machine cannot keep from confined code, in sentences."""
    found = []
    version = landlock()
    if not version:
        found.append(
            "The kernel has no Landlock: an answer can read the files that the judge's user can"
            + (" read." if os.geteuid() == 0 else " read, and change those it can change.")
        )
    if not name_spaces():
        words = "The kernel gives no name spaces: an answer can send datagrams"
        words += "" if version >= 4 else ", open and call ports"
        found.append(words + (", and end the judge." if version < 6 else "."))
    if os.geteuid() == 0 and not may_become_others():
        found.append("Answers run as root, without root's capabilities.")
    return found


# --- in the keeper ------------------------------------------------------------------------------


def open_ways(ways: Mapping[str, Sequence[str]]) -> bool:
    """In a name space of mounts: of closed folders show what is needed to all, and nothing else.

    False where the kernel does not let us.
    """
    libc = _libc()

    def mount(source: str, target: str, kind: bytes | None, flags: int, more: bytes | None) -> bool:
        names = os.fsencode(source), os.fsencode(target)
        return bool(libc.mount(*names, kind, ctypes.c_ulong(flags), more) == 0)

    if libc.unshare(_NEW_MOUNTS) != 0 or not mount("none", "/", None, _MS_REC | _MS_PRIVATE, None):
        return False
    for top, below in ways.items():
        held = [(path, os.open(path, os.O_PATH)) for path in below]
        if not mount("none", top, b"tmpfs", 0, b"mode=755,size=64k"):
            return False
        for path, descriptor in held:
            os.makedirs(path, mode=0o755, exist_ok=True)
            if not mount(f"/proc/self/fd/{descriptor}", path, None, _MS_BIND | _MS_REC, None):
                return False
            os.close(descriptor)
    return True


# --- in the inmate ------------------------------------------------------------------------------


def enter(cell: Cell) -> None:
    """Give up what the cell does not have, for good."""
    if cell.user is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(cell.user, cell.user, cell.user)
        os.setresuid(cell.user, cell.user, cell.user)
    elif sys.platform == "linux":  # root, or the first process of a name space of users
        _drop_capabilities()
    if landlock():
        _lock(cell)


def _drop_capabilities() -> None:
    header, none = struct.pack("Ii", 0x20080522, 0), bytes(24)
    if _libc().capset(header, none) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _lock(cell: Cell) -> None:
    libc, version = _libc(), landlock()
    all_files = _READ | _WRITE | sum(bits for since, bits in _RIGHTS.items() if version >= since)
    tcp = _TCP if version >= 4 else 0
    scopes = _SCOPES if version >= 6 else 0
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    wanted = struct.pack("QQQ", all_files, tcp, scopes)[:size]
    rules = libc.syscall(_CREATE_RULESET, wanted, size, 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    granted = [(path, _READ) for path in (*SYSTEM, *needed())]
    granted += [(path, _READ | _WRITE) for path in DEVICES]
    granted += [(str(path), all_files & ~(1 << 15)) for path in cell.writes]
    for path, rights in granted:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
            if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
                rights &= _FILE
            rule = struct.pack("=Qi", rights & all_files, descriptor)
            failed = libc.syscall(_ADD_RULE, rules, 1, rule, 0)
            os.close(descriptor)
            if failed:
                raise OSError(ctypes.get_errno(), f"landlock {path}")
    for port in cell.ports if tcp else ():
        if libc.syscall(_ADD_RULE, rules, 2, struct.pack("QQ", 1 << 1, port), 0):
            raise OSError(ctypes.get_errno(), "landlock, a port")
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.syscall(_RESTRICT_SELF, rules, 0):
        raise OSError(ctypes.get_errno(), "landlock")
    os.close(rules)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
