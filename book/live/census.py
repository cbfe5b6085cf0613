"""What a lesson imports: run in Pyodide, it prints the file of each module that came along."""

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path

STEPS = """
import pyodide_kernel
import coursekit.tab.startup
from IPython.terminal.embed import InteractiveShellEmbed
import IPython.display, ipywidgets
import fastapi.testclient, fastapi.staticfiles, fastapi.middleware.cors
import fastapi.responses, fastapi.exception_handlers, email_validator, pydantic_settings
import httpx, zoneinfo, http.client, urllib.request, secrets, difflib, html, csv
import strawberry.fastapi, strawberry.printer, strawberry.schema.config
import sqlalchemy.ext.asyncio, sqlalchemy.orm, sqlalchemy.dialects.postgresql.psycopg
import alembic.command, alembic.config, alembic.autogenerate, alembic.util.messaging
import psycopg_pool, psycopg.rows, psycopg.types.json, psycopg.sql
import hypothesis, hypothesis.strategies
import openapi_spec_validator, openapi_schema_validator
import openapi_python_client.cli
import redis.asyncio, fakeredis
import tomllib, argparse, runpy, ipaddress, statistics, concurrent.futures, multiprocessing.pool
"""
TEST = """
import pytest

@pytest.fixture
def one(): return 1

@pytest.mark.parametrize("two", [1, 2])
def test(one, two): assert one == two
"""


def run() -> None:
    import fastapi
    from fastapi.testclient import TestClient

    app = fastapi.FastAPI()

    @app.get("/{number}")
    async def read(number: int) -> dict[str, int]:
        return {"number": number}

    app.openapi()
    TestClient(app)


def test() -> None:
    import pytest

    Path("/tmp/test_census.py").write_text(TEST, encoding="utf-8")
    pytest.main(["-q", "/tmp/test_census.py"])


def fail() -> None:
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.instance().run_cell("def f(): 1 / 0\nf()")


def found() -> list[str]:
    """The files of all modules, as they stand below the folder or the archive they came from."""
    files = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        for place in ("/site-packages/", "/python314.zip/"):
            if place in file and file.endswith(".py"):
                files.add(file.partition(place)[2])
    return sorted(files)


with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    problems = []
    for step in [*STEPS.strip().splitlines(), run, test, fail]:
        try:
            exec(step) if isinstance(step, str) else step()
        except BaseException:
            problems.append(traceback.format_exc(limit=-3))
json.dumps({"files": found(), "problems": problems})
