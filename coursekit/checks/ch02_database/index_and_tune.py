"""Checks of lesson 2.4's exercises: a day as a range, an index in order, dead weight, a guess."""

from __future__ import annotations

import random
from datetime import date, datetime, time, timedelta
from typing import Any, LiteralString, cast
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from coursekit.checks import Sandbox, exercise, require
from coursekit.plan import Plan


def place(box: Sandbox, moment: datetime, amount: int, currency: str = "EUR") -> None:
    box.sql(
        'insert into "order" (id, buyer_id, placed_at, total_amount, currency)'
        " values (%s, %s, %s, %s, %s)",
        uuid4(), uuid4(), moment, amount, currency,
    )  # fmt: skip


def fill(box: Sandbox, *, orders: int, buyers: int, until: datetime) -> None:
    """Orders five minutes apart, the last one at `until`; the buyers take turns."""
    box.sql(
        'insert into "order" (id, buyer_id, placed_at, total_amount, currency)'
        " select md5('order ' || n)::uuid, md5('buyer ' || n %% %s)::uuid,"
        " %s - (%s - n) * interval '5 minutes', 3800 + n %% 7 * 100, 'EUR'"
        " from generate_series(1, %s) as n",
        buyers, until, orders, orders,
    )  # fmt: skip


def run_plan(box: Sandbox, query: str) -> Plan:
    top = box.plan(query)
    return Plan({"Plan": top, "Execution Time": top.get("Actual Total Time", 0)})


# --- 1: complete ------------------------------------------------------------------------------

DAY = exercise(
    "ch02.day_takings",
    lesson="2.4",
    kind="complete",
    title="What a day brought in",
    answers=("services/income.py::select_takings",),
    hints=(
        "The two lines above your part have done the hard work: `begins` is the first moment of "
        "the day in that zone, `ends` the first moment of the next day. What is left is one "
        "`select(…)` with a `where(…)`. Which orders lie between the two?",
        "Leave `Order.placed_at` bare. A function around it, such as `func.date(…)`, hides the "
        "column from the index, and it knows nothing of the zone. Two comparisons do it: the "
        "beginning belongs to the day, the end does not.",
        "`sum` of no rows is null, not 0. `func.coalesce(a, b)` gives `a`, or `b` where `a` is "
        "null. And do not forget the currency: euros and pounds have no common sum.",
        "    return select(func.coalesce(func.sum(Order.total_amount), 0)).where(\n"
        "        Order.placed_at >= begins,\n"
        "        Order.placed_at < ends,\n"
        "        Order.currency == currency,\n"
        "    )",
    ),
)

SELECTED = """
from datetime import date
from sqlalchemy.dialects import postgresql
from boxoffice.services.income import select_takings

query = select_takings(date.fromisoformat(day), zone, currency)
result = None if query is None else str(
    query.compile(
        dialect=postgresql.dialect(paramstyle="named"), compile_kwargs={"literal_binds": True}
    )
)
"""
ZONES = ("Europe/Lisbon", "Asia/Tokyo", "America/New_York", "Europe/Berlin")


def written(box: Sandbox, day: date, zone: str, currency: str = "EUR") -> str:
    query = box.evaluate(SELECTED, day=day.isoformat(), zone=zone, currency=currency)
    require(
        isinstance(query, str),
        expected="a query: `select(…)`",
        got="`None`",
        why="Your function builds the query but does not return it.",
    )
    return str(query)


def takings(box: Sandbox, day: date, zone: str, currency: str = "EUR") -> Any:
    rows = box.sql(written(box, day, zone, currency))
    require(
        len(rows) == 1 and len(rows[0]) == 1,
        expected="one row with one number",
        got=f"{len(rows)} rows",
        why="The question asks for the sum, so let the database add up: `func.sum(…)`.",
        where="lesson 2.4, 'See it fail'",
    )
    return next(iter(rows[0].values()))


def a_day() -> tuple[date, str, datetime, datetime]:
    """A day far from the others, a zone that is not UTC then, and the day's two ends."""
    day, zone = date(2031, random.randint(5, 8), random.randint(2, 27)), random.choice(ZONES)
    begins = datetime.combine(day, time(), ZoneInfo(zone))
    return day, zone, begins, datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


@DAY.item(2, "It adds up the orders of that day and that currency.")
def of_the_day(box: Sandbox) -> None:
    day, zone, begins, ends = a_day()
    inside = [random.randint(1, 90) * 100 + 7 for _ in range(3)]
    for moment, amount in zip(
        (begins + timedelta(minutes=1), begins + timedelta(hours=12), ends - timedelta(minutes=1)),
        inside,
        strict=True,
    ):
        place(box, moment, amount)
    pounds = random.randint(1, 90) * 1000 + 1
    place(box, begins + timedelta(hours=3), pounds, "GBP")
    place(box, begins - timedelta(minutes=1), 200_000)
    place(box, ends + timedelta(minutes=1), 400_000)
    got = takings(box, day, zone)
    require(
        got != sum(inside) + pounds,
        expected=f"{sum(inside)}, the orders in euro",
        got=f"{got}, with {pounds} pence among the cents",
        why="Money of two currencies has no sum. Ask for `currency` as well.",
    )
    require(
        got == sum(inside),
        expected=f"{sum(inside)} for {day} in {zone}",
        got=str(got),
        why="An order a minute before or after the day was counted, or one within it was not. "
        "The day begins and ends by the clocks of `zone`, and `begins` and `ends` say when.",
        where="the two lines above your part",
    )


@DAY.item(1, "An order at midnight belongs to the day that begins.")
def midnight(box: Sandbox) -> None:
    day, zone, begins, ends = a_day()
    place(box, begins, 1100)
    place(box, ends, 2200)
    got = takings(box, day, zone)
    require(
        got != 3300,
        expected="1100: the order at the first moment of the day",
        got="3300: the one of the next midnight too",
        why="It is counted twice now, today and tomorrow. A day is from its first moment up to, "
        "but not with, the first moment of the next. `between` takes both ends.",
        where="lesson 2.4, step 1",
    )
    require(
        got == 1100,
        expected="1100: the order at the first moment of the day",
        got=str(got),
        why="`begins` itself is part of the day, so compare with `>=`; `ends` is not: `<`.",
    )


@DAY.item(1, "A day without orders brought in 0.")
def nothing(box: Sandbox) -> None:
    day, zone, begins, _ = a_day()
    place(box, begins - timedelta(days=3), 900)
    got = takings(box, day, zone)
    require(
        got == 0,
        expected="0",
        got="null" if got is None else str(got),
        why="The sum of no rows is null in SQL: 'not known'. But we know that it is 0.",
        where="lesson 2.3, step 1: `coalesce`",
    )


@DAY.item(2, "It reads that day's orders and throws no others away.")
def reads_the_day(box: Sandbox) -> None:
    day, zone, _, ends = a_day()
    orders = random.randint(15_000, 18_000)
    fill(box, orders=orders, buyers=100, until=ends + timedelta(days=9))
    box.sql('create index check_placed_at on "order" (placed_at)')
    box.sql('analyze "order"')
    plan = run_plan(box, written(box, day, zone))
    removed = sum(node.removed for node in plan.nodes)
    require(
        plan.uses("check_placed_at"),
        expected="an index on `placed_at` finds the day's 288 orders",
        got=f"a scan of the whole table, {removed:,} rows read and thrown away",
        why="A function or a cast around `placed_at` hides the column: PostgreSQL does not look "
        "inside, so it asks every row. Compare the bare column with `begins` and `ends`.",
        where="lesson 2.4, step 1",
    )
    require(
        removed < 1000,
        expected="hardly a row thrown away",
        got=f"{removed:,} rows read and thrown away",
        why="One end of the day is missing among the conditions that the index can use.",
        where="lesson 2.4, step 1: *Index Cond* and *Filter*",
    )


# --- 2: mend ----------------------------------------------------------------------------------

MINE = exercise(
    "ch02.my_orders",
    lesson="2.4",
    kind="mend",
    title="An index that walks too far",
    answers=("migrations/versions/0009_speed_up_my_orders.py",),
    hints=(
        "Read the plan of the broken version again. The index is used, and yet the pages are "
        "many. What is the index sorted by first? And what must a step above it still do?",
        "Columns that are compared with `=` come first. Here that is the buyer. Then come the "
        "columns of `order by`, in their order: the time, and the id that breaks ties. An index "
        "can be read from its end, so `desc` on both needs nothing special.",
        "`downgrade` undoes `upgrade`: it drops the index. And a plain `create index` lets nobody "
        "write until it is done. Lesson 2.2 built one while the house sold on, in "
        "migrations/versions/0002_index_hold_order.py; look at its `autocommit_block`.",
        "    def upgrade() -> None:\n"
        "        with op.get_context().autocommit_block():\n"
        "            op.create_index(\n"
        '                "ix_order_mine",\n'
        '                "order",\n'
        '                ["buyer_id", "placed_at", "id"],\n'
        "                postgresql_concurrently=True,\n"
        "            )",
    ),
)
INDEXED: LiteralString = (
    "select indexrelid::regclass::text as name, indisvalid as valid from pg_index"
    " where indrelid = '\"order\"'::regclass"
)
INDEXES: LiteralString = INDEXED + " order by 1"
NEWEST: LiteralString = (
    'select id, placed_at, total_amount from "order" where buyer_id = %s'
    " order by placed_at desc, id desc limit 5"
)
STEP = """
from boxoffice import migrate
from boxoffice.database import address

for target in targets:
    if target == "-1":
        migrate.downgrade(url, target)
    else:
        migrate.upgrade(url, target)
result = True
"""


def migrated(box: Sandbox, *targets: str) -> None:
    box.evaluate(STEP, url=box.database_url, targets=list(targets))


def step_back(box: Sandbox) -> None:
    """As before the migration, without its `downgrade`."""
    for row in box.sql(f"{INDEXED} and indexrelid not in (select conindid from pg_constraint)"):
        box.sql(f"drop index {row['name']}")
    box.sql("update alembic_version set version_num = '0008'")


def buyers_house(box: Sandbox, gone: UUID) -> int:
    """A house with many orders, of which `gone` placed the six oldest."""
    orders = random.randint(15_000, 18_000)
    fill(box, orders=orders, buyers=900, until=datetime(2031, 1, 1, tzinfo=ZoneInfo("UTC")))
    box.sql(
        'update "order" set buyer_id = %s where id in'
        ' (select id from "order" order by placed_at limit 6)',
        gone,
    )
    box.sql('vacuum analyze "order"')
    return orders


@MINE.item(2, "A buyer who came long ago costs no more than one of today.")
def old_buyer(box: Sandbox) -> None:
    gone = uuid4()
    orders = buyers_house(box, gone)
    top = box.plan(NEWEST, gone)
    plan = Plan({"Plan": top, "Execution Time": top.get("Actual Total Time", 0)})
    used = next((node for node in plan.nodes if node.index), None)
    require(
        used is not None and not plan.find("Seq Scan"),
        expected="an index finds the buyer's orders",
        got=f"all {orders:,} orders are read",
        why="No index begins with what the query compares with `=`. Did `upgrade` make one?",
        where="lesson 2.4, step 2",
    )
    require(
        plan.buffers <= 25,
        expected="at most 25 pages for a buyer whose orders are the oldest",
        got=f"{plan.buffers} pages",
        why="The entries are sorted by time first, so PostgreSQL walks from today back to the "
        "beginning until it meets this buyer. Put the column that is compared with `=` first.",
        where="lesson 2.4, step 2: the phone book",
    )


@MINE.item(2, "The five newest come out of the index in order; no step sorts.")
def no_sort(box: Sandbox) -> None:
    gone = uuid4()
    buyers_house(box, gone)
    buyer = random.choice(
        box.sql('select buyer_id from "order" where buyer_id <> %s limit 50', gone)
    )
    top = box.plan(NEWEST, buyer["buyer_id"])
    plan = Plan({"Plan": top, "Execution Time": top.get("Actual Total Time", 0)})
    sorts = [node for node in plan.nodes if "Sort" in node.name and node.ran]
    require(
        not sorts or sorts[0].name != "Incremental Sort",
        expected="an index that has the whole order: time, then id",
        got="an *Incremental Sort* for the ids",
        why="The index knows the time, but two orders of one moment are still to be put in "
        "order. The column that breaks ties belongs into the index, as the last one.",
        where="the `order by` of the query",
    )
    require(
        not sorts and not plan.find("Seq Scan"),
        expected="rows that come in order",
        got=", ".join(f"*{node.name}*" for node in sorts) or "a scan of the whole table",
        why="After the column with `=`, the index must go on with the columns of `order by`.",
        where="lesson 2.4, step 2",
    )


@MINE.item(1, "`downgrade` takes the index away again, and up, down, up works.")
def up_down_up(box: Sandbox) -> None:
    before = {row["name"] for row in box.sql(INDEXES)}
    migrated(box, "-1")
    after = {row["name"] for row in box.sql(INDEXES)}
    require(
        after < before and len(before - after) == 1,
        expected="one index less after `downgrade`",
        got="the same indexes" if before == after else f"gone: {sorted(before - after)}",
        why="`downgrade` must undo what `upgrade` did. Otherwise the next `upgrade` meets an "
        "index that is there already, and stops.",
        where="lesson 2.2; migrations/versions/0002_index_hold_order.py",
    )
    migrated(box, "head")
    again = {row["name"] for row in box.sql(INDEXES)}
    require(
        again == before,
        expected=f"{sorted(before)}",
        got=f"{sorted(again)}",
        where="`upgrade`",
    )


@MINE.item(1, "The house sells on while the index is built.")
def sells_on(box: Sandbox) -> None:
    step_back(box)
    box.sql("create table told (words text)")
    box.sql(
        "create function tell() returns event_trigger language plpgsql as"
        " $$ begin insert into told values (current_query()); end $$"
    )
    box.administer(
        "create event trigger tell on ddl_command_start when tag in ('CREATE INDEX')"
        " execute function tell()"
    )
    migrated(box, "head")
    told = [row["words"].lower() for row in box.sql("select words from told")]
    require(
        told,
        expected="`upgrade` makes an index",
        got="it made none",
        where="`op.create_index(…)`",
    )
    require(
        all("concurrently" in words for words in told),
        expected="`CREATE INDEX CONCURRENTLY`",
        got="`CREATE INDEX`",
        why="A plain `create index` keeps every buyer who wants to pay waiting until it is done. "
        "Alembic has `postgresql_concurrently=True`, inside an `autocommit_block`.",
        where="lesson 2.2; migrations/versions/0002_index_hold_order.py",
    )
    broken = [row["name"] for row in box.sql(INDEXES) if not row["valid"]]
    require(not broken, expected="a valid index", got=f"{broken} is not valid")


# --- 3: write ---------------------------------------------------------------------------------

UNUSED = exercise(
    "ch02.unused_indexes",
    lesson="2.4",
    kind="write",
    title="Indexes that nobody needs",
    answers=("services/upkeep.py::find_unused_indexes",),
    hints=(
        "Step 8 has most of it: the view `pg_stat_user_indexes` has a row for each index, with "
        "its name, its `relid` and `indexrelid`, and `idx_scan`, how often it was used. What it "
        "does not say is whether the index guards a rule.",
        "`pg_index` says that. Its `indexrelid` is the same number as in the view, so join on "
        "it. `indisunique` is true for a primary key and for UNIQUE, `indisexclusion` for an "
        "exclusion constraint. Those two kinds must stay.",
        "`pg_relation_size(indexrelid)` is the size in bytes: compare it with `:at_least`, and "
        "sort by it, largest first. `session.scalars(text(…), {…})` runs SQL and gives the first "
        "column; `list(…)` of that is your answer.",
        "    query = text('''\n"
        "        select s.indexrelname from pg_stat_user_indexes s\n"
        "        join pg_index i on i.indexrelid = s.indexrelid\n"
        "        where s.idx_scan = 0 and not i.indisunique and not i.indisexclusion\n"
        "          and pg_relation_size(s.indexrelid) >= :at_least\n"
        "        order by pg_relation_size(s.indexrelid) desc\n"
        "    ''')\n"
        '    return list(await session.scalars(query, {"at_least": at_least}))',
    ),
)

FOUND = """
from boxoffice.database import open_sessions
from boxoffice.services.upkeep import find_unused_indexes


async def go():
    async with open_sessions(url) as sessions, sessions() as session:
        found = await find_unused_indexes(session, at_least=at_least)
        return None if found is None else [
            name if isinstance(name, str) else {"row": str(name)} for name in found
        ]


result = go()
"""
TABLE = "check_stock"


def unused(box: Sandbox, at_least: int) -> list[str]:
    found = box.evaluate(FOUND, url=box.database_url, at_least=at_least)
    require(
        isinstance(found, list),
        expected="a list of names",
        got="`None`",
        why="Your function does not return what it found.",
    )
    rows = [name["row"] for name in found if isinstance(name, dict)]
    require(
        not rows,
        expected="a list of names, each a `str`",
        got=f"rows: `{rows[0] if rows else ''}`, …",
        why="`execute` gives rows, even where each has one column. `session.scalars(…)` gives the "
        "first column of each.",
        where="the task",
    )
    return cast(list[str], found)


def stock(box: Sandbox) -> dict[str, str]:
    """A table with two plain indexes of random names, one used; and rules."""
    mark = random.randint(1000, 9999)
    names = {kind: f"{kind}_{mark}" for kind in ("used", "idle", "small", "rule", "one")}
    box.sql("create table check_stock (id int primary key, a int, b int, c int, d int, e int)")
    box.sql("insert into check_stock select n, n, n % 7, n, n, n from generate_series(1, 3000) n")
    for name, columns in (("used", "a"), ("idle", "c, d, a"), ("small", "b")):
        box.sql(f"create index {names[name]} on check_stock ({columns})")
    box.sql(f"create unique index {names['rule']} on check_stock (d)")
    box.sql(f"alter table check_stock add constraint {names['one']} unique (e)")
    box.sql("analyze check_stock")
    box.sql("set enable_seqscan = off")
    box.sql("select count(*) from check_stock where a = %s", random.randint(1, 3000))
    box.sql("select pg_stat_force_next_flush()")
    box.sql("select 1")
    return names


@UNUSED.item(2, "It names the indexes that no query has used.")
def names_the_unused(box: Sandbox) -> None:
    names = stock(box)
    found = unused(box, 0)
    require(
        names["used"] not in found,
        expected=f"not `{names['used']}`: a query used it",
        got="it is in the list",
        why="`idx_scan` counts the uses of an index. Only those with 0 can go.",
        where="lesson 2.4, step 8",
    )
    missing = [names[kind] for kind in ("idle", "small") if names[kind] not in found]
    require(
        not missing,
        expected=f"`{names['idle']}` and `{names['small']}` in the list",
        got=f"{found[:8]}",
        why="No query used them. Look at all tables, not only at `order`, and at all names: not "
        "each begins with `ix`.",
        where="lesson 2.4, step 8",
    )


@UNUSED.item(2, "An index that guards a rule is never among them.")
def rules_stay(box: Sandbox) -> None:
    names = stock(box)
    found = unused(box, 0)
    require(
        "check_stock_pkey" not in found,
        expected="the primary key stays",
        got="`check_stock_pkey` is in the list",
        why="No query looked by the key yet, but the index works at every insert: it is the "
        "rule. Drop it, and two rows may have one id.",
        where="`indisunique` in `pg_index`",
    )
    rules = [names[kind] for kind in ("rule", "one") if names[kind] in found]
    require(
        not rules,
        expected="UNIQUE indexes stay",
        got=f"`{rules[0] if rules else ''}` is in the list",
        why="UNIQUE is kept by its index, whether it was made as a constraint or as an index. "
        "`idx_scan` does not count that work.",
        where="`indisunique` in `pg_index`",
    )
    require(
        "ex_performance_venue_hours" not in found,
        expected="exclusion constraints stay",
        got="`ex_performance_venue_hours` is in the list",
        why="This index keeps two performances from one stage at one time. It is not UNIQUE, but "
        "it guards a rule all the same.",
        where="`indisexclusion` in `pg_index`",
    )


@UNUSED.item(1, "Those below `at_least` bytes are left out; the largest come first.")
def by_size(box: Sandbox) -> None:
    names = stock(box)
    rows = box.sql(
        "select relname as name, pg_relation_size(oid) as size from pg_class"
        " where relname = any(%s)", [names["idle"], names["small"]],
    )  # fmt: skip
    size = {row["name"]: row["size"] for row in rows}
    found = unused(box, 0)
    everything = [name for name in found if name in size]
    require(
        everything,
        expected=f"`{names['idle']}` and `{names['small']}` in the list",
        got=f"none of them: {found[:4]}",
        why="They are indexes of another table than `order`, and their names do not begin with "
        "`ix`. Nothing but the size and the use decides.",
        where="the task: all tables",
    )
    require(
        everything == [names["idle"], names["small"]],
        expected=f"the largest first: {names['idle']}, {names['small']}",
        got=str(everything),
        why="The largest is worth dropping first. `order by … desc` on the size, not the name.",
    )
    least = size[names["idle"]]
    kept = [name for name in unused(box, least) if name in size]
    require(
        kept == [names["idle"]],
        expected=f"at_least={least}: {names['idle']} alone, which is just that big",
        got=str(kept),
        why="Compare `pg_relation_size(indexrelid)`, in bytes, with `at_least`; equal is enough.",
    )


# --- 4: stretch -------------------------------------------------------------------------------

GUESS = exercise(
    "ch02.misjudged_steps",
    lesson="2.4",
    kind="stretch",
    title="Where the guess went wrong",
    answers=("services/upkeep.py::find_misjudged",),
    database=False,
    hints=(
        "A step is a dict, and the steps below it are in its list `Plans`, which is missing where "
        "there are none. So the function calls itself: first for each step below, then it looks "
        "at the step itself. In that order the lowest come first.",
        "Compare `Plan Rows`, the guess, with `Actual Rows`, the truth. Both are for one run of "
        "the step. Count 0 as 1 in both: otherwise you divide by zero, and a guess of 1 for 0 "
        "rows is a good guess.",
        "The guess may be too high or too low, so look at both ratios: the larger of "
        "guess / truth and truth / guess. A step with `Actual Loops` 0 never ran: nobody knows "
        "the truth there. But look below it all the same.",
        "    found = [name for below in plan.get('Plans', [])\n"
        "             for name in find_misjudged(below, factor)]\n"
        "    guess = max(plan['Plan Rows'], 1)\n"
        "    truth = max(plan['Actual Rows'], 1)\n"
        "    if plan['Actual Loops'] and max(guess / truth, truth / guess) >= factor:\n"
        "        found.append(plan['Node Type'])\n"
        "    return found",
    ),
)


def step(
    name: str, guess: int, truth: float, *below: dict[str, object], loops: int = 1
) -> dict[str, object]:
    made: dict[str, object] = {
        "Node Type": name,
        "Plan Rows": guess,
        "Actual Rows": truth,
        "Actual Loops": loops,
    }
    if below:
        made["Plans"] = [*below]
    return made


def misjudged(box: Sandbox, plan: dict[str, object], factor: float) -> list[str]:
    found = box.call("boxoffice.services.upkeep:find_misjudged", plan, factor)
    require(
        isinstance(found, list),
        expected="a list of names of steps",
        got=f"`{found}`",
        why="Return the names of the steps as a list; an empty one if every guess was good.",
    )
    return cast(list[str], found)


@GUESS.item(2, "It names the steps whose guess is wrong by `factor` or more, too high or too low.")
def both_ways(box: Sandbox) -> None:
    factor, many = random.choice([5, 10, 20]), random.randint(300, 900)
    low = misjudged(box, step("Seq Scan", many, many * factor), factor)
    require(
        low == ["Seq Scan"],
        expected=f"['Seq Scan']: expected {many}, got {many * factor}, factor {factor}",
        got=str(low),
        why="Too low by exactly the factor counts. A guess of few rows for many is the one that "
        "makes PostgreSQL loop where it should not.",
    )
    high = misjudged(box, step("Index Scan", many * factor, many), factor)
    require(
        high == ["Index Scan"],
        expected=f"['Index Scan']: expected {many * factor}, got {many}",
        got=str(high),
        why="Too high is wrong as well. Look at both ratios, guess / truth and truth / guess.",
    )
    good = misjudged(box, step("Seq Scan", many, many * (factor - 1)), factor)
    require(good == [], expected="[] below the factor", got=str(good))


@GUESS.item(1, "0 rows count as 1.")
def nothing_came(box: Sandbox) -> None:
    one = misjudged(box, step("Index Scan", 1, 0), 10)
    require(
        one == [],
        expected="[]: 1 expected, 0 came",
        got=str(one),
        why="To expect one row and get none is a good guess. Count 0 as 1.",
    )
    many = random.randint(50, 90)
    none = misjudged(box, step("Index Scan", many, 0), 10)
    require(
        none == ["Index Scan"],
        expected=f"['Index Scan']: {many} expected, none came",
        got=str(none),
        why="A step that ran and found nothing was misjudged, if many rows were expected.",
    )


@GUESS.item(1, "A step that never ran is not named, but one below it may be.")
def never_ran(box: Sandbox) -> None:
    many = random.randint(300, 900)
    plan = step(
        "Append", 5, 5,
        step("Hash", many, 0, step("CTE Scan", 1, many), loops=0),
        step("Seq Scan", 5, 5),
    )  # fmt: skip
    found = misjudged(box, plan, 10)
    require(
        "Hash" not in found,
        expected="['CTE Scan']",
        got=str(found),
        why="`Actual Loops` 0: the step never ran, so nobody knows how many rows it had given.",
        where="the task: `Actual Loops`",
    )
    require(
        found == ["CTE Scan"],
        expected="['CTE Scan']",
        got=str(found),
        why="Pass over the step, not over what is below it.",
    )


@GUESS.item(2, "The lowest steps come first, since an error travels upwards.")
def lowest_first(box: Sandbox) -> None:
    many = random.randint(300, 900)
    plan = step(
        "Limit", 5, 5,
        step(
            "Nested Loop", 1, many,
            step("Bitmap Heap Scan", 1, many, step("Bitmap Index Scan", 1, many)),
            step("Index Scan", 1, 1, loops=many),
            step("Memoize", 1, many),
        ),
    )  # fmt: skip
    found = misjudged(box, plan, 10)
    wanted = ["Bitmap Index Scan", "Bitmap Heap Scan", "Memoize", "Nested Loop"]
    require(
        set(found) == set(wanted),
        expected=str(wanted),
        got=str(found),
        why="Each step of the tree is looked at, down to those that have no `Plans`. "
        "`Actual Rows` is for one run, as `Plan Rows` is: `Actual Loops` does not multiply it.",
    )
    require(
        found == wanted,
        expected=str(wanted),
        got=str(found),
        why="The lowest wrong guess is the cause, those above follow from it. So look below a "
        "step before you look at the step itself.",
        where="lesson 2.4, step 6",
    )
