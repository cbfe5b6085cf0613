"""What only two at once at a real PostgreSQL show of the finished Box Office."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursekit import course, services

pytestmark = pytest.mark.usefixtures("presence")

RIVALS = """
import asyncio, json, os
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import text

from boxoffice.database import open_sessions, set_up, transaction
from boxoffice.models.money import Money
from boxoffice.models.performance import Performance
from boxoffice.models.sql import SqlStore
from boxoffice.season import PERFORMANCES, season_id

TITLE, HOUSE, *_ = PERFORMANCES[0]
MATINEE = datetime(2031, 1, 1, 14, tzinfo=UTC)
URL = os.environ["DATABASE_URL"]
WAITING = text(
    "select query from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
    # What waits and what it runs are not read at one moment: the statement may be the one before.
    " and query <> 'BEGIN'"
)


async def save(session):
    await SqlStore(session).performances.save(Performance(
        id=uuid4(), show_id=season_id(TITLE), venue_id=season_id(HOUSE), starts_at=MATINEE,
        ends_at=MATINEE + timedelta(hours=2), price=Money(1, "EUR"),
    ))


async def rival(sessions):
    async with transaction(sessions) as session:
        await save(session)


async def main():
    async with open_sessions(URL) as sessions:
        async with transaction(sessions) as session:
            await save(session)
            task = asyncio.create_task(rival(sessions))
            async with asyncio.timeout(30), sessions() as witness:
                while not (waiting := await witness.scalar(WAITING)):
                    await witness.rollback()
        [answer] = await asyncio.gather(task, return_exceptions=True)
    print(json.dumps([waiting, type(answer).__name__]))


set_up(URL)
asyncio.run(main())
"""


def test_rivals_for_a_stage_queue_before_they_insert(tmp_path: Path) -> None:
    """Two rows that exclude each other, both already in, would deadlock: each waits for the other.

    See `check_exclusion_or_unique_constraint` in PostgreSQL's execIndexing.c.
    """
    course.assemble("end", tmp_path)
    services.ensure()
    name = f"boxoffice_rivals_{os.getpid()}"
    try:
        done = subprocess.run(
            [sys.executable, "-c", RIVALS],
            cwd=tmp_path,
            env={**os.environ, "DATABASE_URL": services.copy("template0", name)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        services.drop(name)
    assert done.returncode == 0, done.stderr
    waits_in, answer = json.loads(done.stdout)
    assert waits_in.startswith("SELECT venue.id")
    assert waits_in.endswith("FOR NO KEY UPDATE")
    assert answer == "VenueBusy"
