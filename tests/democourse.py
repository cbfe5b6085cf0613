"""A course of two notebooks, for tests of the machinery that must not hang on real lessons."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from coursekit import checks, places

APP = """\
from fastapi import FastAPI

from boxoffice.services import shows


def create_app() -> FastAPI:
    app = FastAPI()

    @app.get("/shows")
    async def list_shows(limit: int = 20) -> dict[str, object]:
        return {"items": shows.page(limit)}

    @app.get("/sync")
    def sync(limit: int = 20) -> dict[str, object]:
        return {"items": shows.page(limit)}

    return app
"""

SHOWS = """\
TITLES = ["Hamlet", "Macbeth", "Othello", "Cymbeline", "Pericles"]


def page(limit: int) -> list[str]:
    return TITLES


def shout(text: str) -> str:
    return text.upper()
"""

STUB = '''\
def page(limit: int) -> list[str]:
    """At most `limit` titles."""
    # YOUR CODE HERE
    raise NotImplementedError()
'''

RIGHT = "def page(limit: int) -> list[str]:\n    return TITLES[:limit]\n"
ALL = "def page(limit: int) -> list[str]:\n    return TITLES\n"
TARGET = "services/shows.py::page"

CHECKS = '''\
"""The checks of the demo course."""

import random

import psycopg

from coursekit.checks import Sandbox, exercise, require

PAGES = exercise(
    "ch90.pages", lesson="1.1", kind="write", title="Short pages",
    answers=("services/shows.py::page",),
    hints=("Slice.", "A slice ends before its end.", "    return TITLES[:limit]"),
)


@PAGES.item(2, "A page holds at most `limit` shows.")
def short(box: Sandbox) -> None:
    limit = random.randint(1, 4)
    answer = box.api.get("/shows", params={"limit": limit})
    items = box.json(answer, "items", list)
    require(
        len(items) <= limit,
        expected=f"at most {limit} shows", got=f"{len(items)} shows",
        why="The caller asked for a small page.", where="lesson 1.1",
    )


@PAGES.item(1, "A page starts at the first show.")
def first(box: Sandbox) -> None:
    items = box.api.get("/shows", params={"limit": 2}).json()["items"]
    require(items[:1] == ["Hamlet"], expected="Hamlet first", got=f"{items[:1]}")


@PAGES.item(1, "It works for a caller in the same process.")
def called(box: Sandbox) -> None:
    got = box.call("boxoffice.services.shows:page", 2)
    require(got == ["Hamlet", "Macbeth"], expected="two titles", got=str(got))


QUICK = exercise(
    "ch90.quick", lesson="1.1", kind="write", title="With little time",
    answers=("services/shows.py::page",), hints=("1", "2", "3"), limit=4,
)


@QUICK.item(1, "It answers.")
def answers_soon(box: Sandbox) -> None:
    box.api.get("/shows")


@QUICK.item(1, "It can be called.")
def called_soon(box: Sandbox) -> None:
    box.call("boxoffice.services.shows:page", 1)


@QUICK.item(1, "The text can be shouted.")
def apart(box: Sandbox) -> None:
    require(box.call("boxoffice.services.shows:shout", "a") == "A", expected="A", got="")


SHOWN = exercise(
    "ch90.shown", lesson="1.1", kind="write", title="What the code gives",
    answers=("services/shows.py::page",), hints=("1", "2", "3"),
)


@SHOWN.item(1, "Its result is shown.")
def shown(box: Sandbox) -> None:
    got = box.call("boxoffice.services.shows:page", 1)
    require(False, expected="to see it", got="; ".join(map(str, got)))


WHOLE = exercise(
    "ch90.whole_file", lesson="1.1", kind="write", title="A whole file",
    answers=("services/shows.py",), hints=("1", "2", "3"), limit=4,
)


@WHOLE.item(1, "It answers.")
def whole(box: Sandbox) -> None:
    require(box.api.get("/shows").json()["items"], expected="some shows", got="none")


@WHOLE.item(1, "It answers again.")
def whole_again(box: Sandbox) -> None:
    require(box.api.get("/shows").json()["items"], expected="some shows", got="none")


APP = exercise(
    "ch90.application", lesson="1.1", kind="write", title="The whole application",
    answers=("app.py",), hints=("1", "2", "3"), limit=4,
)


@APP.item(1, "It answers.")
def application(box: Sandbox) -> None:
    box.api.get("/shows")


SYNC = exercise(
    "ch90.sync", lesson="1.1", kind="mend", title="From a thread",
    answers=("services/shows.py::page",), hints=("1", "2", "3"), limit=6,
)


@SYNC.item(1, "A plain function answers too.")
def plain(box: Sandbox) -> None:
    answers = box.race(8, lambda: box.api.get("/sync", params={"limit": 1}))
    require(answers.codes == {200: 8}, expected="eight answers", got=str(answers.codes))


BROKEN = exercise(
    "ch90.broken_check", lesson="1.1", kind="write", title="A check with a fault",
    answers=("services/shows.py::page",), hints=("1", "2", "3"),
)


@BROKEN.item(1, "This item is wrong itself.")
def faulty(box: Sandbox) -> None:
    assert 1 / 0


RUNS = exercise(
    "ch90.runs", lesson="1.1", kind="stretch", title="Tools and errors",
    answers=("services/shows.py::page", "services/shows.py::shout"), hints=("1", "2", "3"),
    limit=20,
)


@RUNS.item(1, "It can be run by a tool.")
def tool(box: Sandbox) -> None:
    (box.files / "look.py").write_text("from boxoffice.services.shows import page; print(page(1))")
    ran = box.run("python look.py")
    require(ran.code == 0 and "Hamlet" in ran.output, expected="Hamlet", got=ran.output)


@RUNS.item(1, "A page of minus one is refused with ValueError.")
def refused(box: Sandbox) -> None:
    called = box.attempt("boxoffice.services.shows:page", -1)
    require(called.error == "ValueError", expected="ValueError", got=called.error or "a result")


@RUNS.item(1, "Objects can be built by the check.")
def built(box: Sandbox) -> None:
    text = box.evaluate(
        """
        from boxoffice.services.shows import shout
        result = {"said": shout(word)}
        """,
        word="ha",
    )
    require(text == {"said": "HA"}, expected="HA", got=str(text))


@RUNS.item(1, "Nothing is kept over a restart.")
def restarted(box: Sandbox) -> None:
    one = box.api.get("/shows").status_code
    two = box.restart().get("/shows").status_code
    others = [c.get("/shows").status_code for c in box.clients(2)]
    require({one, two, *others} == {200}, expected="200", got=f"{one} {two} {others}")


SOLD = exercise(
    "ch90.sold_once", lesson="1.1", kind="write", title="Sold once",
    answers=("services/seats.py",), hints=("1", "2", "3"),
)


@SOLD.item(1, "A hold is a row.")
def row(box: Sandbox) -> None:
    number = random.randint(1, 5)
    box.api.post("/holds", params={"number": number, "buyer": "ann"})
    rows = box.sql("select * from hold where number = %s", number)
    require(rows == [{"number": number, "buyer": "ann"}], expected="Ann's row", got=f"{rows}")


@SOLD.item(1, "One of many buyers wins.")
def once(box: Sandbox) -> None:
    answers = box.race(
        12, lambda n: box.api.post("/holds", params={"number": 3, "buyer": str(n)})
    )
    rows = box.sql("select * from hold")
    got = f"{answers.codes}, {len(rows)} rows"
    require(answers.codes == {201: 1, 409: 11} and len(rows) == 1, expected="one winner", got=got)


@SOLD.item(1, "It works for a caller in the same process.")
def direct(box: Sandbox) -> None:
    got = [box.call("boxoffice.services.seats:hold", n, "ann") for n in (1, 2, 2)]
    require(got == [True, True, False], expected="the second hold is refused", got=f"{got}")
    plan = box.plan("delete from hold where number = 1")
    require(plan["Node Type"] == "ModifyTable", expected="a plan", got=f"{plan}")
    (box.files / "look.py").write_text("import os; print(os.environ['DATABASE_URL'])")
    ran = box.run("python look.py")
    require(ran.output.strip() == box.database_url, expected="one address", got=ran.output)
    require(len(box.sql("select * from hold")) == 2, expected="two rows", got="others")


TABLES = exercise(
    "ch90.tables", lesson="1.1", kind="write", title="Tables",
    answers=("models/tables.py",), hints=("1", "2", "3"), limit=4,
)


@TABLES.item(1, "A seat can be held once.")
def constraint(box: Sandbox) -> None:
    box.sql("insert into hold (number, buyer) values (1, 'ann')")
    try:
        box.sql("insert into hold (number, buyer) values (1, 'bob')")
    except psycopg.errors.UniqueViolation:
        return
    require(False, expected="the second is refused", got="two holds of a seat")


@TABLES.item(1, "Nobody sees the row of another item.")
def apart_too(box: Sandbox) -> None:
    got = len(box.sql("select * from hold"))
    require(got == 0, expected="no row", got=f"{got} rows")


BARE = exercise(
    "ch90.bare_database", lesson="1.1", kind="write", title="Without tables",
    answers=("services/seats.py",), hints=("1", "2", "3"), database="empty",
)


@BARE.item(1, "There is no table.")
def bare(box: Sandbox) -> None:
    rows = box.connect().execute("select 1 from pg_tables where tablename = 'hold'").fetchall()
    require(rows == [], expected="no table", got=f"{rows}")


NONE = exercise(
    "ch90.no_database", lesson="1.1", kind="write", title="Without a database",
    answers=("services/seats.py",), hints=("1", "2", "3"), database=False,
)


@NONE.item(1, "Nobody tells an address.")
def none(box: Sandbox) -> None:
    told = box.evaluate("import os; result = 'DATABASE_URL' in os.environ")
    require(not told, expected="none", got="one")


WAITS = exercise(
    "ch90.waits", lesson="1.1", kind="write", title="Long enough to be disturbed",
    answers=("services/seats.py",), hints=("1", "2", "3"),
)


@WAITS.item(1, "It is looked at for a while.")
def waits(box: Sandbox) -> None:
    answer = box.api.post("/holds", params={"number": 1, "buyer": "ann"})
    require(answer.status_code == 201, expected="201", got=box.said(answer))
    box.evaluate("import time; result = time.sleep(1)")
    answer = box.api.post("/holds", params={"number": 2, "buyer": "ann"})
    require(answer.status_code == 201, expected="201", got=box.said(answer))
'''

SEATS_DATABASE = """\
import os

import psycopg

from boxoffice.models.tables import TABLES


def set_up(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(TABLES)
        connection.execute("insert into seat (number) select generate_series(1, 5)")


def connect() -> psycopg.Connection:
    return psycopg.connect(os.environ["DATABASE_URL"])
"""
SEATS_TABLES = '''\
TABLES = """
    create table seat (number int primary key);
    create table hold (number int primary key references seat, buyer text not null)
"""
'''
SEATS_APP = """\
from fastapi import FastAPI, Response

from boxoffice.services import seats


def create_app() -> FastAPI:
    app = FastAPI()

    @app.post("/holds")
    def hold(number: int, buyer: str) -> Response:
        return Response(status_code=201 if seats.hold(number, buyer) else 409)

    return app
"""
HOLD = """\
from boxoffice.database import connect


def hold(number: int, buyer: str) -> bool:
    with connect() as connection:
        made = connection.execute(
            "insert into hold values (%s, %s) on conflict do nothing", [number, buyer]
        )
        return made.rowcount == 1
"""
HOLD_TARGET, TABLES_TARGET = "services/seats.py", "models/tables.py"


def write_seats(folder: Path) -> Path:
    """A Box Office with a database, below `folder`: a base for `judge`."""
    package = folder / "boxoffice"
    for name, text in {
        "app.py": SEATS_APP, "database.py": SEATS_DATABASE, "models/tables.py": SEATS_TABLES,
        "services/seats.py": "def hold(number: int, buyer: str) -> bool:\n    return True\n",
    }.items():  # fmt: skip
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    return folder


def code(source: str, grade_id: str = "") -> dict[str, object]:
    metadata = {"nbgrader": {"grade_id": grade_id}} if grade_id else {}
    return {
        "cell_type": "code", "metadata": metadata, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip


def words(source: str) -> dict[str, object]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def notebook(path: Path, cells: Sequence[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def exercise_cells(answer: str = STUB) -> list[dict[str, object]]:
    return [
        words("# Exercises"),
        code(f"%%build {TARGET}\n{ALL}", "pages_broken"),
        code(f"%%build {TARGET}\n{answer}", "pages_answer"),
        code('check("ch90.pages")', "pages"),
    ]


def write(root: Path) -> Path:
    """The course below `root`: a welcome, one lesson, its exercises; and `checks.py`."""
    notebook(
        root / "notebooks" / "00_welcome.ipynb",
        [words("# Welcome"), code(f"%%build app.py\n{APP}")],
    )
    notebook(
        root / "notebooks" / "ch01_api" / "01_list_shows.ipynb",
        [words("# Shows"), code(f"%%build services/shows.py\n{SHOWS}")],
    )
    notebook(root / "exercises" / "ch01_api" / "01_list_shows.ipynb", exercise_cells())
    (root / "checks.py").write_text(CHECKS, encoding="utf-8")
    return root


@contextmanager
def installed(root: Path) -> Iterator[Path]:
    """The demo course in the place of the real one, with the real one's warm parent."""
    write(root)
    state, known = places.state(), dict(checks.exercises())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_STATE", str(state))
        patch.setenv("COURSEKIT_CHECKS", str(root / "checks.py"))
        patch.setattr(places, "checkout", lambda: root)
        checks.load(root / "checks.py")
        try:
            yield root
        finally:
            del sys.modules["coursekit_checks_checks"]
            checks._known.clear()
            checks._known.update(known)
