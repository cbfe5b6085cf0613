"""Mutants of the grader: each defence taken out is noticed by an entry of the bank of attacks."""

from __future__ import annotations

import os
import shutil
import signal
import site
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attacks
import psutil
import psycopg
import pytest
from attacks import World
from psycopg import sql

from coursekit import (
    confine,
    confined,
    hearing,
    jail,
    judge,
    places,
    roles,
    services,
    supply,
)
from coursekit.confine import Confined, Limits

pytestmark = pytest.mark.usefixtures("presence")

Patch = pytest.MonkeyPatch


@pytest.fixture
def world() -> Iterator[World]:
    if jail.gaps():
        pytest.skip(f"this machine cannot keep all attacks out: {' '.join(jail.gaps())}")
    with attacks.world() as made:
        # What was made for the same attack, while the defence stood, would be taken again.
        services.sweep(services.TEMPLATE, lambda _: True)
        try:
            yield made
        finally:
            judge.settle(60)
            clean(made)


def clean(world: World) -> None:
    """Undo what an attack did that was let through."""
    for process in psutil.process_iter(["name"]):
        if process.info["name"] == world.mark:
            process.kill()
    for folder in (*map(Path, attacks.LETTERS), *map(Path, site.getsitepackages())):
        for path in folder.glob(f"*{world.mark}*"):
            path.unlink()
    for path in (places.state() / "sandboxes").glob(f"{os.getpid()}-*"):
        shutil.rmtree(path)
    roles.guard()
    with psycopg.connect(services.postgres_url(), autocommit=True) as server:
        server.execute(sql.SQL("alter role {} reset all").format(sql.Identifier(roles.JUDGE)))
        server.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(world.mark)))
        server.execute("alter system reset all")
        server.execute("select pg_reload_conf()")


def attacked(world: World, name: str) -> list[str]:
    """What is wrong after an attack, judged in this process, where the mutants are."""
    attack = attacks.read(attacks.BANK / f"{name}.py", world)
    verdict = judge.judge(attack.check, attack.answers, here=True)
    return attacks.faults(attack, verdict) + world.harm(verdict)


# --- the defences, taken out one by one ---------------------------------------------------------


def no_landlock(patch: Patch) -> None:
    patch.setattr(jail, "landlock", lambda: 0)


def landlock_without_ports(patch: Patch) -> None:
    patch.setattr(jail, "landlock", lambda: 3)
    patch.setattr(confine, "_NEW_NET", 0)


def all_may_be_read(patch: Patch) -> None:
    patch.setattr(jail, "SYSTEM", ("/",))


def all_may_be_written(patch: Patch) -> None:
    patch.setattr(jail, "DEVICES", ("/",))
    patch.setattr(jail, "user", lambda folder: None)
    patch.setattr(jail, "_drop_capabilities", lambda: None)


def root_stays_root(patch: Patch) -> None:
    patch.setattr(jail, "user", lambda folder: None)


def nothing_is_given_up(patch: Patch) -> None:
    patch.setattr(jail, "user", lambda folder: None)
    patch.setattr(jail, "enter", lambda cell: None)


def no_name_space_and_no_sweep(patch: Patch) -> None:
    patch.setattr(confine, "_own_namespace", lambda **_: False)
    patch.setattr(confine, "_sweep", lambda *_, **__: None)
    patch.setattr(confine, "end_tree", lambda pid: os.kill(pid, 9))


def network_is_shared(patch: Patch) -> None:
    patch.setattr(confine, "_NEW_NET", 0)


def nobody_looks(patch: Patch) -> None:
    patch.setattr(Confined, "look", lambda self: None)


def limits(**changed: int) -> Callable[[Patch], None]:
    def changing(patch: Patch) -> None:
        values = {**Limits().__dict__, **changed}
        patch.setattr(confine.Limits, "__init__", lambda self, **_: self.__dict__.update(values))

    changing.__name__ = f"wide_limits_of_{'_'.join(changed)}"
    return changing


def databases_may_grow(patch: Patch) -> None:
    patch.setattr(supply, "LARGEST", 1 << 40)


def questions_without_a_mark(patch: Patch) -> None:
    patch.setattr(confined.secrets, "token_hex", lambda *_: None)


def any_files_stay(patch: Patch) -> None:
    patch.setattr(hearing, "_remove", lambda folder: None)


def answers_are_superusers(patch: Patch) -> None:
    admit = roles.admit

    def admitted(server: services.Administration, name: str, folder: Path) -> roles.Visitor:
        visitor = admit(server, name, folder)
        who = sql.Identifier(visitor.name)
        server.execute(sql.SQL("alter role {} superuser").format(who))
        return visitor

    patch.setattr(roles, "admit", admitted)


def other_databases_are_open(patch: Patch) -> None:
    admit = roles.admit

    def admitted(server: services.Administration, name: str, folder: Path) -> roles.Visitor:
        for spare in services._names(server, supply.prefix() + supply.SPARE):
            change = sql.SQL("grant connect on database {} to public")
            server.execute(change.format(sql.Identifier(spare)))
        return admit(server, name, folder)

    patch.setattr(roles, "admit", admitted)


def judges_role_is_in_reach(patch: Patch) -> None:
    admit = roles.admit

    def admitted(server: services.Administration, name: str, folder: Path) -> roles.Visitor:
        visitor = admit(server, name, folder)
        who = sql.Identifier(visitor.name)
        server.execute(sql.SQL("alter role {} createrole").format(who))
        change = sql.SQL("revoke {0} from {1}; grant {1} to {0} with admin true")
        server.execute(change.format(who, sql.Identifier(roles.JUDGE)))
        return visitor

    patch.setattr(roles, "admit", admitted)


def judge_takes_the_first_schema(patch: Patch) -> None:
    patch.setattr(confined, "PATH", "")


def judge_keeps_what_triggers_set(patch: Patch) -> None:
    def execute(self: Any, query: Any, params: Any = None, **how: Any) -> Any:
        return psycopg.Connection.execute(self, query, params, **how)

    patch.setattr(confined.JudgesConnection, "execute", execute)


ROOT_ALONE = {"root_stays_root"}
MUTANTS: list[tuple[Callable[[Patch], None], str]] = [
    (no_landlock, "reads_others"),
    (no_landlock, "symbolic_link"),
    (no_landlock, "reads_the_checks"),
    (no_landlock, "writes_the_gradebook"),
    (landlock_without_ports, "own_server"),
    (landlock_without_ports, "calls_out"),
    (all_may_be_read, "reads_others"),
    (all_may_be_written, "writes_elsewhere"),
    (all_may_be_written, "pth_file"),
    (root_stays_root, "becomes_root"),
    (nothing_is_given_up, "other_processes"),
    (nothing_is_given_up, "database_password_read"),
    (no_name_space_and_no_sweep, "orphan"),
    (network_is_shared, "sends_datagrams"),
    (nobody_looks, "endless_output"),
    (limits(output=1 << 33, file_size=1 << 22), "endless_output"),
    (limits(processes=64), "fork"),
    (limits(memory=700 << 20), "memory"),
    (limits(files=1 << 30), "many_files"),
    (databases_may_grow, "database_filled"),
    (questions_without_a_mark, "forged_replies"),
    (any_files_stay, "noisy_prints"),
    (answers_are_superusers, "database_superuser"),
    (other_databases_are_open, "database_of_others"),
    (judges_role_is_in_reach, "database_judge_altered"),
    (judge_takes_the_first_schema, "database_shadowed"),
    (judge_keeps_what_triggers_set, "database_trigger"),
]


@pytest.mark.parametrize(
    ("mutate", "name"), MUTANTS, ids=[f"{mutate.__name__}-{name}" for mutate, name in MUTANTS]
)
def test_defence_taken_out_is_noticed(
    world: World, monkeypatch: Patch, mutate: Callable[[Patch], None], name: str
) -> None:
    if mutate.__name__ in ROOT_ALONE and os.getuid() != 0:
        pytest.skip("only a judge that is root becomes another user")
    assert not world.changes()
    with monkeypatch.context() as patch:
        mutate(patch)
        found = attacked(world, name)
    assert {*found} - {"could not be graded"}


def test_an_interrupt_waits_for_the_end_of_a_fork() -> None:
    """Also where another thread takes the signal, as in a Jupyter kernel."""
    reached = []
    go = threading.Event()

    def press() -> None:
        go.wait(10)
        os.kill(os.getpid(), signal.SIGINT)

    def forks() -> None:
        with jail._uninterrupted():
            go.set()
            other.join()
            reached.append(True)

    other = threading.Thread(target=press)
    other.start()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            forks()
        assert reached
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
