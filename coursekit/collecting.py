"""Collecting from nbgrader's exchange: each learner's own files, and nothing else.

The exchange's inbound folder can be written by all learners. So what lies there may bear another
learner's name, lead elsewhere as a link, or have a name that nobody can read; each of these is
told to the lead and left where it is, and the others are collected.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect  # type: ignore[import-untyped]

from coursekit import official

Record = dict[str, Any]


class Collect(ExchangeCollect):  # type: ignore[misc]
    """See nbgrader. `check_owner` refuses what another user handed in, instead of warning."""

    src_records: list[Record]

    def _path_to_record(self, path: str) -> Record:
        name = os.path.basename(path)
        try:
            record: Record = super()._path_to_record(path)
        except (SystemExit, ValueError, OverflowError, TypeError, IndexError):
            record = {"username": "", "filename": name, "timestamp": datetime.min}
        fault = "its name cannot be read" if not record["username"] else self._fault(path, record)
        if fault:
            self.log.error("%s is not collected: %s", path, fault)
            record["timestamp"] = datetime.min
            record["fault"] = fault
        return record

    def _fault(self, path: str, record: Record) -> str:
        """What is wrong with something handed in, before it is copied."""
        try:
            about = os.lstat(path)
        except OSError as error:
            return str(error.strerror)
        if not stat.S_ISDIR(about.st_mode):
            return "it is no folder"
        if self.check_owner and _owner(about.st_uid) != record["username"]:
            return f"it belongs to {_owner(about.st_uid)}, another user than it names"
        if self.get_size(path) > 1000 * self.coursedir.max_dir_size:
            return f"it is larger than {self.coursedir.max_dir_size // 1000} MB"
        return ""

    def init_src(self) -> None:
        super().init_src()
        self.src_records = [record for record in self.src_records if "fault" not in record]

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        """Copy one submission; links are left out, and an error is told and stops no other."""
        try:
            ignore = shutil.ignore_patterns(*self.coursedir.ignore)
            shutil.copytree(src, dest, symlinks=True, ignore=_and_strange(ignore))
            official.tidy(Path(dest))
        except (OSError, shutil.Error) as error:
            self.log.error("%s is not collected: %s", src, error)
            shutil.rmtree(dest, ignore_errors=True)
        else:
            self._share(Path(dest))

    def _share(self, folder: Path) -> None:
        """The lead's copy is the lead's to change, whatever rights the learner gave it."""
        more = 0o070 if self.coursedir.groupshared else 0
        for path in [folder, *folder.rglob("*")]:
            path.chmod(
                (0o700 | more | 0o2000 * bool(more)) if path.is_dir() else 0o600 | more & 0o60
            )


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


Ignore = Callable[[str, list[str]], set[str]]


def _and_strange(ignore: Callable[..., Any]) -> Ignore:
    """Leave out also what is neither a notebook nor nbgrader's own, and pipes, which never end."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        out = set(ignore(folder, names))
        for name in names:
            kind = os.lstat(os.path.join(folder, name)).st_mode
            is_known = name.endswith(".ipynb") or name in {official.TIMESTAMP, official.SECRET}
            if not stat.S_ISDIR(kind) and not (stat.S_ISREG(kind) and is_known):
                out.add(name)
        return out

    return left_out
