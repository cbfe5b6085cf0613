"""What a learner wrote survives a reload: kept on the drive of the page.

Python works in memory, where files are quick. After each cell, what is the learner's own is
written to the drive beside the notebooks; when a kernel starts, it is read back. What the course
itself writes is not kept: `start` puts it back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

DRIVE = Path("/drive")
FOLDER = "workspace"
PROGRESS = "progress.json"
ANSWERS = "answers.json"
HALF = ".half-written"
LARGEST = 1_000_000
"""A file of more bytes is not kept: it is data, not somebody's code."""

Stamp = tuple[int, int]


class Mirror:
    """The folder `home`, and its copy in `drive`. `is_ours` says which texts the course wrote."""

    def __init__(self, home: Path, drive: Path, is_ours: Callable[[str, str], bool]) -> None:
        self._home = home
        self._drive = drive
        self._is_ours = is_ours
        self._seen: dict[str, Stamp] = {}
        """Files at home as they were when they were last looked at."""
        self._kept: set[str] = set()
        """Files on the drive."""
        self._progress: Stamp | None = None

    def load(self) -> None:
        """Bring what the drive has into the folder. Damaged or not, it is read as it is."""
        for path in _files(self._drive):
            name = path.relative_to(self._drive).as_posix()
            if path.name.endswith(HALF):
                with contextlib.suppress(OSError):
                    path.unlink()  # cut short: the file that it was to replace is there
                continue
            with contextlib.suppress(OSError):
                self._write(self._home / name, path.read_bytes())
                self._seen[name] = _stamp(self._home / name)
                self._kept.add(name)
        self._progress = _stamp_or_none(self._drive / PROGRESS)

    def pull(self) -> None:
        """Before a cell: the progress that another notebook of this page has made since."""
        now = _stamp_or_none(self._drive / PROGRESS)
        if now is not None and now != self._progress:
            with contextlib.suppress(OSError):
                self._write(self._home / PROGRESS, (self._drive / PROGRESS).read_bytes())
                self._seen[PROGRESS] = _stamp(self._home / PROGRESS)
            self._progress = now

    def push(self) -> None:
        """After a cell: write down what changed, and drop what is gone."""
        present = {}
        for path in _files(self._home):
            with contextlib.suppress(OSError):
                present[path.relative_to(self._home).as_posix()] = _stamp(path)
        for name, stamp in present.items():
            if self._seen.get(name) != stamp:
                self._keep(name)
        for name in [*self._kept]:
            if name not in present:
                self._drop(name)
        self._seen = present
        self._progress = _stamp_or_none(self._drive / PROGRESS)

    def _keep(self, name: str) -> None:
        source = self._home / name
        with contextlib.suppress(FileNotFoundError):
            data = source.read_bytes()
            if self._is_learners(name, data):
                self._write(self._drive / name, data)
                self._kept.add(name)
            elif name in self._kept:
                self._drop(name)

    def _is_learners(self, name: str, data: bytes) -> bool:
        parts = name.split("/")
        if parts[-1] in (PROGRESS, ANSWERS) or "kept" in parts or ".broken-" in parts[-1]:
            return True
        if parts[0] == "exercises" or len(data) > LARGEST:
            return False  # what stands there is made from the answers
        for folder in ("backend/boxoffice/", "scratch/"):
            if name.startswith(folder):
                text = data.decode("utf-8", "surrogateescape")
                return not self._is_ours(name[len(folder) :], text)
        return True

    def _drop(self, name: str) -> None:
        self._kept.discard(name)
        with contextlib.suppress(OSError):
            (self._drive / name).unlink()

    def _write(self, path: Path, data: bytes) -> None:
        """Whole, or not at all: what stood there is replaced when the new file is complete."""
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + HALF)
        half.write_bytes(data)
        os.replace(half, path)


def _files(folder: Path) -> Iterator[Path]:
    """The files below a folder; not caches, nor locks and other files that begin with a dot."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(".") or entry.name == "__pycache__":
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _stamp(path: Path) -> Stamp:
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _stamp_or_none(path: Path) -> Stamp | None:
    try:
        return _stamp(path)
    except OSError:
        return None
