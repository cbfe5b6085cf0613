"""`coursekit doctor`: what is wrong on this machine, and how to mend it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata

from coursekit import course, places, runtime
from coursekit.errors import CourseError

NEEDED_BYTES = 500 * 1024**2


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: fine or not, in words, and what to do where it is not."""

    fine: bool
    words: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{'✓' if self.fine else '✗'} {self.words}" + (
            f"\n  → {self.mend}" if self.mend else ""
        )


def examine() -> Iterator[Finding]:
    """Look at everything the course needs, one after another."""
    for look in runtime.current().looks():
        try:
            yield look()
        except CourseError as error:
            yield Finding(False, str(error))
        except Exception as error:
            yield Finding(
                False, f"{look.__name__} could not finish: {type(error).__name__}: {error}"
            )


def look_at_system(system: str = sys.platform) -> Finding:
    if system == "win32":
        return Finding(
            False,
            "Windows itself has no Redis server to run: use WSL.",
            "In a terminal: wsl --install. Then clone the course in WSL and run make lab there.",
        )
    return Finding(True, f"the system is {'macOS' if system == 'darwin' else 'Linux'}")


def look_at_python(version: tuple[int, ...] = sys.version_info[:2]) -> Finding:
    number = ".".join(map(str, version[:2]))
    if not (3, 11) <= version[:2] <= (3, 13):
        return Finding(
            False,
            f"Python {number} is not one of 3.11, 3.12, 3.13",
            "Install one of these and run make lab PYTHON=python3.12",
        )
    return Finding(True, f"Python {number} fits")


def look_at_packages() -> Finding:
    """Compare what is installed with the lock, as far as its pins hold for this machine."""
    lock = places.checkout() / "requirements.txt"
    wrong = []
    for line in lock.read_text().splitlines():
        match = re.match(r"^([A-Za-z0-9_.-]+)(?:\[.*\])?==([^ ;]+) *$", line)
        if match:
            try:
                found = metadata.version(match[1])
            except metadata.PackageNotFoundError:
                found = "missing"
            if found != match[2]:
                wrong.append(f"{match[1]} {found}")
    if wrong:
        return Finding(
            False,
            f"{len(wrong)} packages differ from requirements.txt: {', '.join(wrong[:5])}",
            "make lab installs the pinned ones",
        )
    return Finding(True, "all packages are those of requirements.txt")


def look_at_workspace() -> Finding:
    folder = places.workspace()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            False,
            f"your workspace {folder} cannot be written ({error.strerror})",
            "Give yourself the right to write there, or set COURSEKIT_WORKSPACE to another folder",
        )
    if shutil.disk_usage(folder).free < NEEDED_BYTES:
        return Finding(False, "less than 500 MB of disk are free", "Free some space")
    return Finding(True, "your workspace can be written")


def look_at_state() -> Finding:
    folder = places.state()
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        return Finding(
            False,
            f"less than 500 MB are free where the servers keep their data ({folder})",
            "Free some space, or set COURSEKIT_STATE to another folder",
        )
    if len(os.fsencode(folder / "postgres" / ".s.PGSQL.5432.lock")) > 100:
        return Finding(
            False,
            f"the path {folder} is too long for a Unix socket",
            "Set COURSEKIT_STATE to a short path such as /tmp/boxoffice",
        )
    return Finding(True, "the servers' folder can be written")


def look_at_lessons() -> Finding:
    count = len(course.lessons())
    if not count:
        return Finding(False, "no lesson was found beside the package", "Clone the repository anew")
    if lost := course.left_out("end"):
        return Finding(
            False,
            f"{len(lost)} build cells of the notebooks cannot be used: {lost[0]}",
            "Undo the change in that notebook; git checkout -- notebooks brings all of them back",
        )
    return Finding(True, "the lessons are there, and Box Office can be put together from them")


def look_at_servers() -> Finding:
    """Start what is down: asking is the only honest test."""
    from coursekit import services

    postgres, redis = services.ensure()
    given = [name for name in ("DATABASE_URL", "REDIS_URL") if services.given_url(name)]
    where = f" (yours, by {' and '.join(given)})" if given else ""
    told = "".join(f"\n  · {note}" for note in services.notes())
    return Finding(True, f"{postgres} and {redis} answer{where}{told}")


def look_at_helper() -> Finding:
    from coursekit import warm

    warm.connect().close()
    return Finding(True, "the helper process that starts your API answers")


LOOKS: tuple[Callable[[], Finding], ...] = (
    look_at_system, look_at_python, look_at_packages, look_at_workspace, look_at_state,
    look_at_lessons, look_at_servers, look_at_helper,
)  # fmt: skip
"""What there is to look at on a computer."""


def main() -> int:
    """Print the findings; 0 where all is well."""
    bad = 0
    for finding in examine():
        print(finding, flush=True)
        bad += not finding.fine
    if bad:
        print(f"{bad} {'thing needs' if bad == 1 else 'things need'} mending.")
        print(f"({platform.platform()}, logs in {places.state()})")
    else:
        print("All is well.")
    return 1 if bad else 0
