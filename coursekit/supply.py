"""Databases for the sandboxes of a check: a copy of one template for each, dropped afterwards.

A template is what `boxoffice.database:set_up` makes of an empty database. It is kept by what that
function can reach, so an answer that touches neither tables nor migrations needs no new one.
Copies of such a template are made ahead, when nobody waits: *spares*, which a check only renames.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import psycopg

from coursekit import course, places, roles, services
from coursekit.errors import CourseError
from coursekit.tables import EMPTY, Wanted
from coursekit.verdict import CouldNotFinish, NotYet

DATABASES = "databases"
"""A file of that name in a check's folder says that there are some to drop."""
SPARES = 5
SPARE_KINDS = 2
"""How many spares there are of a template, and of how many templates."""
SPARE = "spare_"
LARGEST = 256 << 20
"""Bytes that a database of a check may take."""

Call = Callable[[str], None]
"""Runs the learner's `set_up(url)` in a confined process. Raises NotYet or CouldNotFinish."""


class Supply:
    """The databases of one check; `kind` is "empty" or "" for the tables of Box Office."""

    def __init__(
        self, files: course.Files, folder: Path, kind: str, make: Call, *,
        touched: Collection[str] = (), door: Path | None = None,
    ) -> None:  # fmt: skip
        self._marker = folder.parent / DATABASES
        self._prefix = f"{prefix()}{folder.parent.name}_{folder.name}_".replace("-", "_")
        self._wanted = Wanted(files, kind, touched)
        self._make = make
        self._template = ""
        self._failure: Exception | None = None
        self._making = threading.Lock()
        self._witness: psycopg.Connection[tuple[object, ...]] | None = None
        self._visitor: roles.Visitor | None = None
        self._door = door
        self.is_used = False

    def take(self, name: str) -> str:
        """The address of a fresh database. Raises NotYet where the learner's tables fail."""
        with self._making:
            if self._failure is not None:
                raise self._failure
            self.is_used = True
            self._marker.touch()
            if self._witness is None:
                self._witness = self._connect()
                self._visitor = self._admit(self._witness)
            if not self._template:
                try:
                    self._template = self._find_template()
                except (NotYet, CouldNotFinish) as error:
                    self._failure = error
                    raise
            is_there = claim(self._witness, self._template, self._prefix + name)
        if not is_there:
            _copy(self._witness, self._template, self._prefix + name)
        if self._visitor is None:
            return services.postgres_url(self._prefix + name)
        with self._making:
            roles.let_in(self._witness, self._visitor, self._prefix + name)
        return self._visitor.url(self._prefix + name)

    def judges_url(self, name: str) -> str:
        """The address of that database for the check's own SQL."""
        return roles.judges_url(self._prefix + name)

    def owners_url(self, name: str) -> str:
        """The address of that database for what only the server's user may do."""
        return services.postgres_url(self._prefix + name)

    def _admit(self, server: services.Administration) -> roles.Visitor | None:
        """A role for the code of this check, where the server knows roles."""
        if not roles.is_guarded():
            return None
        visitor = roles.admit(server, self._prefix.rstrip("_"), services.postgres_folder())
        return roles.through(visitor, self._door) if self._door is not None else visitor

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection that breaks when the server does; it is healed first where it is down."""
        with services.administering(self._prefix):
            return services.connect(services.postgres_url())

    @property
    def is_own(self) -> bool:
        """Whether the answer has a say in the tables."""
        return self._wanted.is_own

    def _find_template(self) -> str:
        make = self._make
        if self._visitor is None:
            if self._wanted.is_empty:
                return EMPTY
            mark = self._wanted.mark
        else:  # its tables belong to another role
            mark = f"{roles.OWNER} {'' if self._wanted.is_empty else self._wanted.mark}"
            make = roles.making(self._visitor, _nothing if self._wanted.is_empty else make)
        try:
            return services.template(mark, make)
        except NotYet as error:
            raise self._wanted.failed(error) from None

    @property
    def was_disturbed(self) -> bool:
        """Whether the server went away or fell over meanwhile: then no verdict counts."""
        if self._witness is None:
            return self.is_used
        try:
            self._witness.execute("select 1")
        except psycopg.Error:
            return True
        return False

    def heavy(self) -> str:
        """What to say where the databases take more than they may."""
        if self._witness is None:
            return ""
        query = (
            "select max(pg_database_size(oid)) from pg_database where starts_with(datname, %s)"
            " or datname in (select datname from pg_stat_activity where usename = %s)"
        )
        visitor = self._visitor.name if self._visitor is not None else None
        try:
            row = self._witness.execute(query, [self._prefix, visitor]).fetchone()
        except psycopg.Error:  # one may be dropped at this moment, or the server be down
            return ""
        size = int(str(row[0] or 0)) if row else 0
        return f"it filled a database with more than {LARGEST >> 20} MB" * (size > LARGEST)

    def close(self) -> None:
        if self._witness is not None:
            self._witness.close()

    def ahead(self) -> None:
        """Before the first check: the template, and spares of it."""
        with contextlib.closing(self):
            self._witness = self._connect()
            self._visitor = self._admit(self._witness)
            template = self._find_template()
        stock(template)
        self._dismiss()

    def tidy(self, ahead: bool = True) -> None:
        """When the verdict is out: spares for the next check, then drop what this one used.

        Not `ahead`, for many checks in a row: dropping waits for `sweep`, as one at a time does it.
        """
        if not ahead:  # the one sweep for all takes these along
            return
        if self._template and not self.is_own:
            stock(self._template)
        if self.is_used:
            with contextlib.suppress(CourseError, psycopg.Error):
                services.sweep(self._prefix, lambda _: True)
                self._dismiss()

    def _dismiss(self) -> None:
        with services.administering(self._prefix) as server:
            roles.dismiss(server, self._prefix.rstrip("_"), lambda _: True)


def _nothing(_: str) -> None:
    """An empty database is filled with nothing."""


# --- made ahead -------------------------------------------------------------------------------


def claim(server: services.Administration, template: str, name: str) -> bool:
    """Give a spare of that template this name; False where there is none."""
    for spare in services._names(server, _spare(template)):
        with contextlib.suppress(psycopg.errors.InvalidCatalogName, psycopg.errors.ObjectInUse):
            services._run(server, "alter database {} rename to {}", spare, name)
            return True
    return False


def stock(template: str) -> None:
    """Have spares of this template, and none of those that were used long ago."""
    with _one_at_a_time("spares") as first, contextlib.suppress(CourseError, psycopg.Error):
        if not first or services.postgres_version() is None:
            return
        used = places.state() / "spares"
        used.mkdir(exist_ok=True)
        (used / template).touch()
        kinds = sorted(used.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kinds[:-SPARE_KINDS]:
            services.sweep(_spare(old.name), lambda _: True)
            old.unlink()
        making = f"{prefix()}{SPARE}new_"
        services.sweep(making, lambda _: True)  # what somebody who was killed left
        with services.administering(template) as server:
            for _ in range(SPARES - len(services._names(server, _spare(template)))):
                name = secrets.token_hex(4)
                _copy(server, template, making + name)
                # Only what is ready has the name of a spare: a check may claim it at once.
                services._rename(server, making + name, _spare(template) + name)


def _copy(server: services.Administration, template: str, name: str) -> None:
    """A copy that nobody will miss: its commits need not wait for the disk."""
    guarded = roles.is_guarded()
    services.create(server, template, name, closed=guarded)
    if guarded:  # on a server that waits for nothing
        roles.shut(server, name)
    else:
        services._run(server, "alter database {} set synchronous_commit = off", name)


def _spare(template: str) -> str:
    return f"{prefix()}{SPARE}{template.removeprefix(services.TEMPLATE)}_"


@contextlib.contextmanager
def _one_at_a_time(name: str) -> Iterator[bool]:
    """Whether no other process does the same at this moment."""
    with (places.state() / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


# --- dropped ----------------------------------------------------------------------------------


def prefix() -> str:
    """What the names of all these databases begin with, on a server that others may use too."""
    return f"box_{hashlib.sha256(os.fsencode(places.state())).hexdigest()[:8]}_"


def sweep(channel: object = None) -> None:
    """Drop the databases of checks that are over, also of those that were killed."""
    wanted = places.state() / "sweep.wanted"
    wanted.touch()
    while wanted.exists():
        with _one_at_a_time("sweep") as first:
            if not first:  # it sees what is wanted when it is through
                return
            wanted.unlink(missing_ok=True)
            for pause in (0, 0.5):  # one that still has a connection is left the first time
                time.sleep(pause if channel else 0)
                with contextlib.suppress(CourseError, psycopg.Error):
                    if services.postgres_version() is not None:  # not started for this
                        services.sweep(prefix(), _is_over)
                        with services.administering(prefix()) as server:
                            roles.dismiss(server, prefix(), _is_over)


def _is_over(name: str) -> bool:
    """Whether the check that a database belongs to has no folder any more."""
    if name.startswith(prefix() + SPARE):
        return False
    owner, _, mark = name.removeprefix(prefix()).partition("_")
    return not (places.state() / "sandboxes" / f"{owner}-{mark.partition('_')[0]}").exists()
