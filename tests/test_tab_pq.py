"""psycopg, SQLAlchemy and Alembic on the tab's `pq`, against the real PostgreSQL."""

import ast
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from coursekit import postgres, roles, services

TALK = Path(__file__).with_name("talk.py")


def cases() -> list[str]:
    tree = ast.parse(TALK.read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [
        function.name
        for function in functions
        if any(isinstance(mark, ast.Name) and mark.id == "case" for mark in function.decorator_list)
    ]


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """What the talk says on our `pq`, and what on libpq."""
    services.ensure()
    let_in(roles.OPEN)
    done = {}
    for name, options in (("ours", []), ("libpq", ["--libpq"])):
        run = subprocess.run(
            [sys.executable, TALK, services.database("boxoffice_talk"), *options],
            capture_output=True, text=True, timeout=60, check=False,
            env={**os.environ, "PYTHONPATH": str(TALK.parent.parent)},
        )  # fmt: skip
        assert run.returncode == 0, run.stderr
        done[name] = json.loads(run.stdout.splitlines()[-1])
    roles.guard()
    return done


def let_in(rules: str) -> None:
    """The rules by which the server lets programs in: a tab's `pq` knows no passwords."""
    path = services.postgres_folder() / "pg_hba.conf"
    postgres.write_as_owner(path, rules.encode(), path.parent)
    with services.administering("boxoffice_talk") as server:
        server.execute("select pg_reload_conf()")
    deadline = time.monotonic() + 10
    while True:
        try:
            return psycopg.connect(services.postgres_url(), passfile=os.devnull).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("name", cases())
def test_pq(told: dict[str, dict[str, Any]], name: str) -> None:
    assert told["ours"]["cases"][name] == ""
    assert told["libpq"]["cases"][name] == "", "the case asks for what libpq does not do"


def test_addresses_are_read_as_libpq_reads_them(told: dict[str, dict[str, Any]]) -> None:
    assert len(told["libpq"]["addresses"]) > 40
    assert told["ours"]["addresses"] == told["libpq"]["addresses"]
