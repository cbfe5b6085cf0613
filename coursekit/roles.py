"""Who may do what in the embedded PostgreSQL: its owner, the judge, and the answers it looks at.

The owner has a password that only files of this user know. The code of an answer signs in with a
role made for its check: no superuser, and let into that check's databases alone. The check's own
SQL comes from the judge's role, whose sign-in and settings no answer can change. Both act as one
owner of tables, so a template that one answer's migrations made serves the next.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from coursekit import postgres, services

OWNER, JUDGE = "boxoffice_owner", "boxoffice_judge"
_NAMES = {"owner": sql.Identifier(OWNER), "judge": sql.Identifier(JUDGE)}
SESSIONS = 150
RULES = "# coursekit: whoever comes in, comes with a password.\nlocal all all scram-sha-256\n"
OPEN = "local all all trust\n"
SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Visitor:
    """A role that signs in; `folder` is where it finds the server's socket."""

    name: str
    password: str
    folder: Path

    def url(self, database: str) -> str:
        return (
            f"postgresql://{self.name}:{self.password}@/{database}"
            f"?host={quote(os.fsencode(self.folder))}"
        )


# --- the server ---------------------------------------------------------------------------------


def open_again() -> None:
    """Where the password is lost, the server lets its user in without, until `guard`."""
    rules = services.postgres_folder() / "pg_hba.conf"
    if rules.exists() and not services.password_file().exists():
        postgres.write_as_owner(rules, OPEN.encode(), rules.parent)
        for process in [services.processes().get("postgres")]:
            if process is not None:
                process.send_signal(1)  # SIGHUP: read the rules again


def guard() -> None:
    """Give the server's user and the judge passwords, and let nobody in without one."""
    path = services.password_file()
    own, judges = _passwords(path)
    rules = services.postgres_folder() / "pg_hba.conf"
    with _administrator() as server:
        server.execute("set scram_iterations = 1")  # they are random: guessing is hopeless
        _be(server, "postgres", own)
        for name in (OWNER, JUDGE):
            if not _exists(server, name):
                server.execute(sql.SQL("create role {}").format(sql.Identifier(name)))
        _be(server, JUDGE, judges)
        server.execute(f"grant {OWNER} to {JUDGE} with inherit true".encode())
        server.execute(f"alter role {JUDGE} login".encode())
        server.execute("revoke connect on database postgres, template1 from public")
        if rules.read_text() != RULES:
            postgres.write_as_owner(rules, RULES.encode(), rules.parent)
            server.execute("select pg_reload_conf()")


def is_guarded() -> bool:
    """Whether answers have roles of their own here: on the embedded server, once it was guarded."""
    if services.given_url("DATABASE_URL"):
        return False
    with contextlib.suppress(OSError):
        path = services.postgres_folder() / "pg_hba.conf"
        return services.password_file().exists() and path.read_text() == RULES
    return False


def _passwords(path: Path) -> tuple[str, str]:
    """The password of the server's user, and of the judge, kept where libpq looks for them."""
    found = {}
    with contextlib.suppress(OSError):
        lines = (line.split(":") for line in path.read_text().splitlines())
        found = {words[-2]: words[-1] for words in lines if len(words) > 1}
    told = [found.get(name) or secrets.token_hex(16) for name in ("postgres", JUDGE)]
    text = f"*:*:*:postgres:{told[0]}\n*:*:*:{JUDGE}:{told[1]}\n"
    half = path.with_suffix(f".{secrets.token_hex(4)}")
    half.touch(mode=0o600)
    half.write_text(text)
    half.replace(path)
    return told[0], told[1]


def _be(server: services.Administration, name: str, password: str) -> None:
    change = sql.SQL("alter role {} password {}")
    server.execute(change.format(sql.Identifier(name), sql.Literal(password)))


def _exists(server: services.Administration, name: str) -> bool:
    return (
        server.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone() is not None
    )


@contextlib.contextmanager
def _administrator(database: str = "postgres") -> Iterator[services.Administration]:
    with services.connect(services.postgres_url(database)) as server:
        yield server


# --- the judge ----------------------------------------------------------------------------------


def judges_url(database: str) -> str:
    """The address for the check's own SQL."""
    url = services.postgres_url(database)
    return url.replace("//postgres@", f"//{JUDGE}@") if is_guarded() else url


# --- the answers --------------------------------------------------------------------------------


def admit(server: services.Administration, name: str, folder: Path) -> Visitor:
    """A role for the code of one check."""
    visitor = Visitor(name[:63], secrets.token_hex(16), folder)
    change = sql.SQL(
        "set scram_iterations = 1;"
        "create role {who} login password {password} connection limit {sessions};"
        "alter role {who} set temp_file_limit = '1GB';"
        "grant {owner} to {who} with inherit true;"
        "grant {who} to {judge} with inherit true"
    )
    server.execute(
        change.format(
            who=sql.Identifier(visitor.name), password=sql.Literal(visitor.password),
            sessions=sql.Literal(SESSIONS), **_NAMES,
        )
    )  # fmt: skip
    return visitor


def shut(server: services.Administration, database: str) -> None:
    """Let nobody in who is not let in by name."""
    change = sql.SQL(
        "revoke all on database {name} from public; alter database {name} connection limit -1"
    )
    server.execute(change.format(name=sql.Identifier(database)))


def let_in(server: services.Administration, visitor: Visitor, database: str) -> None:
    """Open a database to this role and to the judge, and to nobody else."""
    change = sql.SQL(
        "revoke all on database {name} from public;"
        "grant create, temporary on database {name} to {owner};"
        "grant connect on database {name} to {judge}, {who}"
    )
    who = sql.Identifier(visitor.name)
    server.execute(change.format(name=sql.Identifier(database), who=who, **_NAMES))


def making(visitor: Visitor, make: Callable[[str], None]) -> Callable[[str], None]:
    """What fills a template: `make`, with the role's rights, of which nothing stays."""
    who = sql.Identifier(visitor.name)
    begun = sql.SQL(
        "grant all on schema public to {owner};"
        "alter default privileges for role {judge} grant all on tables to {owner};"
        "alter default privileges for role {judge} grant all on sequences to {owner}"
    )
    ended = sql.SQL(
        "reassign owned by {who} to {owner}; drop owned by {who};"
        "revoke all on database {name} from {who}"
    )

    def made(url: str) -> None:
        name = url.split("?")[0].rpartition("/")[2]
        with _administrator(name) as server:
            server.execute(begun.format(**_NAMES))
            let_in(server, visitor, name)
            make(visitor.url(name))
            server.execute(ended.format(who=who, name=sql.Identifier(name), **_NAMES))

    return made


def dismiss(server: services.Administration, prefix: str, is_over: Callable[[str], bool]) -> None:
    """Drop the roles of checks that are over. One that still owns something stays for later."""
    rows = server.execute("select rolname from pg_roles where starts_with(rolname, %s)", [prefix])
    for (name,) in rows.fetchall():
        if is_over(str(name)):
            with contextlib.suppress(psycopg.Error):
                server.execute(sql.SQL("drop role {}").format(sql.Identifier(str(name))))


def through(visitor: Visitor, folder: Path) -> Visitor:
    """The same role, for code that cannot pass through PostgreSQL's folder: a door of its own."""
    folder.mkdir(exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.link(services.postgres_folder() / SOCKET, folder / SOCKET)
    return replace(visitor, folder=folder)
