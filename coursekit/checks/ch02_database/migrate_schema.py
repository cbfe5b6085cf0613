"""Checks of lesson 2.2's exercises: a way back, a quiet index, a polite backfill, two names."""

from __future__ import annotations

import random
from typing import Any

from coursekit.checks import Sandbox, exercise, require

TAKE = """
import importlib
import os
import re
import threading

import psycopg
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from boxoffice.database import address

URL = os.environ["DATABASE_URL"]


def take(function):
    # Run one function of the step as Alembic does; gives the words of who refuses.
    module = importlib.import_module("boxoffice.steps." + step)
    engine = create_engine(address(URL), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection)
            with context.begin_transaction(), Operations.context(context):
                getattr(module, function)()
    except DBAPIError as error:
        says, *more = str(error.orig).splitlines()
        if isinstance(error.orig, psycopg.errors.SyntaxError):
            says = ", ".join([says, *(line for line in more if line.startswith("LINE"))])
            if re.search(r"\\belse\\s+if\\b", error.statement or "", re.IGNORECASE):
                says += " (`else if`)"
        return "PostgreSQL says: " + says
    except AttributeError as error:
        if "'str' object" not in str(error):
            raise
        return f"Alembic says: {error}"
    return ""
"""
EACH = TAKE + "\nresult = [take(function) for function in functions]\n"


def walk(box: Sandbox, step: str, *functions: str) -> list[str]:
    """Run the functions of a step one by one: for each "", or who refuses and why."""
    says: list[str] = box.evaluate(EACH, step=step, functions=functions)
    return says


def went(says: str, function: str) -> None:
    """The function of a step went through: the refusals that any exercise may meet."""
    require(
        "Alembic says" not in says,
        expected=f"`{function}` goes through",
        got=says,
        why='A new column is `sa.Column("name", sa.String())`, as in 0003; its name alone will '
        "not do. And to give a column another name, rename it: that keeps what is in it.",
        where=f"your `{function}`",
    )
    require(
        "(`else if`)" not in says,
        expected=f"`{function}` goes through",
        got=says,
        why="`else if` opens a second `if` that needs an `end if` of its own. One word does what "
        "you mean: `elsif`.",
        where=f"the trigger in your `{function}`",
    )
    require(
        "syntax error" not in says,
        expected=f"`{function}` goes through",
        got=says,
        why="PostgreSQL cannot read the SQL. `LINE` counts the lines of that statement; look "
        "there, and at the end of the line before.",
        where=f"your `{function}`",
    )
    require(
        "transaction block" not in says,
        expected=f"`{function}` goes through",
        got=says,
        why="`concurrently` needs to be outside a transaction; `autocommit_block` leaves it.",
        where="lesson 2.2, migration 0002",
    )
    require(
        not says,
        expected=f"`{function}` goes through",
        got=says,
        why="The step was stopped by PostgreSQL.",
        where=f"your `{function}`",
    )


# --- 1: complete ------------------------------------------------------------------------------

BACK = exercise(
    "ch02.way_back",
    lesson="2.2",
    kind="complete",
    title="A way back",
    answers=("steps/sort_seats.py",),
    hints=(
        "Read `upgrade` from its last line to its first, and ask for each line: what takes this "
        "back? A rename is taken back by a rename. What was added is dropped, and what was dropped "
        "is added again, under its old name and with its old rule.",
        "A type outlives the column that used it: the lesson saw it with `genre`. And it cannot "
        "be dropped while a column still has it. So the column goes first, then the type.",
        "Five lines: put the old check back in the new one's place, drop the column, drop the "
        "type, and rename the column. `op.execute` takes any SQL; the name and the rule of the "
        "old check stand in `migrations/versions/0001_create_tables.py`.",
        "    op.execute('alter table seat drop constraint ck_seat_number_in_row')\n"
        "    op.execute('alter table seat add constraint ck_seat_number_positive '\n"
        "               'check (number > 0)')\n"
        "    op.drop_column('seat', 'kind')\n"
        "    op.execute('drop type seat_kind')\n"
        "    op.alter_column('venue', 'town', new_column_name='city')",
    ),
)
COLUMNS = """select table_name || '.' || column_name as name, is_nullable, column_default
    from information_schema.columns where table_schema = 'public'"""
RULES = """select conname as name, pg_get_constraintdef(oid) as rule
    from pg_constraint where connamespace = 'public'::regnamespace"""


def there_and_back(box: Sandbox) -> None:
    up, down = walk(box, "sort_seats", "upgrade", "downgrade")
    require(
        not up,
        expected="`upgrade` goes through, as it stood in the task",
        got=up,
        why="Only `downgrade` is yours to write.",
        where="the task",
    )
    require(
        "depend on it" not in down,
        expected="`downgrade` goes through",
        got=down,
        why="A type cannot go while a column has it: drop the column first.",
        where="the order of the lines in your `downgrade`",
    )
    require(
        "Alembic" in down or "syntax error" in down or not down,
        expected="`downgrade` goes through",
        got=down,
        why="It must take back what `upgrade` did, in the other order.",
        where="your `downgrade`",
    )
    went(down, "downgrade")


@BACK.item(2, "Every venue has its city again, under the old name.")
def cities(box: Sandbox) -> None:
    for row in box.sql("select id from venue"):
        city = f"Town {random.randint(100, 999)}"
        box.sql("update venue set city = %s where id = %s", city, row["id"])
    before = box.sql("select city from venue order by id")
    there_and_back(box)
    names = {row["name"] for row in box.sql(COLUMNS)}
    require(
        "venue.city" in names,
        expected="a column `city` in `venue`",
        got="no such column",
        why="`upgrade` gave it another name; `downgrade` gives the old name back.",
        where="your `downgrade`",
    )
    after = box.sql("select city from venue order by id")
    require(
        after == before,
        expected=f"the cities as before: {before[0]['city']}, …",
        got=f"{after[0]['city']!r}, …",
        why="Drop and add makes a new, empty column. A rename keeps what is in it.",
        where="lesson 2.2, step 2: the draft that loses every city",
    )


@BACK.item(2, "All columns and constraints are as they were.")
def as_before(box: Sandbox) -> None:
    columns, rules = box.sql(COLUMNS), box.sql(RULES)
    there_and_back(box)
    for what, before, after in (
        ("column", columns, box.sql(COLUMNS)),
        ("constraint", rules, box.sql(RULES)),
    ):
        gone = sorted(row["name"] for row in before if row not in after)
        new = sorted(row["name"] for row in after if row not in before)
        require(
            not gone,
            expected=f"the {what} `{gone[0] if gone else ''}` as it was before `upgrade`",
            got="it is missing or has changed",
            why="What `upgrade` dropped, `downgrade` puts back: the same name, the same rule.",
            where="`migrations/versions/0001_create_tables.py` has its first form",
        )
        require(
            not new,
            expected=f"no {what} that was not there before",
            got=f"`{new[0] if new else ''}`",
            why="What `upgrade` added, `downgrade` drops.",
            where="your `downgrade`",
        )


@BACK.item(1, "It can go up again.")
def up_again(box: Sandbox) -> None:
    there_and_back(box)
    again = walk(box, "sort_seats", "upgrade")[0]
    require(
        "type" not in again,
        expected="a second `upgrade` goes through",
        got=again,
        why="A type stays when its column goes; it needs a line of its own.",
        where="lesson 2.2, step 1: up, down, up",
    )
    require(
        not again,
        expected="a second `upgrade` goes through",
        got=again,
        why="Something that `upgrade` makes is still there after `downgrade`.",
        where="lesson 2.2, step 1: up, down, up",
    )


# --- 2: mend ----------------------------------------------------------------------------------

QUIET = exercise(
    "ch02.quiet_index",
    lesson="2.2",
    kind="mend",
    title="An index that nobody notices",
    answers=("steps/find_buyer.py",),
    hints=(
        "The table of changes in step 4 of the lesson says what a plain `create index` does to a "
        "writer, and which word changes that. `drop index` has the same word.",
        "That word is not allowed in a transaction, and Alembic opens one for each migration. "
        "Migration `0002` leaves it for a moment. How?",
        "Put all of it into `with op.get_context().autocommit_block():`. Before the index is "
        "built, remove what an earlier try may have left: an `INVALID` index has the name "
        "already, and `if not exists` would be content with it.",
        "    with op.get_context().autocommit_block():\n"
        "        op.execute('drop index concurrently if exists ix_hold_buyer_id')\n"
        "        op.create_index('ix_hold_buyer_id', 'hold', ['buyer_id'],\n"
        "                        postgresql_concurrently=True)",
    ),
)
BUSY = (
    TAKE
    + """

def sale_beside(function):
    # One buyer is in the middle of a sale when the step begins. May a second one sell?
    said = []
    with psycopg.connect(URL) as first, psycopg.connect(URL, autocommit=True) as second:
        first.execute("update hold set buyer_id = buyer_id")
        thread = threading.Thread(target=lambda: said.append(take(function)))
        thread.start()
        waits = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
        waits += " and datname = current_database()"
        while thread.is_alive() and not second.execute(waits).fetchone():
            pass
        second.execute("set lock_timeout = '250ms'")
        try:
            second.execute("update hold set buyer_id = buyer_id where false")
            sold = True
        except psycopg.errors.LockNotAvailable:
            sold = False
        first.rollback()
    thread.join()
    return said[0], sold


result = sale_beside(function)
"""
)
INDEX = """select indisvalid as valid, pg_get_indexdef(indexrelid) as made from pg_index
    where indexrelid = to_regclass('ix_hold_buyer_id')"""


def fill_holds(box: Sandbox) -> None:
    """A buyer with two seats, so that nothing unique can be made of them."""
    box.sql(
        """insert into hold (performance_id, seat_id, buyer_id, expires_at)
        select performance.id, seat.id, performance.id, now()
        from performance join seat using (venue_id) order by seat.id limit %s""",
        random.randint(40, 60),
    )


@QUIET.item(1, "After `upgrade`, `hold` has a valid index `ix_hold_buyer_id` on `buyer_id`.")
def made(box: Sandbox) -> None:
    went(walk(box, "find_buyer", "upgrade")[0], "upgrade")
    rows = box.sql(INDEX)
    require(
        bool(rows),
        expected="an index named `ix_hold_buyer_id`",
        got="no such index",
        why="The queries of tomorrow do not mind the name, but the next migration does.",
        where="your `upgrade`",
    )
    require(
        rows[0]["valid"] and "hold USING btree (buyer_id)" in rows[0]["made"],
        expected="a valid index on `hold (buyer_id)`",
        got=rows[0]["made"],
        why="It shall find the holds of a buyer.",
        where="your `upgrade`",
    )


def sell_beside(box: Sandbox, function: str) -> None:
    says, sold = box.evaluate(BUSY, step="find_buyer", function=function)
    went(says, function)
    require(
        sold,
        expected=f"a second buyer can sell while `{function}` is under way",
        got="the second buyer waits until it ends",
        why={
            "upgrade": "A plain `create index` lets readers pass and stops writers.",
            "downgrade": "A plain `drop index` locks the whole table, for as long as it waits.",
        }[function],
        where={
            "upgrade": "lesson 2.2, step 4: the table of changes",
            "downgrade": "lesson 2.2, step 4: the `downgrade` of migration 0002",
        }[function],
    )


@QUIET.item(2, "While it is built, holds can be written.", sessions=2)
def built_beside(box: Sandbox) -> None:
    fill_holds(box)
    sell_beside(box, "upgrade")


@QUIET.item(1, "After a build that was cut short, `upgrade` makes the index anew.")
def built_anew(box: Sandbox) -> None:
    fill_holds(box)
    box.evaluate(
        """
        import os
        import psycopg

        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            try:
                connection.execute(
                    "create unique index concurrently ix_hold_buyer_id on hold (buyer_id)"
                )
            except psycopg.errors.UniqueViolation:
                pass
        result = None
        """
    )
    says = walk(box, "find_buyer", "upgrade")[0]
    require(
        "already exists" not in says,
        expected="`upgrade` goes through, though an `INVALID` index has the name",
        got=says,
        why="A build that is cut short leaves its index behind. Remove it first.",
        where="lesson 2.2, migration 0002, its first line",
    )
    went(says, "upgrade")
    require(
        any(row["valid"] for row in box.sql(INDEX)),
        expected="a valid index",
        got="the `INVALID` one from the build that was cut short",
        why="`if not exists` asks for the name alone, and is content with a broken index.",
        where="lesson 2.2, migration 0002, its first line",
    )


@QUIET.item(1, "`downgrade` removes it, and holds can be written meanwhile.", sessions=2)
def removed(box: Sandbox) -> None:
    fill_holds(box)
    box.sql("create index ix_hold_buyer_id on hold (buyer_id)")
    sell_beside(box, "downgrade")
    require(
        not box.sql(INDEX),
        expected="no index `ix_hold_buyer_id` after `downgrade`",
        got="it is still there",
        why="What `upgrade` makes, `downgrade` takes away.",
        where="your `downgrade`",
    )


# --- 3: write ---------------------------------------------------------------------------------

DOORS = exercise(
    "ch02.fill_doors",
    lesson="2.2",
    kind="write",
    title="A backfill that waits for nobody",
    answers=("steps/fill_doors.py::fill_doors",),
    hints=(
        "Two parts: one SQL statement that fills at most `size` rows, and a loop around it. Each "
        "turn of the loop opens a transaction of its own. `backfill` in the lesson has the same "
        "loop.",
        "`update … where id in (select id … limit :size)` fills a batch. Which rows does the "
        "inner select choose? Those whose `doors_at is null`. After a turn they are not null any "
        "more, so the next turn finds others. You need not remember where you were.",
        "The inner select can lock what it chooses: `for update`. With `skip locked` behind it, "
        "rows that somebody else has locked are left out, so nobody is waited for. "
        "`result.rowcount` says how many rows an `update` has changed. Stop when it is 0.",
        "    filled = 0\n"
        "    while True:\n"
        "        async with transaction(sessions) as session:\n"
        "            batch = list(await session.scalars(FILL, {'size': size}))\n"
        "        if not batch:\n"
        "            return filled\n"
        "        filled += len(batch)\n\n"
        'with FILL = text("update performance set doors_at = starts_at - interval '
        "'30 minutes' where id in (select id from performance where doors_at is null "
        'limit :size for update skip locked) returning id")',
    ),
)
FILL = """
import os

from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from boxoffice.database import open_sessions
from boxoffice.steps.fill_doors import fill_doors


async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        try:
            return {"count": await fill_doors(sessions, size=size)}
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            return {"waited": True}


result = go()
"""
NIGHTS = """insert into performance
    select gen_random_uuid(), show_id, venue_id, starts_at + night * interval '1 day',
        ends_at + night * interval '1 day', price_amount, currency
    from performance, generate_series(101, 100 + %s) as night where price_amount = 4500"""


def nights(box: Sandbox, count: int) -> None:
    box.sql("alter table performance add column doors_at timestamptz")
    box.sql(NIGHTS, count)


def fill(box: Sandbox, size: int) -> Any:
    done = box.evaluate(FILL, size=size)
    require(
        "waited" not in done,
        expected="the locked row is left out",
        got="your function waits for it",
        why="`for update skip locked` chooses only rows that are free now.",
        where="PostgreSQL: SELECT, 'The Locking Clause'",
    )
    return done["count"]


@DOORS.item(2, "Each performance without doors gets them half an hour before it starts.")
def half_an_hour(box: Sandbox) -> None:
    nights(box, random.randint(7, 12))
    fill(box, random.randint(3, 4))
    left = box.sql("select count(*) as n from performance where doors_at is null")[0]["n"]
    require(
        left == 0,
        expected="doors for each performance",
        got=f"{left} without",
        why="After one batch there may be more: go on until a batch is empty.",
        where="`backfill` in lesson 2.2",
    )
    wrong = box.sql(
        """select to_char(starts_at - doors_at, 'HH24:MI') as before from performance
        where starts_at - doors_at <> interval '30 minutes'"""
    )
    require(
        not wrong,
        expected="doors 00:30 before the start",
        got=f"{wrong[0]['before'] if wrong else ''} before it",
        why="People come in before the show: `starts_at - interval '30 minutes'`.",
        where="your SQL",
    )


@DOORS.item(1, "Doors that are set already stay as they are.")
def set_doors_stay(box: Sandbox) -> None:
    nights(box, random.randint(4, 8))
    box.sql("""update performance set doors_at = starts_at - interval '2 hours'
        where price_amount = 8900""")
    fill(box, 50)
    kept = box.sql(
        "select starts_at - doors_at as early from performance where price_amount = 8900"
    )
    require(
        str(kept[0]["early"]) == "2:00:00",
        expected="the doors of Carmen stay at two hours before",
        got=f"{kept[0]['early']} before",
        why="Somebody chose that time. A backfill fills only what is null.",
        where="your SQL",
    )


@DOORS.item(1, "It returns how many it has filled.")
def counted(box: Sandbox) -> None:
    count = random.randint(5, 9)
    nights(box, count)
    said = fill(box, 3)
    require(
        said == count + 3,
        expected=f"{count + 3}, in batches of 3",
        got=repr(said),
        why="Add up what each batch has filled, and return the sum.",
        where="`backfill` in lesson 2.2",
    )


@DOORS.item(2, "No transaction fills more than `size` performances.")
def small_batches(box: Sandbox) -> None:
    nights(box, random.randint(9, 14))
    size = random.randint(2, 4)
    fill(box, size)
    # xmin is the number of the transaction that wrote the row as it stands.
    most = box.sql("""select count(*) as n from performance where doors_at is not null
        group by xmin::text order by n desc limit 1""")
    got = most[0]["n"] if most else 0
    require(
        got <= size,
        expected=f"at most {size} rows in a transaction",
        got=f"{got} rows in one",
        why="Locks last until the commit. Open a transaction for each batch, inside the loop.",
        where="`backfill` in lesson 2.2",
    )


@DOORS.item(
    2,
    "It does not wait for a row that somebody has locked; a later run fills that one.",
    sessions=2,
)
def waits_for_nobody(box: Sandbox) -> None:
    nights(box, random.randint(5, 9))
    box.administer("""do $$ begin execute format(
        'alter database %I set lock_timeout = ''300ms''', current_database()); end $$""")
    other = box.connect()
    other.execute("begin")
    other.execute("select 1 from performance where price_amount = 8900 for update")
    fill(box, 3)
    left = box.sql("select price_amount from performance where doors_at is null")
    require(
        [row["price_amount"] for row in left] == [8900],
        expected="all filled but the locked one",
        got=f"{len(left)} are left",
        why="A locked row is no reason to stop: the others are free.",
        where="your loop",
    )
    other.execute("commit")
    fill(box, 3)
    left = box.sql("select 1 from performance where doors_at is null")
    require(
        not left,
        expected="the next run fills the one that was locked",
        got="it is still without doors",
        why="Choose by `doors_at is null`, not by what you have seen.",
        where="your SQL",
    )


# --- 4: stretch -------------------------------------------------------------------------------

NAMES = exercise(
    "ch02.two_names",
    lesson="2.2",
    kind="stretch",
    title="One city, two names",
    answers=("steps/rename_city.py",),
    hints=(
        "`expand` has three parts: the new column (it may be empty at first), a trigger that "
        "keeps both columns alike, and one `update` for the venues that stand. The trigger from "
        "the task is a good frame; only the lines between `begin` and `return new` change.",
        "On an insert one of the two is null: `coalesce(new.town, new.city)` takes the one that "
        "is there. On an update both are there, one old and one new. Compare each with the row "
        "as it was: `new.city is distinct from old.city`. `tg_op` says `'INSERT'` or `'UPDATE'`.",
        "`contract` takes back in the other order: first the trigger and its function (they name "
        "`city`), then `town` becomes required, then `city` goes.",
        "    if tg_op = 'INSERT' then\n"
        "        new.town := coalesce(new.town, new.city);\n"
        "        new.city := coalesce(new.city, new.town);\n"
        "    elsif new.city is distinct from old.city then\n"
        "        new.town := new.city;\n"
        "    else\n"
        "        new.city := new.town;\n"
        "    end if;",
    ),
)


# Bit 16 of a trigger's type: it is called for an update.
ON_UPDATE = """select tgname from pg_trigger
    where tgrelid = 'venue'::regclass and not tgisinternal and tgtype & 16 > 0"""


def expanded(box: Sandbox) -> None:
    went(walk(box, "rename_city", "expand")[0], "expand")
    names = {row["name"] for row in box.sql(COLUMNS)}
    require(
        "venue.city" in names,
        expected="`city` and `town` side by side after `expand`",
        got="`city` is gone",
        why="The old app still asks for `city`. A rename breaks it at once.",
        where="lesson 2.2, step 5",
    )


def town() -> str:
    return random.choice(["Porto", "Lyon", "Turin", "Ghent", "Graz"]) + f" {random.randint(2, 99)}"


def attempt(box: Sandbox, who: str, column: str, value: str) -> None:
    """Insert a venue as an app does that knows only one of the two columns."""
    says = box.evaluate(
        """
        import os
        import psycopg

        result = ""
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            try:
                connection.execute(
                    f"insert into venue (id, name, {column}) values (gen_random_uuid(), %s, %s)",
                    [value, value],
                )
            except psycopg.Error as error:
                result = str(error).splitlines()[0]
        """,
        column=column,
        value=value,
    )
    require(
        "has no field" not in says,
        expected=f"{who} can insert a venue",
        got=f"PostgreSQL says: {says}",
        why="The trigger is still there, and it asks for a column that is gone.",
        where="your `contract`",
    )
    require(
        not says,
        expected=f"{who} can insert a venue with `{column}` alone",
        got=f"PostgreSQL says: {says}",
        why="Each app knows only its own column; the trigger has to fill in the other.",
        where="your trigger, on insert",
    )


@NAMES.item(2, "After `expand`, whoever inserts a venue with one of the two has written both.")
def inserts(box: Sandbox) -> None:
    expanded(box)
    for who, column in (("the old app", "city"), ("the new app", "town")):
        value = town()
        attempt(box, who, column, value)
        row = box.sql("select city, town from venue where name = %s", value)[0]
        require(
            row["city"] == row["town"] == value,
            expected=f"{who} writes {value!r} to `{column}`, and both have it",
            got=f"city {row['city']!r}, town {row['town']!r}",
            why="What one app writes, the other must be able to read.",
            where="your trigger, on insert",
        )


@NAMES.item(2, "An update of one changes the other as well.")
def updates(box: Sandbox) -> None:
    expanded(box)
    box.sql("update venue set town = city")  # the venues that stand are another item
    value = town()
    box.sql("update venue set city = %s", value)
    row = box.sql("select city, town from venue limit 1")[0]
    expected = f"the old app sets `city` to {value!r}, and `town` follows"
    got = f"city {row['city']!r}, town {row['town']!r}"
    require(
        row["city"] == row["town"] == value or bool(box.sql(ON_UPDATE)),
        expected=expected,
        got=got,
        why="A trigger for inserts alone does not see an update.",
        where="`before insert or update` in your trigger",
    )
    require(
        row["city"] == row["town"] == value,
        expected=expected,
        got=got,
        why="On an update both names are there, one old and one new. Take the one that differs "
        "from `old`.",
        where="your trigger, on update",
    )
    value = town() + " N"
    box.sql("update venue set town = %s", value)
    row = box.sql("select city, town from venue limit 1")[0]
    require(
        row["city"] == row["town"] == value,
        expected=f"the new app sets `town` to {value!r}, and `city` follows",
        got=f"city {row['city']!r}, town {row['town']!r}",
        why="On an update neither is null. Compare each with `old` to see which one changed.",
        where="your trigger, on update",
    )


@NAMES.item(1, "Venues that stood before have their town after `expand`.")
def standing(box: Sandbox) -> None:
    value = town()
    box.sql("update venue set city = %s", value)
    expanded(box)
    towns = [row["town"] for row in box.sql("select town from venue")]
    require(
        set(towns) == {value},
        expected=f"town {value!r} for the venues that stood",
        got=", ".join(map(repr, towns)),
        why="A trigger acts on new writes. Rows that stand need a backfill.",
        where="lesson 2.2, step 5, backfill",
    )


@NAMES.item(2, "After `contract`, `city` is gone, `town` is required, and venues can be added.")
def contracted(box: Sandbox) -> None:
    expanded(box)
    box.sql("update venue set town = city where town is null")
    went(walk(box, "rename_city", "contract")[0], "contract")
    attempt(box, "the new app", "town", town())
    rows = {row["name"]: row for row in box.sql(COLUMNS)}
    require(
        "venue.city" not in rows,
        expected="no column `city`",
        got="it is still there",
        why="To contract is to remove what only the old app needed.",
        where="your `contract`",
    )
    require(
        rows["venue.town"]["is_nullable"] == "NO",
        expected="`town` is NOT NULL, as `city` was",
        got="it may be null",
        why="While both apps ran it could be empty. Now nobody writes a venue without it.",
        where="your `contract`",
    )
