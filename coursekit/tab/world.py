"""What a process of its own would have, for code that runs in this very interpreter.

A world has modules of its own (of the learner's, that is: libraries are shared), a working folder,
variables and an output. All of it holds only while somebody is inside; then everything is as it
was, also when the code inside failed, was ended by the clock, or changed what is not its own.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import linecache
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from coursekit.tab import clock, loop

OUTPUT_CHARACTERS = 1 << 20
SHARED = ("__main__", "__mp_main__")


class TooMuch(BaseException):
    """More was printed than a world takes."""


class Output(io.TextIOBase):
    """What is printed in a world: as much as it takes, or (`is_strict`) an end to it."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, is_strict: bool) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._read = 0
        self.is_strict = is_strict
        self.is_full = False
        self.buffer = _Bytes(self)

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        room = OUTPUT_CHARACTERS - self._size
        if len(text) > room:
            self.is_full = True
            if self.is_strict:
                raise TooMuch
        self._parts.append(text[:room])
        self._size += min(len(text), room)
        clock.look()
        return len(text)

    def text(self) -> str:
        """All that was printed so far."""
        self._parts = ["".join(self._parts)]
        return self._parts[0]

    def fresh(self) -> str:
        """What was printed since the last call."""
        text = self.text()[self._read :]
        self._read = self._size
        if self._size > OUTPUT_CHARACTERS / 2:  # nobody asks for it again
            self._parts, self._size, self._read = [], 0, 0
        return text


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, output: Output) -> None:
        self._output = output

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._output.write(bytes(data).decode("utf-8", "replace"))
        return len(data)


class World:
    """Code of the learner's that works in `folder`, with the given variables on top of (or, where
    they are `all_variables`, in place of) those of this process.

    `code` is where it is imported from, if not from there. It `keeps_bytecode` of files that
    nobody changes.
    """

    def __init__(
        self, folder: Path, variables: Mapping[str, str], *, code: Path | None = None,
        all_variables: bool = False, is_strict: bool = False, keeps_bytecode: bool = False,
    ) -> None:  # fmt: skip
        self.folder = folder
        self.output = Output(is_strict)
        self._variables = dict(variables)
        self._are_all = all_variables
        self._code = code or folder
        self._keeps_bytecode = keeps_bytecode
        self._modules: dict[str, ModuleType] = {}
        self._path: list[str] | None = None

    def forget(self) -> None:
        """Begin anew with the files as they are now."""
        self._modules.clear()
        self._path = None
        importlib.invalidate_caches()
        linecache.checkcache()

    @contextlib.contextmanager
    def entered(self, seconds: float) -> Iterator[clock.Limit]:
        """Be inside for at most `seconds`; then the code gets an `Expired`."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(_everything_kept())
            stack.enter_context(self._surrounded())
            stack.enter_context(loop.inside())
            stack.enter_context(loop.outside())
            stack.enter_context(contextlib.redirect_stdout(self.output))
            stack.enter_context(contextlib.redirect_stderr(self.output))
            yield stack.enter_context(clock.limit(seconds))

    @contextlib.contextmanager
    def _surrounded(self) -> Iterator[None]:
        """The folder, its variables and its modules, in place of ours."""
        ours = _learners_modules()
        for name in ours:
            del sys.modules[name]
        sys.modules.update(self._modules)
        before = [*sys.path]
        libraries = [path for path in before if clock.is_library(f"{path}/")]
        sys.path[:] = self._path or [str(self._code), *libraries]
        _set_variables(self._variables if self._are_all else {**os.environ, **self._variables})
        sys.dont_write_bytecode = not self._keeps_bytecode  # a file may change within a second
        if self._are_all:
            tempfile.tempdir = None
        os.chdir(self.folder)
        try:
            yield
        finally:
            self._path = [*sys.path]
            sys.path[:] = before
            self._modules = _learners_modules()
            for name in self._modules:
                del sys.modules[name]
            sys.modules.update(ours)


@contextlib.contextmanager
def _everything_kept() -> Iterator[None]:
    """What code may change for all, as it was."""
    folder, variables, words = _working_folder(), dict(os.environ), [*sys.argv]
    writes, temporary, leave = sys.dont_write_bytecode, tempfile.tempdir, os._exit
    recursion, show = sys.getrecursionlimit(), warnings.showwarning
    depth = sys.get_coroutine_origin_tracking_depth()
    filters, finders = [*warnings.filters], [*sys.meta_path]
    root, handlers, level = logging.root, [*logging.root.handlers], logging.root.level
    os._exit = _leave
    try:
        yield
    finally:
        os._exit = leave
        sys.dont_write_bytecode, tempfile.tempdir, sys.argv[:] = writes, temporary, words
        sys.setrecursionlimit(recursion)
        sys.meta_path[:] = finders
        warnings.showwarning = show
        sys.set_coroutine_origin_tracking_depth(depth)
        if warnings.filters != filters:
            warnings.filters[:] = filters  # type: ignore[index]
            warnings._filters_mutated()  # type: ignore[attr-defined]
        root.handlers[:], root.level = handlers, level
        _set_variables(variables)
        os.chdir(folder)


def _leave(status: int) -> NoReturn:
    """`os._exit` would end us too."""
    raise SystemExit(status)


def _working_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "/"


def _set_variables(wanted: Mapping[str, str]) -> None:
    for name in os.environ.keys() - wanted.keys():
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


_known: set[str] = set()
_learners: set[str] = set()


def _learners_modules() -> dict[str, ModuleType]:
    """The modules that are loaded now and no libraries."""
    for name in sys.modules.keys() - _known:
        _known.add(name)
        if _is_learners(name):
            _learners.add(name)
    return {name: sys.modules[name] for name in _learners if name in sys.modules}


def _is_learners(name: str) -> bool:
    if name in SHARED:
        return False
    if name.partition(".")[0] == "boxoffice":
        return True
    module = sys.modules[name]
    try:
        path = module.__file__ or next(iter(module.__path__), "")
    except (AttributeError, TypeError):
        return False
    return bool(path) and not clock.is_library(path)
