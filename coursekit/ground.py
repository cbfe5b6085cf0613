"""What the sandboxes of one verdict share: the files, and one process that has imported them.

Importing Box Office takes longer than most items. So it is imported once, in a confined process,
and what an item needs is forked from it. That must never change a verdict: where the import
fails or takes long, where it opens files, starts threads or reads what differs from item to item,
each item gets processes that import for themselves.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

from coursekit import course, jail
from coursekit.confine import Confined, Limits, Mother, Watch
from coursekit.warm import Channel

LOADING_SECONDS = 1.5

Role = Callable[..., None]
"""What a process does; it gets a channel, and as `folder` the place of boxoffice/."""


class Ground:
    """The folder of one verdict: the files once, and a place for each sandbox."""

    def __init__(
        self, files: course.Files, folder: Path, watch: Watch, roles: Mapping[str, Role], *,
        namespace: bool = True, limits: Limits | None = None, shared: bool = True,
        ports: Iterable[int] = (),
    ) -> None:  # fmt: skip
        """`ports` are those that all code may call, as a database's."""
        self.watch = watch
        self.limits = limits or Limits()
        self.namespace = namespace
        self.files = files
        self.folder = folder
        self._roles = roles
        self._ports = tuple(ports)
        self._home = folder / "files"
        course.write_files(files, self._home)
        self._user = jail.user(folder)
        self._ways = jail.closed([*jail.needed(), str(folder)]) if self._user else None
        self._shared = shared
        self._stamp = _stamp(self._home)
        self._mother: Mother | None = None
        self._loaded: set[str] = set()
        self._loading = threading.RLock()

    def place(self, name: str) -> Path:
        """A working folder where boxoffice/ is the shared one."""
        place = self.folder / name
        place.mkdir()
        (place / "boxoffice").symlink_to(self._home / "boxoffice")
        jail.give(place, self._user)
        return place

    def copy(self, place: Path) -> None:
        """Give a working folder a boxoffice/ of its own."""
        with contextlib.suppress(OSError):
            (place / "boxoffice").unlink()
        course.write_files(self.files, place)
        jail.give(place, self._user)

    @property
    def door(self) -> Path | None:
        """A folder for PostgreSQL's socket, where the code cannot pass through the server's."""
        return self.folder / "pg" if self._user else None

    def cell(self, *writes: Path, ports: Iterable[int] = ()) -> jail.Cell:
        """What a process may reach that writes to these folders."""
        return jail.Cell(writes, (*ports, *self._ports), self._user, self._ways)

    def start(
        self, role: str, place: Path, *, alone: bool = False, modules: Iterable[str] = (),
        listener: socket.socket | None = None, variables: Mapping[str, str] | None = None,
    ) -> Confined:  # fmt: skip
        """A process that does its role in `place`: forked, or (as `alone`) one that imports."""
        process = None
        if not alone and self.load(modules):
            with contextlib.suppress(OSError, ValueError):
                process = Confined(
                    _nothing, place, limits=self.limits, listener=listener,
                    variables=variables, namespace=self.namespace, mother=self._mother, role=role,
                    cell=self.cell(place, self._home),
                )  # fmt: skip
        if process is None:
            if not alone and (place / "boxoffice").is_symlink():
                self.copy(place)
            process = Confined(
                partial(self._roles[role], folder=place), place, limits=self.limits,
                listener=listener, variables=variables, namespace=self.namespace,
                cell=self.cell(place),
            )  # fmt: skip
        self.watch.add(process)
        return process

    def load(self, modules: Iterable[str]) -> bool:
        """Have the shared process import these; False where there is none to fork from."""
        with self._loading:
            if not self._shared:
                return False
            wanted = [name for name in modules if name not in self._loaded]
            if self._mother is None:
                self._mother = Mother(
                    {n: partial(r, folder=self._home) for n, r in self._roles.items()},
                    self._home, limits=self.limits, namespace=self.namespace,
                    cell=self.cell(self.folder),
                )  # fmt: skip
                self.watch.add(self._mother)
            if wanted:
                started = time.monotonic()
                self._loaded.update(wanted)
                if not self._mother.load(wanted, LOADING_SECONDS):
                    self._shared = False
                    self._mother.stop()
                    self.watch.give(time.monotonic() - started)
            return self._shared

    def has(self, module: str) -> bool:
        """Whether the files hold that module."""
        path = "/".join(module.split(".")[1:])
        return f"{path}.py" in self.files or f"{path}/__init__.py" in self.files

    @property
    def is_altered(self) -> bool:
        """Whether somebody wrote to the files that all sandboxes share."""
        return self._mother is not None and _stamp(self._home) != self._stamp

    def close(self) -> None:
        """End the shared process, and with it all that was forked from it."""
        with self._loading:
            self._shared = False
            if self._mother is not None:
                self.watch.forget(self._mother)
                self._mother.end()


def _nothing(_: Channel) -> None:
    """The mother knows by the role what is to be done."""


def _stamp(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path, _, names in os.walk(folder):
        if path == str(folder / "tmp"):
            continue
        for name in names:
            with contextlib.suppress(OSError):
                seen = os.stat(os.path.join(path, name))
                found[os.path.join(path, name)] = (seen.st_mtime_ns, seen.st_size)
    return found
