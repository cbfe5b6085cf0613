"""The bank of attacks: what an entry says of itself, the world it is let loose on, and the harm.

An entry is a submission: code cells (`# %%cell`) and answers (`# %%build target`), and lines that
say which check it goes for, what it may earn at most (`# earns: all` for noisy ones that are
right), and words that the verdict must have (`# says:`).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import site
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from conftest import ROOT

from coursekit import judge, places, roles, services, supply
from coursekit.computer import Computer
from coursekit.jail import FIRST_USER, USERS
from coursekit.judge import plain
from coursekit.verdict import Verdict

BANK = Path(__file__).parent / "bank" / "attacks"
SECRET = "what Ben wrote, and nobody else may read"
LETTERS = (
    "/tmp",
    "/var/tmp",
    "/dev/shm",
    str(Path.home()),
    str(ROOT),
    str(ROOT.parent),
    sys.prefix,
)


@dataclass(frozen=True)
class Attack:
    """One entry, as it stands in its file."""

    name: str
    check: str
    earns: float | None
    """At most; None where it is right, and must get all."""
    says: tuple[str, ...]
    cells: tuple[str, ...]
    answers: dict[str, str]

    def notebook(self, path: Path) -> Path:
        """The submission, as a notebook."""
        sources = [
            *self.cells, *(f"%%build {target}\n{code}" for target, code in self.answers.items()),
            f'check("{self.check}")',
        ]  # fmt: skip
        cells = [
            {"cell_type": "code", "metadata": {}, "outputs": [], "source": source}
            for source in sources
        ]
        told = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        path.write_text(json.dumps(told), encoding="utf-8")
        return path


def read(path: Path, world: World) -> Attack:
    """The entry of a file, with the places of this world in it."""
    text = path.read_text(encoding="utf-8")
    for name, value in world.names().items():
        text = text.replace(f"@{name}@", value)
    facts: dict[str, list[str]] = {"check": [], "earns": [], "says": []}
    cells: list[str] = []
    answers: dict[str, str] = {}
    target: str | None = None
    for line in text.splitlines():
        word, _, rest = line.removeprefix("# ").partition(": ")
        if line.startswith("# %%build "):
            target = judge.normal(line[len("# %%build ") :])
            answers[target] = ""
        elif line == "# %%cell":
            cells.append("")
        elif target is not None:
            answers[target] += line + "\n"
        elif cells:
            cells[-1] += line + "\n"
        elif line.startswith("# ") and word in facts:
            facts[word].append(rest)
    [check], [earns] = facts["check"], facts["earns"]
    return Attack(
        path.stem, check, None if earns == "all" else float(earns), tuple(facts["says"]),
        tuple(cells), answers,
    )  # fmt: skip


@dataclass(frozen=True)
class World:
    """What an attack may go for: files of others, a process, a port, a database."""

    folder: Path
    mark: str
    victim: subprocess.Popen[bytes]
    listener: socket.socket
    database: str

    @property
    def secret(self) -> Path:
        return self.folder / "submitted" / "ben" / "ch01_api" / "02_implement_endpoints.ipynb"

    @property
    def gradebook(self) -> Path:
        return self.folder / "gradebook.db"

    @property
    def spare(self) -> str:
        """A database that is ready for another check."""
        return f"{supply.prefix()}{supply.SPARE}{self.mark}"

    def names(self) -> dict[str, str]:
        return {
            "SECRET": str(self.secret), "GRADEBOOK": str(self.gradebook),
            "WORLD": str(self.folder), "MARK": self.mark, "VICTIM": str(self.victim.pid),
            "PORT": str(self.listener.getsockname()[1]), "DATABASE": self.database,
            "SOCKET": str(services.postgres_folder()), "PGPASS": str(services.password_file()),
            "ABOVE": str(ROOT.parent),
        }  # fmt: skip

    def harm(self, verdict: Verdict) -> list[str]:
        """What is not as it should be, now that the attack is over."""
        found = []
        if SECRET in json.dumps(verdict.to_json()):
            found.append("told what another learner wrote")
        if self.secret.read_text() != SECRET or _marks(self.gradebook) != [1]:
            found.append("changed files of others")
        if self.victim.poll() is not None:
            found.append("ended a process of others")
        return found + self.left_files() + self.left_processes() + self.changes()

    def left_files(self) -> list[str]:
        folders = [self.folder, *map(Path, LETTERS), *map(Path, site.getsitepackages())]
        found = [str(p) for each in folders for p in each.glob(f"*{self.mark}*")]
        own = (places.state() / "sandboxes").glob(f"{os.getpid()}-*")
        return [f"left {path}" for path in [*found, *map(str, own)]]

    def left_processes(self) -> list[str]:
        deadline = time.monotonic() + 5
        while True:
            left = [p.pid for p in psutil.process_iter(["name", "uids"]) if self._is_left(p)]
            if not left or time.monotonic() > deadline:
                return [f"left processes: {left}"] if left else []
            time.sleep(0.05)

    def _is_left(self, process: psutil.Process) -> bool:
        uids = process.info["uids"]
        with contextlib.suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            ours = uids and FIRST_USER <= uids.real < FIRST_USER + USERS
            return process.info["name"] == self.mark or bool(
                ours and str(places.state()) in process.cwd()
            )
        return False

    def changes(self) -> list[str]:
        """What was changed on the database server."""
        found = []
        with psycopg.connect(services.postgres_url(), autocommit=True) as server:
            told = server.execute(
                "select rolname, rolsuper, rolconfig::text from pg_roles"
                " where rolname !~ '^(pg_|box_)' order by 1"
            ).fetchall()
            names = ["postgres", roles.JUDGE, roles.OWNER]
            if sorted(told) != sorted((n, n == "postgres", None) for n in names):
                found.append(f"changed roles: {told}")
        for name in (self.database, self.spare):
            try:
                with psycopg.connect(services.postgres_url(name)) as server:
                    row = server.execute("select array_agg(n) from kept").fetchone()
                    extra = "select 1 from pg_tables where tablename = %s"
                    if row != ([1, 2, 3],) or server.execute(extra, [self.mark]).fetchall():
                        found.append("changed another database")
            except psycopg.Error as error:
                found.append(f"changed another database: {error}")
        return found


def _marks(path: Path) -> list[object]:
    with sqlite3.connect(path) as book:
        return [row[0] for row in book.execute("select auto_score from grade")]


def faults(attack: Attack, verdict: Verdict) -> list[str]:
    """What the verdict should not be."""
    text = plain(verdict.text())
    found = [f"does not say: {says}" for says in attack.says if plain(says) not in text]
    if attack.earns is None and (not verdict.passed or verdict.earned != verdict.points):
        found.append(f"is right, and earned {verdict.earned}")
    if attack.earns is not None and verdict.earned > attack.earns:
        found.append(f"earned {verdict.earned}")
    if verdict.outcome == "could not be graded":
        found.append("could not be graded")
    return found


@contextlib.contextmanager
def world() -> Iterator[World]:
    """Made for attacks: others' files are open to all, so that only the judge protects them."""
    folder = Path(tempfile.mkdtemp(prefix="world-", dir="/tmp"))
    mark = "x" + secrets.token_hex(6)
    database = f"victim_{mark}"
    here = Computer()
    here._be_present()  # else the servers stop when nothing was asked of them for a while
    services.ensure()
    victim = subprocess.Popen(["sleep", "3000"], cwd=folder)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        made = World(folder, mark, victim, listener, database)
        try:
            _furnish(made)
            yield made
        finally:
            victim.kill()
            victim.wait()
            services.drop(database)
            services.drop(made.spare)
            shutil.rmtree(folder, ignore_errors=True)


def _furnish(made: World) -> None:
    made.secret.parent.mkdir(parents=True)
    made.secret.write_text(SECRET)
    with sqlite3.connect(made.gradebook) as book:
        book.execute("create table grade (auto_score int)")
        book.execute("insert into grade values (1)")
    for path in (made.folder, *made.folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    services.database(made.database)
    with services.administering(made.spare) as server:
        supply._copy(server, "template0", made.spare)
    for url in map(services.postgres_url, (made.database, made.spare)):
        with psycopg.connect(url, autocommit=True) as own:
            own.execute("create table kept (n int); insert into kept values (1), (2), (3)")
            if made.spare in url:
                own.execute(f"alter table kept owner to {roles.OWNER}".encode())
