"""The learner's folder: read and written so that nothing of theirs is ever lost."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coursekit import build, course
from coursekit.errors import BuildRefused, WorkspaceProblem


@dataclass(frozen=True)
class Restored:
    """What `restore` did: files `written` (some of them `changed` by it) and `removed`, and the
    learner's own that it `kept`."""

    written: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class Written:
    """One file that was written: its old text (None: it is new), its new text, the copy kept."""

    path: str
    old: str | None
    new: str
    copy: Path | None = None


@dataclass(frozen=True)
class Workspace:
    """The learner's folder. `package` is where boxoffice/ stands in it."""

    root: Path
    backend: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "backend", self.root / "backend")

    @property
    def package(self) -> Path:
        return self.backend / "boxoffice"

    def place(self, target: build.Target) -> Path:
        """The file that a target names. Raises BuildRefused where a link leads out."""
        base = self.root if target.is_scratch else self.package
        path = base / target.path
        if not path.parent.resolve().is_relative_to(base.resolve()) or (
            path.is_symlink() and not path.resolve().is_relative_to(base.resolve())
        ):
            raise BuildRefused(
                f"{target.path} is a link that leads out of your workspace, so it was not written."
            )
        return path

    def require(self) -> None:
        """Raise WorkspaceProblem where the folder that `start` made is gone."""
        if not self.backend.is_dir():
            raise WorkspaceProblem(
                f"Your workspace {self.root} is gone. Run the lesson's first code cell, "
                "`start(…)`, again: it puts back what the course wrote. Then run this cell."
            )

    def count(self) -> int:
        """How many files of Box Office stand here."""
        return len(self._texts())

    def read(self, target: build.Target) -> str | None:
        """The text of a file; None where there is none."""
        path = self.place(target)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise WorkspaceProblem(f"{target.path} cannot be read ({reason}).") from None

    def write(self, target: build.Target, text: str) -> Written:
        """Write a file whole, or not at all; a copy of the learner's own text is kept."""
        path, old = self.place(target), self.read(target)
        copy = None
        if old is not None and old != text and not course.is_ours(target.path, old):
            copy = self.keep(path)
        self._write(path, text)
        return Written(target.path, old, text, copy)

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, text)
        except (IsADirectoryError, NotADirectoryError, FileExistsError):
            raise WorkspaceProblem(
                f"{path.relative_to(self.root)} cannot be written: a folder stands where a file "
                "should be, or a file where a folder should be. `start(…, fresh=True)` sets all "
                "your files aside and begins anew."
            ) from None
        except OSError as error:
            raise WorkspaceProblem(
                f"{path.name} cannot be written ({error.strerror}). Is the folder "
                f"{self.root} read-only, or the disk full? The old file stands as it was."
            ) from None

    def keep(self, path: Path) -> Path:
        """Copy one file to kept/<now>/, and return the copy's path."""
        copy = self._kept_folder() / path.relative_to(self.root)
        try:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
        except OSError as error:
            raise WorkspaceProblem(
                f"A copy of your {path.name} could not be kept ({error.strerror}), so it was not "
                f"changed. Is the folder {self.root} read-only, or the disk full?"
            ) from None
        return copy

    def _kept_folder(self) -> Path:
        return self.root / "kept" / datetime.now().strftime("%Y-%m-%d_%H.%M.%S.%f")[:-3]

    def archive(self) -> Path | None:
        """Move all of backend/ to kept/<now>/; None where there is nothing to keep."""
        if not any(path.is_file() for path in self.backend.rglob("*")):
            return None
        folder = self._kept_folder()
        try:
            folder.mkdir(parents=True)
            shutil.move(self.backend, folder / "backend")
        except OSError as error:
            raise WorkspaceProblem(
                f"Your files could not be set aside ({error.strerror}), so nothing was changed."
            ) from None
        return folder

    def restore(
        self,
        files: course.Files,
        is_ours: Callable[[str, str], bool],
        is_jumbled: Callable[[str, str], bool] = lambda *_: False,
    ) -> Restored:
        """Bring boxoffice/ to `files`; what the learner wrote (not `is_ours`) stays and wins.

        Where it `is_jumbled`, that is ours in another order, a copy of it is kept instead.
        """
        written, removed, kept = [], [], []
        present = self._texts()
        for path, text in present.items():
            if path in files and text == files[path]:
                continue
            ours = text is not None and is_ours(path, text)
            if text is not None and not ours and is_jumbled(path, text):
                self.keep(self.package / path)
                ours = True
            if not ours:
                kept.append(path)
            elif path not in files:
                with contextlib.suppress(OSError):
                    (self.package / path).unlink()
                    removed.append(path)
        for path, text in files.items():
            if path not in kept and present.get(path) != text:
                self._write(self.place(build.Target(path)), text)
                written.append(path)
        changed = [
            path
            for path in written
            if path in present
            and build.without_imports(present[path] or "") != build.without_imports(files[path])
        ]
        return Restored(tuple(written), tuple(removed), tuple(changed), tuple(sorted(kept)))

    def _texts(self) -> dict[str, str | None]:
        """Path below boxoffice/ → text of every file there; None where it is not text."""
        found: dict[str, str | None] = {}
        try:
            for path in sorted(self.package.rglob("*")):
                parts = path.relative_to(self.package).parts
                if path.is_file() and not any(p.startswith((".", "__pycache__")) for p in parts):
                    try:
                        found["/".join(parts)] = path.read_text(encoding="utf-8")
                    except UnicodeDecodeError:
                        found["/".join(parts)] = None
        except OSError as error:
            raise WorkspaceProblem(f"{self.package} cannot be read ({error.strerror}).") from None
        return found


def replace(path: Path, text: str) -> None:
    """Write a file so that it is whole at any moment: beside it first, then in its place."""
    descriptor, half = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(half, 0o644)
        os.replace(half, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(half)
        raise


def read_json(path: Path) -> tuple[dict[str, object], Path | None]:
    """The object in a JSON file, {} where there is none.

    A file that is no such object is set aside; the second value is where it then stands.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict):
            return data, None
    except FileNotFoundError:
        return {}, None
    except (ValueError, RecursionError):
        pass
    except OSError as error:
        raise WorkspaceProblem(f"{path.name} cannot be read ({error.strerror}).") from None
    return {}, set_aside(path)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, and return its new name."""
    aside = path.with_name(f"{path.stem}.broken-{datetime.now():%Y-%m-%d_%H.%M.%S}{path.suffix}")
    with contextlib.suppress(OSError):
        os.replace(path, aside)
    return aside


@contextlib.contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """One kernel at a time; the lock is a file of that name in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
