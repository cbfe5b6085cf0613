"""Plans that PostgreSQL really ran, read as a tree: what, how long, how many, how wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from conftest import ROOT

from coursekit import plan, services
from coursekit.errors import CourseError
from coursekit.plan import Plan

TABLES = """
drop table if exists hold, seat;
create table seat (id int primary key, number int);
create table hold (
    seat_id int references seat, buyer int, expires_at int, primary key (seat_id)
);
insert into seat select i, i from generate_series(1, 40000) i;
insert into hold select i, i % 100, i from generate_series(1, 20000) i;
create index hold_expires_at on hold (expires_at);
analyze seat, hold;
"""
Ask = Callable[..., Plan]
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    services.ensure()
    with psycopg.connect(services.database("test_plan")) as connection:
        connection.execute(TABLES.encode())
        connection.commit()
        yield connection


@pytest.fixture
def ask(connection: Connection) -> Iterator[Ask]:
    """`explain` with settings that end with the test."""

    def explain(query: str, **settings: str) -> Plan:
        for name, value in settings.items():
            connection.execute(f"set {name} = '{value}'".encode())
        connection.commit()
        return plan.explain(connection, query)

    yield explain
    connection.rollback()
    connection.execute("reset all")
    connection.commit()


def same_run(text: str) -> str:
    """What nbval compares of a text."""
    config = (ROOT / "tests/nbval.cfg").read_text(encoding="utf-8")
    for pattern, replace in re.findall(r"^regex: (.*)$\n^replace: (.*)$", config, re.M):
        text = re.sub(pattern, replace, text)
    return text


def test_a_whole_table_is_read_or_an_index_is_used(ask: Ask) -> None:
    scan = ask("select * from hold where buyer = 7")
    assert scan.names == {"Seq Scan"}
    node = scan.find("Seq Scan", "hold")
    assert node.rows == scan.rows == 200
    assert node.removed == 19_800
    assert "reads the whole table hold" in str(scan)
    assert "19,800 rows read and thrown away" in str(scan)
    assert not scan.uses("hold_expires_at")
    index = ask("select * from hold where expires_at = 5")
    assert index.uses("hold_expires_at")
    assert not index.find("Seq Scan")
    assert index.buffers < scan.buffers / 10
    assert "through the index hold_expires_at" in str(index)
    assert "Index Cond: (expires_at = 5)" in index.find("Index Scan").condition


def test_own_times_and_pages_add_up_to_the_whole(ask: Ask) -> None:
    queries = [
        "select count(*) from hold join seat on seat.id = hold.seat_id where buyer < 50",
        "with late as materialized (select * from hold where buyer > 3), "
        "n as materialized (select count(*) as n from late) select * from late, n order by buyer",
        "select * from seat where number > (select avg(expires_at) from hold)",
        "select id, (select count(*) from hold where seat_id = seat.id) from seat where id < 500",
    ]
    for query in queries:
        ran = ask(query)
        own = sum(node.time_ms for node in ran.nodes)
        assert own == pytest.approx(ran.root.total_ms, rel=0.1, abs=0.3), query
        assert sum(node.pages for node in ran.nodes) == ran.buffers, query
        assert sum(node.share for node in ran.nodes) == pytest.approx(1)


def test_a_wrong_estimate_has_a_sign_and_words(ask: Ask) -> None:
    ran = ask("select * from hold where seat_id = expires_at and expires_at + 0 = seat_id + 0")
    (node,) = ran.misjudged
    assert node.rows == 20_000
    assert node.error >= 10
    assert "! expected about" in str(ran)
    assert "statistics?" in str(ran)
    assert ">!</span>" in ran.html


def test_what_a_limit_left_unread_is_no_wrong_estimate(ask: Ask) -> None:
    assert not ask("select * from hold limit 3").misjudged


def test_a_sort_that_spills_says_so(ask: Ask) -> None:
    small = ask("select * from hold order by buyer, expires_at", work_mem="64kB")
    assert small.spilled
    assert re.search(r"! spilled [\d.,]+ [kM]B to disk: work_mem is too small", str(small))
    large = ask("select * from hold order by buyer, expires_at", work_mem="64MB")
    assert not large.spilled
    assert re.search(r"took [\d.,]+ [kM]B of memory", str(large))


def test_a_hash_join_that_spills_says_so(ask: Ask) -> None:
    ran = ask(
        "select * from seat join hold on hold.seat_id = seat.id",
        work_mem="64kB", enable_mergejoin="off", enable_nestloop="off",
        max_parallel_workers_per_gather="0",
    )  # fmt: skip
    assert ran.find("Hash Join").spilled


def test_parallel_workers_count_once(ask: Ask) -> None:
    query = "select count(*) from seat where number % 7 = 0"
    force = {
        "parallel_setup_cost": "0", "parallel_tuple_cost": "0",
        "min_parallel_table_scan_size": "0", "max_parallel_workers_per_gather": "2",
    }  # fmt: skip
    ran = ask(query, **force)
    scan = ran.find("Seq Scan")
    assert scan.name == "Parallel Seq Scan"
    assert scan.rows == pytest.approx(5714, abs=10)
    assert scan.total_ms <= ran.time_ms * 1.05
    assert ran.find("Gather")
    both = f"select count(*) from seat join ({query.replace('count(*)', 'id')}) s using (id)"
    for again in (query, both):
        ran = ask(again, **force, enable_mergejoin="off", max_parallel_workers="8")
        alone = ask(again, max_parallel_workers="0")
        assert same_run(str(alone)) == same_run(str(ran))


def test_steps_that_never_ran(ask: Ask) -> None:
    ran = ask("select * from seat where false and exists (select 1 from hold)")
    assert ran.rows == 0
    ran = ask(
        "select * from (select * from seat where id < 0) s join hold on hold.buyer = s.number",
        enable_hashjoin="off", enable_mergejoin="off", enable_material="off",
    )  # fmt: skip
    late = [node for node in ran.nodes if not node.ran]
    assert late
    assert late[0].name not in ran.names or ran.find(late[0].name).ran
    assert "never ran" in str(ran)


def test_changes_are_shown_and_rolled_back(ask: Ask, connection: Connection) -> None:
    ran = ask("insert into hold select id, 1, 1 from seat where id > 39990;")
    assert ran.names >= {"Insert"}
    assert "nothing is kept: rolled back" in str(ran)
    assert re.search(r"then checked the constraint hold_seat_id_fkey 10 times", str(ran))
    kept = connection.execute("select count(*) from hold").fetchone()
    assert kept == (20_000,)
    for query in (
        "update hold set buyer = 1 where seat_id = 4",
        "delete from hold where buyer = 3 returning *",
        "insert into hold values (1, 1, 1) on conflict (seat_id) do update set buyer = 2",
        "merge into hold using seat on seat.id = hold.seat_id when matched then do nothing",
        "select * from hold where seat_id = 3 for update skip locked",
        "values (1), (2)",
        "select generate_series(1, 3)",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) table n",
        "select * from hold where expires_at = 1 or seat_id = 2",
        "select distinct buyer from hold union select 1 order by 1",
        "select rank() over (partition by buyer order by expires_at) from hold",
        "select * from hold a left join hold b on a.seat_id = b.buyer where b.buyer is null",
        "select buyer, count(*) from hold group by rollup (buyer)",
    ):
        shown = ask(query)
        assert shown.text
        assert all(node.does for node in shown.nodes), [n.name for n in shown.nodes if not n.does]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("create table t (id int)", "`create` has no plan"),
        ("explain select 1", "without the word EXPLAIN"),
        ("select 1; drop table hold", "one statement at a time"),
        ("", "has no plan"),
    ],
)
def test_what_has_no_plan_is_refused_in_a_sentence(ask: Ask, query: str, words: str) -> None:
    with pytest.raises(CourseError, match=words):
        ask(query)


def test_postgresqls_own_errors_pass(ask: Ask) -> None:
    for query, kind in (
        ("select 1 / 0 from hold", psycopg.errors.DivisionByZero),
        ("select * from holt", psycopg.errors.UndefinedTable),
        ("select * form hold", psycopg.errors.SyntaxError),
    ):
        with pytest.raises(kind):
            ask(query)


def test_two_runs_compare_as_the_same(ask: Ask, connection: Connection) -> None:
    query = "select buyer, count(*) from hold join seat on id = seat_id group by 1 order by 2"
    first = ask(query)
    connection.execute("analyze hold")
    connection.commit()
    for _ in range(5):
        again = ask(query)
        assert same_run(str(again)) == same_run(str(first))
        assert same_run(again.html) == same_run(first.html)
    assert "Seq Scan on hold" in same_run(str(first))
    assert "got 20,000 rows" in same_run(str(first))


def node(kind: str, **more: object) -> dict[str, object]:
    spaced = {key.replace("_", " "): value for key, value in more.items()}
    return {
        "Node Type": kind, "Plan Rows": 10, "Actual Rows": 10, "Actual Loops": 1,
        "Actual Total Time": 10.0, "Shared Hit Blocks": 8, **spaced,
    }  # fmt: skip


def test_the_slowest_step_is_marked_from_half_of_the_time_on() -> None:
    quick = node("Seq Scan", Relation_Name="a", Actual_Total_Time=4.0)
    slow = node("Seq Scan", Relation_Name="a", Actual_Total_Time=6.0)
    marked = {
        part.name
        for below in (quick, slow)
        for part in Plan({"Plan": node("Sort", Plans=[below])}).nodes
        if part.is_slowest
    }
    assert marked == {"Sort", "Seq Scan"}
    text = str(Plan({"Plan": node("Sort", Plans=[slow])}))
    assert "└─ Seq Scan on a ← most of the time" in text
    bare = same_run(text)
    assert "most of the time" not in bare
    assert "Seq Scan on a\n" in bare


def test_of_two_readers_of_a_cte_the_first_has_its_pages_however_long_the_other_took() -> None:
    """A busy machine can hold up the second one."""
    late = node(
        "Seq Scan", Actual_Total_Time=5.0, Relation_Name="hold", Subplan_Name="CTE late",
        Parent_Relationship="InitPlan",
    )  # fmt: skip
    first = node("CTE Scan", Actual_Total_Time=6.0, CTE_Name="late")
    second = node("CTE Scan", Actual_Total_Time=9.0, CTE_Name="late", Shared_Hit_Blocks=0)
    plans = [late, second, first]
    ran = Plan({"Plan": node("Nested Loop", Actual_Total_Time=16.0, Plans=plans)})
    assert [part.pages for part in ran.nodes] == [0, 8, 0, 0]
    assert [part.time_ms for part in ran.nodes] == [1.0, 5.0, 9.0, 1.0]


def test_versions_count_rows_of_many_runs_with_and_without_digits() -> None:
    """Before 18 the mean is a whole number, from 18 on it has two digits."""
    old = Plan({"Plan": node("Index Scan", Actual_Rows=1, Actual_Loops=3, Index_Searches=3)})
    new = Plan({"Plan": node("Index Scan", Actual_Rows=0.33, Actual_Loops=300)})
    assert old.rows == 3
    assert new.rows == pytest.approx(100, abs=10)
    jumps = Plan({"Plan": node("Index Scan", Index_Searches=4)})
    assert "jumped to 4 places of the index" in str(jumps)


def test_an_unknown_step_and_unknown_keys_are_shown_all_the_same() -> None:
    data = {
        "Plan": node("Quantum Scan", Relation_Name="a<b>", Alias="x", Disabled=False),
        "Query Identifier": 5, "Planning": {"Shared Hit Blocks": 3}, "Settings": {"a": "b"},
        "JIT": {"Functions": 3, "Timing": {"Total": 12.5}},
    }  # fmt: skip
    shown = Plan(data)
    assert "Quantum Scan on a<b> x" in str(shown)
    assert "a&lt;b&gt;" in shown.html
    assert "a<b>" not in shown.html
    assert "then compiled parts of the query first (JIT), 12 ms" in str(shown)
    assert Plan({"Plan": {"Node Type": "Result"}}).rows == 0
