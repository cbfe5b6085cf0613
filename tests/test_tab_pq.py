"""psycopg, SQLAlchemy and Alembic on the tab's `pq`, against the real PostgreSQL."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursekit import services

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
def told() -> dict[str, str]:
    services.ensure()
    done = subprocess.run(
        [sys.executable, TALK, services.database("boxoffice_talk")],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": str(TALK.parent.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.parametrize("name", cases())
def test_pq(told: dict[str, str], name: str) -> None:
    assert told[name] == ""
