"""The lesson's database in the tab, brought to where the lesson begins (on a computer: `stage`)."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from coursekit import course
from coursekit.errors import AppFailed, CourseError
from coursekit.runtime import Stage
from coursekit.tab import postgres
from coursekit.tables import TABLES, Wanted, makes_tables

BEFORE = "_before"

SetUp = Callable[[Path, str], list[str]]
"""Runs `set_up` of the files in a folder on the database at a URL; the lines of what went wrong."""


def prepare(name: str, backend: Path, course_files: course.Files, run: SetUp) -> Stage:
    """Bring the database `name` to where the lesson begins; what was written to it is kept."""
    template, failed = _template(backend, course_files, run)
    waiting = postgres.holder(name)
    keep = name + BEFORE if postgres.is_written(name) else ""
    if keep:
        postgres.rename(name, keep)
    postgres.copy(template, name)
    tables = postgres.ask(name, TABLES)
    return Stage(
        laid=template != postgres.FIRST,
        kept=keep,
        ended=(waiting,) if waiting else (),
        failed=tuple(failed),
    ).with_tables(tuple(str(row[0]) for row in tables), any(row[1] for row in tables))


def _template(backend: Path, course_files: course.Files, run: SetUp) -> tuple[str, list[str]]:
    """The template for the files as they stand, or (with the lines of what failed) the course's."""
    files = _read(backend / "boxoffice")
    mark = Wanted(course_files, "").mark
    try:
        return _made(files, lambda url: _fill(backend, url, run)), []
    except AppFailed as error:
        if Wanted(files, "").mark == mark:
            raise CourseError(f"The course's own tables could not be made.\n  {error}") from None
        lines = str(error).splitlines()
    folder = Path(tempfile.mkdtemp(prefix="boxoffice-"))
    try:
        course.write_files(course_files, folder)
        return _made(course_files, lambda url: _fill(folder, url, run)), lines
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _made(files: Mapping[str, str], make: Callable[[str], None]) -> str:
    if not makes_tables(dict(files)):
        return postgres.FIRST
    return postgres.template(Wanted(dict(files), "").mark, make)


def _fill(folder: Path, url: str, run: SetUp) -> None:
    if lines := run(folder, url):
        raise AppFailed("\n".join(lines))


def _read(package: Path) -> dict[str, str]:
    found = {}
    for path in package.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            try:
                found[path.relative_to(package).as_posix()] = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
    return found
