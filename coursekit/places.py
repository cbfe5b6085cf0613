"""Where things are: the checkout, the learner's workspace, the state of the servers.

Environment: `COURSEKIT_WORKSPACE` moves the workspace, `COURSEKIT_ISOLATE` gives every lesson a
workspace of its own below that folder (so that notebooks can run side by side), `COURSEKIT_STATE`
moves the servers' state. `COURSEKIT_QUIET` has no line tell of a wait; so has `COURSEKIT_ISOLATE`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from coursekit.errors import WorkspaceProblem

MEMORY = Path("/dev/shm")
ROOM = 3 << 30
"""Bytes that must be free in memory, and in the file system that lies there."""


def checkout() -> Path:
    """The folder that holds `notebooks/`: the one this package was installed from.

    In a browser tab the package carries the course along.
    """
    carried = Path(__file__).resolve().parent / "_course"
    return carried if carried.is_dir() else carried.parent.parent


def workspace(lesson: str = "") -> Path:
    """The learner's folder. It is not created here."""
    isolated = os.environ.get("COURSEKIT_ISOLATE")
    if isolated:
        return Path(isolated).resolve() / (lesson or "any")
    if chosen := os.environ.get("COURSEKIT_WORKSPACE"):
        return Path(chosen).resolve()
    return (Path.home() if checkout().name == "_course" else checkout()).resolve() / "workspace"


def state() -> Path:
    """The folder of the servers of this checkout, created for this user alone.

    It stands in the system's folder for temporary files: sockets need a short path without
    surprises, and PostgreSQL must be able to pass through every folder above its data.
    """
    chosen = os.environ.get("COURSEKIT_STATE")
    if chosen:
        folder = Path(chosen).resolve()
    else:
        mark = hashlib.sha256(os.fsencode(checkout())).hexdigest()[:8]
        user = os.getuid() if hasattr(os, "getuid") else 0
        folder = Path(tempfile.gettempdir()) / f"boxoffice-{user}-{mark}"
    try:
        if not folder.exists():
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            folder.chmod(0o711)  # whatever the umask: PostgreSQL passes through as another user
    except OSError as error:
        raise WorkspaceProblem(
            f"The servers need a folder for their state, and {folder} cannot be made "
            f"({error.strerror}). Set COURSEKIT_STATE to a folder you may write to."
        ) from None
    if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
        raise WorkspaceProblem(
            f"{folder} belongs to another user. Set COURSEKIT_STATE to a folder of your own."
        )
    return folder


def passing() -> Path:
    """The folder for what is made and deleted by the thousand: in memory, where that has room.

    A check makes some hundred files, and each of its databases three hundred. Not for what a
    learner keeps running: it would take memory from their work.
    """
    import psutil  # not in a browser tab

    with contextlib.suppress(OSError):
        kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
        free = shutil.disk_usage(MEMORY).free
        is_roomy = min(free, psutil.virtual_memory().available) >= ROOM
        if kinds.get(str(MEMORY)) == "tmpfs" and is_roomy and os.access(MEMORY, os.W_OK):
            return MEMORY
    return Path(tempfile.gettempdir())
