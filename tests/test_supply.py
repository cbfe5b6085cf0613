"""Checks with a database: one for each item, made from a template, and dropped."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import democourse
import pytest

from coursekit import course, judge, places, services, supply, tables
from coursekit.verdict import Outcome, Verdict

HOLD, TABLES = democourse.HOLD, democourse.SEATS_TABLES + "\n"
NAIVE = HOLD.replace(" on conflict do nothing", "")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    services.ensure()
    with democourse.installed(tmp_path_factory.mktemp("demo")):
        yield democourse.write_seats(tmp_path_factory.mktemp("seats"))


def grade(base: Path, name: str, code: str, target: str = "", **how: bool) -> Verdict:
    target = target or ("models/tables.py" if name == "tables" else "services/seats.py")
    return judge.judge(f"ch90.{name}", {target: code}, base=base, **how)


def left() -> list[str]:
    with services.administering("any") as server:
        rows = server.execute(
            "select datname from pg_database where starts_with(datname, %s)", [supply.prefix()]
        )
        return [str(row[0]) for row in rows if supply.SPARE not in str(row[0])]


def wait(holds: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("namespace", [True, False])
def test_each_item_has_a_database_of_its_own(base: Path, namespace: bool) -> None:
    verdict = grade(base, "sold_once", HOLD, namespace=namespace)
    assert verdict.passed, verdict.text()
    wait(lambda: not left())


def test_rows_tell_right_from_wrong(base: Path) -> None:
    verdict = grade(base, "sold_once", NAIVE)
    assert [item.passed for item in verdict.items] == [True, False, False], verdict.text()
    assert "UniqueViolation" in verdict.text()


def test_constraints_are_the_learners_own(base: Path) -> None:
    assert grade(base, "tables", TABLES).passed
    verdict = grade(base, "tables", TABLES.replace("primary key references", "references"))
    assert [item.passed for item in verdict.items] == [False, True], verdict.text()


def test_tables_that_cannot_be_made_are_told_once_with_the_own_line(base: Path) -> None:
    verdict = grade(base, "tables", TABLES.replace("create", "make", 1))
    assert verdict.outcome is Outcome.NOT_YET
    assert verdict.items[0].expected == "your tables can be made"
    assert 'syntax error at or near "make"' in verdict.items[0].got
    assert "database.py, line 10, in set_up" in verdict.items[0].got
    assert verdict.items[1].got == "they cannot, as above"


def test_missing_table_is_told_in_words(base: Path) -> None:
    verdict = grade(base, "tables", TABLES.replace("table hold", "table holds"))
    assert 'relation "hold" does not exist' in verdict.items[0].got
    assert verdict.outcome is Outcome.NOT_YET


def test_set_up_that_never_ends(base: Path) -> None:
    verdict = grade(base, "tables", TABLES + "while True:\n    pass\n")
    assert verdict.outcome is Outcome.COULD_NOT_FINISH
    assert "did not answer within 2 seconds" in verdict.message
    with services.administering("any") as server:
        assert services._names(server, services.HALF_MADE) == []


def test_empty_database_and_none(base: Path) -> None:
    assert grade(base, "bare_database", HOLD).passed
    assert grade(base, "no_database", HOLD).passed


def test_fault_of_the_course_is_never_the_learners(base: Path, tmp_path: Path) -> None:
    broken = democourse.write_seats(tmp_path)
    (broken / "boxoffice" / "models" / "tables.py").write_text("TABLES = 'make'\n")
    verdict = grade(broken, "sold_once", HOLD)
    assert verdict.outcome is Outcome.COULD_NOT_BE_GRADED
    assert "the tables cannot be made" in verdict.message


def test_answer_that_reaches_no_table_needs_no_new_template(base: Path) -> None:
    grade(base, "sold_once", HOLD)
    with services.administering("any") as server:
        before = services._names(server, services.TEMPLATE)
    grade(base, "sold_once", HOLD + "\n\nMORE = 1\n")
    with services.administering("any") as server:
        assert services._names(server, services.TEMPLATE) == before


def test_what_set_up_can_reach() -> None:
    files: course.Files = {
        "database.py": "from boxoffice.models import show\nfrom . import settings\n",
        "models/__init__.py": "", "models/show.py": "def f():\n    from .base import Base\n",
        "models/base.py": "import boxoffice.words", "words.py": "", "settings.py": "",
        "migrations/env.py": "import boxoffice.other", "other.py": "",
        "migrations/versions/one.py": "", "services/shows.py": "import boxoffice.words",
    }  # fmt: skip
    assert tables.reached(files) == set(files) - {"services/shows.py"}
    files["models/base.py"] = "from importlib import import_module"
    assert tables.reached(files) == set(files)
    assert tables.makes_tables({"database.py": "def set_up(url): ..."})
    assert not tables.makes_tables({"database.py": "def set_up(url: ..."})


@pytest.mark.parametrize("number", [signal.SIGQUIT, signal.SIGKILL])
def test_server_that_falls_over_costs_no_mark(base: Path, number: signal.Signals) -> None:
    assert grade(base, "waits", HOLD).passed

    def kill() -> None:
        wait(left)
        time.sleep(0.4)
        services.processes()["postgres"].send_signal(number)

    killer = threading.Thread(target=kill)
    wait(lambda: not left())
    killer.start()
    verdict = grade(base, "waits", HOLD)
    killer.join()
    assert verdict.outcome in {Outcome.PASSED, Outcome.COULD_NOT_BE_GRADED}, verdict.text()


def test_server_that_is_down_is_started(base: Path) -> None:
    services.stop()
    verdict = grade(base, "sold_once", HOLD)
    assert verdict.passed, verdict.text()


def test_server_that_cannot_be_had_costs_no_mark(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    verdict = grade(base, "sold_once", HOLD, here=True)
    assert verdict.outcome is Outcome.COULD_NOT_BE_GRADED
    assert "DATABASE_URL" in verdict.message


def test_databases_of_a_killed_check_are_dropped_by_the_next(base: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import democourse\n"
        "from pathlib import Path; from coursekit import judge, places\n"
        "places.checkout = lambda: Path(sys.argv[2])\n"
        "judge.judge('ch90.waits', {'services/seats.py': democourse.HOLD},"
        " base=Path(sys.argv[3]))\n"
    )
    words = [str(Path(__file__).parent), str(places.checkout()), str(base)]
    wait(lambda: not left())
    process = subprocess.Popen([sys.executable, "-c", script, *words])
    wait(left)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    time.sleep(0.3)
    grade(base, "bare_database", HOLD)
    wait(lambda: not left())
