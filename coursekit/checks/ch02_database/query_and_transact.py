"""Checks of lesson 2.3's exercises: a report, a gift, pages with ties, seats side by side."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from coursekit.checks import Sandbox, exercise, require

NOW = datetime(2030, 4, 1, 12, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)


def nights(box: Sandbox) -> list[UUID]:
    """The three performances: Hamlet and Carmen at the Grand Theatre, Hamlet at the Harbour."""
    return [row["id"] for row in box.sql("select id from performance order by starts_at")]


def seats_of(box: Sandbox, night: UUID) -> list[dict[str, Any]]:
    """The chairs of a performance's house, as one walks through it."""
    return box.sql(
        "select seat.id, section, row, number from seat join performance using (venue_id)"
        " where performance.id = %s order by section, row, number",
        night,
    )


def hold(
    box: Sandbox, night: UUID, seat: UUID, buyer: UUID, until: datetime, order: UUID | None = None
) -> None:
    box.sql(
        "insert into hold (performance_id, seat_id, buyer_id, expires_at, order_id)"
        " values (%s, %s, %s, %s, %s)",
        night, seat, buyer, until, order,
    )  # fmt: skip


def order(
    box: Sandbox, buyer: UUID, placed_at: datetime = NOW, amount: int = 100, id: UUID | None = None
) -> UUID:
    made = id or uuid4()
    box.sql(
        'insert into "order" (id, buyer_id, placed_at, total_amount, currency)'
        " values (%s, %s, %s, %s, 'EUR')",
        made, buyer, placed_at, amount,
    )  # fmt: skip
    return made


# --- 1: complete ------------------------------------------------------------------------------

SECTIONS = exercise(
    "ch02.section_report",
    lesson="2.3",
    kind="complete",
    title="Which seats sell",
    answers=("services/sections.py::report_sections",),
    hints=(
        "Begin with the rows that must all be there: the seats of the house. Join `performance` "
        "to `seat` by the venue, and keep the one night. Run that much and count: two "
        "sections, 100 seats. Then put the price and the sold seats beside it.",
        "A seat that is not sold has no row in `sold`. What happens to it in a `join`, and what "
        "in a `left join`? Beside an unsold seat, `sold.seat_id` is null; `count(sold.seat_id)` "
        "does not count nulls, `count(*)` does.",
        "The price stands beside every seat, sold or not. `sum(…) filter (where …)` adds up only "
        "some rows. The sum of no rows is null; `coalesce(…, 0)` makes it 0. Then group by the "
        "section, and order by the revenue, the greatest first.",
        '    query = f"""\n'
        "        with sold as ({sold})\n"
        "        select seat.section, count(*) as seats, count(sold.seat_id) as sold,\n"
        "            coalesce(sum(price.amount) filter (where sold.seat_id is not null), 0)\n"
        "                as revenue\n"
        "        from performance\n"
        "        join seat on seat.venue_id = performance.venue_id\n"
        "        join price on price.performance_id = performance.id\n"
        "            and price.section = seat.section\n"
        "        left join sold on sold.seat_id = seat.id\n"
        "        where performance.id = :night\n"
        '        group by seat.section order by revenue desc"""',
    ),
)

REPORTED = """
import os
from uuid import UUID
from boxoffice.database import open_sessions, transaction
from boxoffice.services.sections import report_sections

async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        async with transaction(sessions) as session:
            rows = await report_sections(session, performance_id=UUID(night))
            return [
                {key: value if value is None or isinstance(value, str) else
                 int(value) if value == int(value) else float(value)
                 for key, value in dict(row).items()}
                for row in rows
            ]

result = go()
"""
LINES = "lesson 2.3, step 1: left join, and the fan-out"


def reported(box: Sandbox, night: UUID) -> list[dict[str, Any]]:
    rows = cast(list[dict[str, Any]], box.evaluate(REPORTED, night=str(night)))
    missing = {"section", "seats", "sold", "revenue"} - set(rows[0] if rows else ())
    require(
        not rows or not missing,
        expected="the columns `section`, `seats`, `sold` and `revenue`",
        got="no column " + ", ".join(f"`{name}`" for name in sorted(missing)),
        why="A column is called as `as` says: `count(*) as seats`.",
        where=LINES,
    )
    return rows


def build_house(box: Sandbox, *sections: str) -> None:
    """Another house, whose sections have the names of ours."""
    venue = uuid4()
    box.sql("insert into venue (id, name, city) values (%s, 'Old Mill', 'Utrecht')", venue)
    for section in sections:
        box.sql(
            "insert into seat (id, venue_id, section, row, number)"
            " select gen_random_uuid(), %s, %s, 'A', n from generate_series(1, %s) as n",
            venue, section, random.randint(5, 20),
        )  # fmt: skip


def amount(value: Any) -> float:
    """A revenue for sorting; null is the greatest, as in PostgreSQL."""
    return float("inf") if value is None else float(value)


def line(rows: list[dict[str, Any]], section: str) -> dict[str, Any]:
    found = [row for row in rows if row.get("section") == section]
    require(
        len(found) == 1,
        expected=f"one line for the {section}",
        got="none" if not found else f"{len(found)} lines for it",
        why="The lines are the sections: `group by seat.section`, and every seat of the house "
        "goes into one.",
        where=LINES,
    )
    return found[0]


def sell(box: Sandbox, night: UUID, section: str, count: int) -> None:
    """So many free seats of a section, all in one order."""
    free = box.sql(
        "select seat.id from seat join performance using (venue_id)"
        " where performance.id = %s and section = %s and not exists"
        " (select from hold where hold.performance_id = performance.id and seat_id = seat.id)",
        night, section,
    )  # fmt: skip
    buyer = uuid4()
    bought = order(box, buyer)
    for seat in random.sample(free, count):
        hold(box, night, seat["id"], buyer, NOW, bought)


@SECTIONS.item(
    2, "Every section of the house is a line; one that has sold nothing has 0 sold and 0 revenue."
)
def all_sections(box: Sandbox) -> None:
    carmen = nights(box)[1]
    full, empty = random.sample(["Balcony", "Stalls"], 2)
    sell(box, carmen, full, random.randint(1, 4))
    rows = reported(box, carmen)
    sections = sorted(str(row.get("section")) for row in rows)
    require(
        set(sections) <= {"Balcony", "Stalls"},
        expected="two lines, Balcony and Stalls",
        got=f"{len(rows)} lines: {', '.join(sections)}",
        why="There is no such section in this house. Join `performance` to `seat` by the venue, "
        "and keep the one night.",
        where=LINES,
    )
    require(
        len(sections) <= 2,
        expected="two lines, Balcony and Stalls",
        got=f"{len(rows)} lines",
        why="One line for each section: group by the section alone.",
        where=LINES,
    )
    require(
        sections == ["Balcony", "Stalls"],
        expected="two lines, Balcony and Stalls",
        got=f"{len(rows)} lines: {', '.join(sections) or 'none'}",
        why="A `join` drops the seats that have no sold row beside them, and with the last seat "
        "the whole section. Keep all seats: `left join`.",
        where=LINES,
    )
    unsold = line(rows, empty)
    require(
        unsold.get("sold") == 0,
        expected=f"sold is 0 for the {empty}, which sold nothing",
        got=f"{unsold.get('sold')}",
        why="`count(*)` counts rows, and a `left join` keeps a row for each unsold seat. Count a "
        "column that is null there.",
        where=LINES,
    )
    require(
        unsold.get("revenue") == 0,
        expected=f"revenue is 0 for the {empty}, which sold nothing",
        got="null" if unsold.get("revenue") is None else f"{unsold.get('revenue')}",
        why="The sum of no rows is null, not 0; `coalesce` mends that. If you got a large number, "
        "the prices of unsold seats were added too.",
        where=LINES,
    )


@SECTIONS.item(2, "`seats` counts the chairs, and `sold` those that have an order on this night.")
def counted(box: Sandbox) -> None:
    hamlet, carmen, _ = nights(box)
    section = random.choice(["Balcony", "Stalls"])
    count = random.randint(3, 6)
    sell(box, carmen, section, count)
    sell(box, hamlet, section, random.randint(8, 12))
    sell(box, carmen, "Stalls" if section == "Balcony" else "Balcony", 1)
    build_house(box, "Balcony", "Stalls")
    free = [seat for seat in seats_of(box, carmen) if seat["section"] == section]
    chairs = len(free)
    (all_houses,) = box.sql("select count(*) as chairs from seat where section = %s", section)
    held = box.sql("select seat_id from hold where performance_id = %s", carmen)
    taken = {row["seat_id"] for row in held}
    hold(
        box, carmen, next(s["id"] for s in free if s["id"] not in taken), uuid4(),
        datetime(2100, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    found = line(reported(box, carmen), section)
    require(
        found.get("sold") != count + 1,
        expected=f"{count} sold, and one more that is only held",
        got=f"{count + 1} sold",
        why="Someone holds that seat but has not paid. A hold is sold when it has an `order_id`.",
        where="models/hold.py",
    )
    require(
        found.get("seats") != all_houses["chairs"],
        expected=f"{chairs} seats",
        got=f"{found.get('seats')} seats",
        why=f"Another house in town has a {section}, too, and its chairs were counted. Join "
        "`performance` to `seat` by the venue: only the chairs of this night's house.",
        where=LINES,
    )
    require(
        (found.get("seats"), found.get("sold")) == (chairs, count),
        expected=f"{chairs} seats, {count} sold",
        got=f"{found.get('seats')} seats, {found.get('sold')} sold",
        why="More than that means that rows were doubled, or that the other nights at this house "
        "were counted: their holds name the same seats.",
        where=LINES,
    )


@SECTIONS.item(2, "`revenue` adds up what the sold seats of the section cost.")
def added_up(box: Sandbox) -> None:
    carmen = nights(box)[1]
    price = random.randint(20, 90) * 100
    box.sql(
        "update price set amount = %s where performance_id = %s and section = 'Stalls'",
        price, carmen,
    )  # fmt: skip
    count = random.randint(2, 5)
    sell(box, carmen, "Stalls", count)
    sell(box, carmen, "Balcony", 1)
    got = line(reported(box, carmen), "Stalls").get("revenue")
    require(
        got == count * price,
        expected=f"{count} seats at {price} make {count * price}",
        got=f"{got}",
        why="Add up the section's price once for each sold seat. An order's total, or a price "
        "beside every chair, would be counted too often.",
        where=LINES,
    )


@SECTIONS.item(1, "The section with the most revenue comes first.")
def best_first(box: Sandbox) -> None:
    for night, best in zip(nights(box)[:2], random.sample(["Balcony", "Stalls"], 2), strict=True):
        other = "Stalls" if best == "Balcony" else "Balcony"
        sell(box, night, best, random.randint(14, 16))
        sell(box, night, other, random.randint(1, 3))
        rows = reported(box, night)
        given = [row.get("revenue") for row in rows]
        require(
            not rows or rows[0].get("section") == best or given != sorted(given, key=amount)[::-1],
            expected=f"the {best} first: it brought in more that night",
            got=", ".join(f"{row.get('section')} with {row.get('revenue')}" for row in rows),
            why="Your lines do stand in the order of your `revenue`, but these amounts are not "
            "right. Mend the revenue first.",
            where=LINES,
        )
        require(
            bool(rows) and rows[0].get("section") == best,
            expected=f"the {best} first: it brought in more that night",
            got=", ".join(str(row.get("section")) for row in rows) or "no lines",
            why="Without `order by` any order may come, and `order by` alone puts the least first.",
            where=LINES,
        )


# --- 2: mend ----------------------------------------------------------------------------------

GIFT = exercise(
    "ch02.one_gift",
    lesson="2.3",
    kind="mend",
    title="A seat for a friend",
    answers=("services/gifts.py::give_hold",),
    hints=(
        "The function asks first and writes later. Two calls can both ask before one of them "
        "writes; then both hear that the seat is Ana's. You met this gap three times in the "
        "lesson. What closed it?",
        "Put everything that was asked into the `where` of the change: the seat, the night, the "
        "giver, and that the hold is alive and not sold. The call that comes second waits for "
        "the first, looks again, and finds no such row. Put commas between the conditions, and "
        "`.is_(None)` for null: `and` and `is` are decided by Python, before there is any SQL.",
        "No row changed means no, so raise `HoldNotFound` then. `.returning(Hold)` gives you the "
        "changed row or nothing. (`select … with_for_update()` before the change is right too: "
        "it makes the second call wait before it asks.)",
        "    hold = await session.scalar(\n"
        "        update(Hold)\n"
        "        .where(\n"
        "            Hold.performance_id == performance_id, Hold.seat_id == seat_id,\n"
        "            Hold.buyer_id == giver_id, Hold.order_id.is_(None),\n"
        "            Hold.expires_at > now,\n"
        "        )\n"
        "        .values(buyer_id=friend_id)\n"
        "        .returning(Hold)\n"
        "        .execution_options(populate_existing=True)\n"
        "    )\n"
        "    if hold is None:\n"
        "        raise HoldNotFound(performance_id, seat_id)\n"
        "    return hold",
    ),
)

GIVEN = """
import inspect, os
from datetime import datetime
from uuid import UUID
from boxoffice.database import open_sessions, transaction
from boxoffice.errors import HoldNotFound
from boxoffice.services.gifts import give_hold

async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        try:
            async with transaction(sessions) as session:
                given = await give_hold(
                    session, performance_id=UUID(night), seat_id=UUID(seat),
                    giver_id=UUID(giver), friend_id=UUID(friend),
                    now=datetime.fromisoformat(now),
                )
                if inspect.iscoroutine(given):
                    given.close()
                    return "coroutine"
                return str(getattr(given, "buyer_id", None))
        except HoldNotFound:
            return "HoldNotFound"

result = go()
"""
RIVAL = """
import asyncio, os
from datetime import datetime
from uuid import UUID
from sqlalchemy import text
from boxoffice.database import open_sessions, transaction
from boxoffice.errors import HoldNotFound
from boxoffice.services.gifts import give_hold

WAITING = text("select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
               " and datname = current_database()")

async def give(sessions):
    try:
        async with transaction(sessions) as session:
            await give_hold(
                session, performance_id=UUID(night), seat_id=UUID(seat), giver_id=UUID(giver),
                friend_id=UUID(friend), now=datetime.fromisoformat(now),
            )
    except HoldNotFound:
        return "HoldNotFound"
    return "yes"

async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        async with sessions() as first, sessions() as look:
            # Another call has given the seat away, and commits when yours is on its way.
            await first.execute(
                text("update hold set buyer_id = :to where seat_id = :seat"),
                {"to": UUID(other), "seat": UUID(seat)},
            )
            second = asyncio.create_task(give(sessions))
            while not second.done() and not await look.scalar(WAITING):
                await look.rollback()
                await asyncio.sleep(0.005)
            await first.commit()
            return await second

result = go()
"""
ONE_STEP = "lesson 2.3, step 4: the guarded update"


def free_seats(box: Sandbox, night: UUID) -> list[dict[str, Any]]:
    held = {row["seat_id"] for row in box.sql("select seat_id from hold")}
    return [seat for seat in seats_of(box, night) if seat["id"] not in held]


def claim(box: Sandbox) -> dict[str, str]:
    """A live hold of Ana's: what a call that gives it away needs. She holds one seat more."""
    night = nights(box)[2]
    seat, other = (one["id"] for one in random.sample(free_seats(box, night), 2))
    giver, friend = uuid4(), uuid4()
    for one in (seat, other):
        hold(box, night, one, giver, NOW + TEN_MINUTES)
    return {
        "night": str(night), "seat": str(seat), "giver": str(giver), "friend": str(friend),
        "now": NOW.isoformat(),
    }  # fmt: skip


def owner(box: Sandbox, names: dict[str, str]) -> str:
    rows = box.sql("select buyer_id from hold where seat_id = %s", UUID(names["seat"]))
    return str(rows[0]["buyer_id"]) if rows else "nobody"


def require_works(box: Sandbox, names: dict[str, str], also: str) -> None:
    """The holder can give the seat: a function that refuses everybody keeps no rule."""
    before = owner(box, names)
    end = box.evaluate(GIVEN, **(names | {"giver": before}))
    require(
        end != "coroutine",
        expected="the hold with its new buyer",
        got="a coroutine",
        why="An `await` is missing: `session.scalar(…)` alone has not run anything yet.",
        where=ONE_STEP,
    )
    require(
        owner(box, names) == names["friend"],
        expected=also,
        got="HoldNotFound for her, too" if end == "HoldNotFound" else "the seat is still hers",
        why="To refuse everybody is no rule. If your change looks right: in a `where`, `is None` "
        "is decided by Python, before there is any SQL; write `.is_(None)`.",
        where=ONE_STEP,
    )
    require(
        len(box.sql("select seat_id from hold where buyer_id = %s", UUID(before))) == 1,
        expected="one seat given; the other seat she holds that night stays hers",
        got="both were given away",
        why="The change must name the seat, too. If it does: Python's `and` between two "
        "conditions keeps only one of them. Put commas between them.",
        where=ONE_STEP,
    )


@GIFT.item(1, "The seat goes to the friend, and the changed hold is returned.")
def given(box: Sandbox) -> None:
    names = claim(box)
    returned = box.evaluate(GIVEN, **names)
    require(
        returned != "coroutine",
        expected="the hold with its new buyer is returned",
        got="a coroutine",
        why="An `await` is missing: `session.scalar(…)` alone has not run anything yet.",
        where=ONE_STEP,
    )
    require(
        returned != "HoldNotFound",
        expected="the hold is the friend's",
        got="HoldNotFound, although Ana's hold is good",
        why="No row was found for a gift that is allowed. In a `where`, `is None` is decided by "
        "Python, before there is any SQL; write `.is_(None)`.",
        where=ONE_STEP,
    )
    require(
        owner(box, names) == names["friend"],
        expected="the hold is the friend's",
        got="it still is the giver's" if owner(box, names) == names["giver"] else "it is not",
        why="The row must change: set its `buyer_id`.",
        where=ONE_STEP,
    )
    require(
        returned == names["friend"],
        expected="the hold with its new buyer is returned",
        got="nothing, or the hold as it was",
        why="`.returning(Hold)` gives the changed row. If the session knew the row already, it "
        "needs `populate_existing=True` to look at the new values.",
        where=ONE_STEP,
    )


@GIFT.item(2, "Only the buyer who holds the seat can give it; anybody else gets `HoldNotFound`.")
def only_the_holder(box: Sandbox) -> None:
    names = claim(box)
    end = box.evaluate(GIVEN, **(names | {"giver": str(uuid4())}))
    require(
        owner(box, names) == names["giver"],
        expected="a stranger cannot give Ana's seat away",
        got="the seat went to the stranger's friend",
        why="The change must ask whose hold it is, not only which seat. If it does: Python's "
        "`and` between two conditions keeps only one of them. Put commas between them.",
        where=ONE_STEP,
    )
    require(
        end == "HoldNotFound",
        expected="HoldNotFound for the stranger",
        got="no error, as if it had worked",
        why="No row changed, and nobody was told. Zero rows are an answer: look at them.",
        where=ONE_STEP,
    )
    require_works(box, names, "the stranger is refused, and Ana is not")


@GIFT.item(2, "A hold that is sold, or whose time is over at `now`, is not given away.")
def alive(box: Sandbox) -> None:
    names = claim(box)
    late = names | {"now": (NOW + TEN_MINUTES).isoformat()}
    box.evaluate(GIVEN, **late)
    require(
        owner(box, names) == names["giver"],
        expected="a hold whose time is over is not given away",
        got="it was given away",
        why="After `expires_at` anybody may take the seat. A gift would bring a dead claim back. "
        "The hold is good while `expires_at > now`.",
        where="services/holds.py, is_taken",
    )
    require_works(box, names, "a hold that is over is refused, and a good one is not")
    box.sql(
        "update hold set order_id = %s, buyer_id = %s where seat_id = %s",
        order(box, UUID(names["giver"])), UUID(names["giver"]), UUID(names["seat"]),
    )  # fmt: skip
    box.evaluate(GIVEN, **names)
    require(
        owner(box, names) == names["giver"],
        expected="a sold seat is not given away",
        got="it was given away, and the order names another buyer",
        why="A hold with an `order_id` is sold. Its ticket has a name on it.",
        where="models/hold.py",
    )


@GIFT.item(
    3,
    "Of two calls at the same moment one gives the seat; the other gets `HoldNotFound`.",
    sessions=2,
)
def one_gift(box: Sandbox) -> None:
    names = claim(box)
    other = str(uuid4())
    end = box.evaluate(RIVAL, other=other, **names)
    require(
        owner(box, names) == other,
        expected="the first friend, who was told yes, keeps the seat",
        got="the second call wrote over the first",
        why="Your call asked while the first had not committed yet, heard that the seat is "
        "Ana's, and then wrote. Asking and writing must be one step. (If they are one: Python's "
        "`and` between conditions drops some of them. Use commas.)",
        where=ONE_STEP,
    )
    require(
        end == "HoldNotFound",
        expected="HoldNotFound for the call that came second",
        got="the second friend was told yes, too",
        why="The second change found no row that is still Ana's. That is the news: raise.",
        where=ONE_STEP,
    )
    alone = claim(box)
    require_works(box, alone, "the second of two calls is refused, and a call alone is not")


# --- 3: write ---------------------------------------------------------------------------------

PAGES = exercise(
    "ch02.order_pages",
    lesson="2.3",
    kind="write",
    title="All my orders",
    answers=("services/orders.py::list_orders",),
    hints=(
        "Two things make a page: an order that leaves no doubt, and a place to go on from. When "
        "two orders have the same `placed_at`, which comes first? Something must decide, and it "
        "must decide the same way on every page.",
        "Sort by `placed_at` and by `id`, both descending. Then the rows after `after` are those "
        "that are smaller than it: the pair `(placed_at, id)` compared as one, not each column "
        "by itself.",
        "`tuple_(Order.placed_at, Order.id) < (after.placed_at, after.id)` is that comparison. "
        "Add it only when there is an `after`. `list(await session.scalars(query))` gives the "
        "orders.",
        "    place = tuple_(Order.placed_at, Order.id)\n"
        "    query = select(Order).where(Order.buyer_id == buyer_id)\n"
        "    if after is not None:\n"
        "        query = query.where(place < (after.placed_at, after.id))\n"
        "    query = query.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit)\n"
        "    return list(await session.scalars(query))",
    ),
)

TURNED = """
import os
from uuid import UUID
from boxoffice.database import open_sessions, transaction
from boxoffice.models.order import Order
from boxoffice.services.orders import list_orders

async def go():
    pages, after = [], None
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        async with transaction(sessions) as session:
            while len(pages) < most:
                page = await list_orders(session, buyer_id=UUID(buyer), limit=limit, after=after)
                if not page:
                    break
                if not all(isinstance(one, Order) for one in page):
                    return "rows"
                pages.append([str(order.id) for order in page])
                after = page[-1]
    return pages

result = go()
"""
FETCHED = """
import os
from uuid import UUID
from sqlalchemy import Engine, event
from boxoffice.database import open_sessions, transaction
from boxoffice.services.orders import list_orders

fetched = []

def hear(connection, cursor, *rest):
    fetched.append(max(cursor.rowcount, 0))

async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        async with transaction(sessions) as session:
            await session.connection()
            first = await list_orders(session, buyer_id=UUID(buyer), limit=limit, after=None)
        async with transaction(sessions) as session:
            await session.connection()
            event.listen(Engine, "after_cursor_execute", hear)
            await list_orders(session, buyer_id=UUID(buyer), limit=limit, after=first[-1])
    return sum(fetched)

result = go()
"""
TIES = "lesson 2.3, step 3: the tie-breaker"


def orders(box: Sandbox, buyer: UUID, moments: list[datetime]) -> list[str]:
    """Orders at these moments; their ids, the newest first, ties by id.

    One of the oldest has the greatest id: who compares the two columns apart always loses it.
    """
    ids = [uuid4() for _ in moments]
    oldest, greatest = moments.index(min(moments)), ids.index(max(ids))
    ids[oldest], ids[greatest] = ids[greatest], ids[oldest]
    made = [
        (moment, order(box, buyer, moment, id=id)) for moment, id in zip(moments, ids, strict=True)
    ]
    return [str(one) for _, one in sorted(made, reverse=True)]


def turned(box: Sandbox, buyer: UUID, limit: int, most: int) -> list[list[str]]:
    pages = box.evaluate(TURNED, buyer=str(buyer), limit=limit, most=most)
    require(
        pages != "rows",
        expected="a list of orders",
        got="rows that have an order in them",
        why="`session.execute` gives rows, each with an order inside; `session.scalars` gives the "
        "orders.",
        where="services/orders.py",
    )
    return cast(list[list[str]], pages)


@PAGES.item(2, "A page holds at most `limit` orders, and only this buyer's.")
def small_pages(box: Sandbox) -> None:
    buyer, limit = uuid4(), random.randint(2, 5)
    mine = orders(box, buyer, [NOW + n * TEN_MINUTES for n in range(limit + 3)])
    orders(box, uuid4(), [NOW + (n + limit) * TEN_MINUTES for n in range(4)])
    pages = turned(box, buyer, limit, 1)
    page = pages[0] if pages else []
    require(
        set(page) <= set(mine),
        expected="orders of this buyer alone",
        got=f"{len(set(page) - set(mine))} orders of other people",
        why="Where do you ask for the `buyer_id`?",
        where="lesson 2.3, step 1",
    )
    require(
        len(page) == limit,
        expected=f"{limit} orders on the first page",
        got=f"{len(page)}",
        why="`limit` says how many rows the statement gives at most.",
        where=TIES,
    )


@PAGES.item(2, "The newest order comes first; of two placed at the same moment, the greater id.")
def newest_first(box: Sandbox) -> None:
    buyer = uuid4()
    moments = [NOW + n * TEN_MINUTES for n in range(3) for _ in range(4)]
    random.shuffle(moments)
    right = orders(box, buyer, moments)
    page = [one for page in turned(box, buyer, 50, 1) for one in page]
    require(
        page[:4] != right[::-1][:4],
        expected="the newest order first",
        got="the oldest first",
        why="`order_by` begins with the smallest. `.desc()` turns a column around.",
        where=TIES,
    )
    require(
        page == right,
        expected="by `placed_at`, and by `id` where that is equal, both descending",
        got="another order of the same rows",
        why="Four orders here share each moment. Without the id as the second column, their "
        "order is an accident and may differ from page to page.",
        where=TIES,
    )


@PAGES.item(2, "Turning pages meets every order once, even if many were placed at the same moment.")
def every_order_once(box: Sandbox) -> None:
    buyer, limit = uuid4(), random.randint(2, 3)
    right = orders(box, buyer, [NOW + n * TEN_MINUTES for n in range(2) for _ in range(7)])
    pages = turned(box, buyer, limit, 12)
    met = [one for page in pages for one in page]
    require(
        len(met) == len(set(met)),
        expected="no order twice",
        got="some orders came on several pages",
        why="The page begins *after* the last order you saw. Is `after` used, and is the "
        "comparison `<` and not `<=`?",
        where=TIES,
    )
    require(
        set(met) == set(right),
        expected=f"all {len(right)} orders",
        got=f"{len(set(met))} of them",
        why="Orders that share the moment of the last one on a page were jumped over. Compare "
        "the pair `(placed_at, id)` as one value.",
        where=TIES,
    )


@PAGES.item(1, "A page fetches its own orders alone, however many the buyer has.")
def own_rows_alone(box: Sandbox) -> None:
    buyer, limit = uuid4(), random.randint(2, 5)
    orders(box, buyer, [NOW + n * TEN_MINUTES for n in range(40)])
    fetched = box.evaluate(FETCHED, buyer=str(buyer), limit=limit)
    # One row more is fair: it tells whether there is a next page; another may look up `after`.
    require(
        fetched <= limit + 2,
        expected=f"the second page of {limit} orders fetches {limit} rows",
        got=f"{fetched} rows came from the database",
        why="The rows before or after the page were sent, too, and thrown away in Python. Put "
        "the place into the `where`, and the size of the page into `.limit(…)`.",
        where="lesson 2.3, step 3: pages that stay fast",
    )


# --- 4: stretch -------------------------------------------------------------------------------

TOGETHER = exercise(
    "ch02.side_by_side",
    lesson="2.3",
    kind="stretch",
    title="Side by side",
    answers=("services/holds.py::hold_together",),
    hints=(
        "Split it in two. First a question: which seats of the house are free now, by section, "
        "row and number? `is_taken(now)` in this file says what is not free. Then find `count` "
        "of them in one row whose numbers follow each other.",
        "To find them in Python, walk through the free seats and keep the current run: it goes "
        "on while section and row are the same and the number is one more. The first run that "
        "reaches `count` wins. In SQL, `number - row_number() over (…)` stays the same along a "
        "run.",
        "Then hold each seat with `place_hold`. If someone took one meanwhile, it raises "
        "`SeatTaken`; let that go through, and the transaction takes all of them back. Raise "
        "`SeatTaken` yourself if there is no run.",
        "    run: list[Seat] = []\n"
        "    for seat in free:\n"
        "        last = run[-1] if run else seat\n"
        "        fits = (seat.section, seat.row, seat.number) == (\n"
        "            last.section, last.row, last.number + 1\n"
        "        )\n"
        "        run = [*run, seat] if fits else [seat]\n"
        "        if len(run) == count:\n"
        "            break\n"
        "    else:\n"
        "        raise SeatTaken(performance_id)",
    ),
)

HELD = """
import os
from datetime import datetime
from uuid import UUID
from boxoffice.database import open_sessions, transaction
from boxoffice.errors import SeatNotFound, SeatTaken
from boxoffice.services.holds import hold_together

async def go():
    async with open_sessions(os.environ["DATABASE_URL"]) as sessions:
        try:
            async with transaction(sessions) as session:
                await hold_together(
                    session, performance_id=UUID(night), count=count, buyer_id=UUID(buyer),
                    now=datetime.fromisoformat(now),
                )
                return "held"
        except SeatTaken:
            return "SeatTaken"
        except SeatNotFound:
            return "SeatNotFound"

result = go()
"""
RUNS = "lesson 2.3, step 1: window functions"


def ask_together(box: Sandbox, night: UUID, count: int) -> tuple[str, list[str]]:
    """How it ended, and the seats that the buyer has now ("B7"), as one walks."""
    buyer = uuid4()
    end = box.evaluate(HELD, night=str(night), count=count, buyer=str(buyer), now=NOW.isoformat())
    require(
        end != "SeatNotFound",
        expected="seats of the house where this performance is",
        got="SeatNotFound from `place_hold`",
        why="Your free seats stand in another house. Join `performance` to `seat` by the venue.",
        where="services/seats.py, list_seats",
    )
    rows = box.sql(
        "select section, row, number from hold join seat on seat.id = seat_id"
        " where buyer_id = %s and performance_id = %s order by section, row, number",
        buyer, night,
    )  # fmt: skip
    return str(end), [f"{row['section']} {row['row']}{row['number']}" for row in rows]


def take(box: Sandbox, night: UUID, names: set[str], until: datetime, sold: bool = False) -> None:
    """Somebody else holds these seats ("Floor B7")."""
    for seat in seats_of(box, night):
        if f"{seat['section']} {seat['row']}{seat['number']}" in names:
            bought = order(box, uuid4()) if sold else None
            hold(box, night, seat["id"], uuid4(), until, bought)


def floor(row: str, *numbers: int) -> set[str]:
    return {f"Floor {row}{number}" for number in numbers}


ALL = range(1, 11)


@TOGETHER.item(2, "`count` seats of one section and row are held, and their numbers follow on.")
def in_a_row(box: Sandbox) -> None:
    night = nights(box)[2]
    count = 3
    # Free: A4, B5 and B6, then gaps in C; D is the first row with a run.
    gaps = floor("A", *ALL) - floor("A", 4) | floor("B", *ALL) - floor("B", 5, 6)
    take(box, night, gaps | floor("C", 2, 4, 6, 8, 10), NOW + TEN_MINUTES)
    _, seats = ask_together(box, night, count)
    require(
        len(seats) == count,
        expected=f"{count} seats held",
        got=f"{len(seats)} seats held",
        why="Hold each seat of the run, for this buyer, with `place_hold`.",
        where="services/holds.py",
    )
    rows = {name[:-1] if not name.endswith("10") else name[:-2] for name in seats}
    require(
        len(rows) == 1,
        expected="all seats in one row",
        got=", ".join(seats),
        why="The end of one row and the start of the next are far apart in the house.",
        where=RUNS,
    )
    numbers = sorted(int(name.split()[1][1:]) for name in seats)
    require(
        numbers == list(range(numbers[0], numbers[0] + count)),
        expected="numbers that follow each other",
        got=", ".join(seats),
        why="Between these seats sits somebody else. Enough free seats in a row are not a run.",
        where=RUNS,
    )


@TOGETHER.item(2, "Of several such places it is the first by section, row and number.")
def first_place(box: Sandbox) -> None:
    night = nights(box)[2]
    start = random.randint(2, 6)
    take(box, night, floor("A", *ALL) | floor("B", *range(1, start)), NOW + TEN_MINUTES)
    _, seats = ask_together(box, night, 2)
    right = [f"Floor B{start}", f"Floor B{start + 1}"]
    require(
        seats == right,
        expected=" and ".join(right),
        got=", ".join(seats) or "no seats",
        why="Look at the free seats ordered by section, row and number, and stop at the first "
        "run that is long enough.",
        where=RUNS,
    )


@TOGETHER.item(2, "A hold whose time is over does not stand in the way; a sold seat does.")
def over_or_sold(box: Sandbox) -> None:
    night = nights(box)[2]
    take(box, night, floor("A", 1, 2, 3), NOW, sold=True)
    take(box, night, floor("A", 4, 5, 6), NOW)
    end, seats = ask_together(box, night, 2)
    require(
        not set(seats) & floor("A", 1, 2, 3) and end == "held",
        expected="the sold seats A1 to A3 are passed over",
        got=", ".join(seats) or end,
        why="A sold seat keeps its old `expires_at`, which may be long past. `is_taken(now)` "
        "looks at both.",
        where="services/holds.py, is_taken",
    )
    require(
        seats == ["Floor A4", "Floor A5"],
        expected="A4 and A5, whose holds are over",
        got=", ".join(seats),
        why="A claim that is over is free again, although its row is still there.",
        where="services/holds.py, is_taken",
    )


@TOGETHER.item(1, "If there is no such place, `SeatTaken` is raised and nothing is held.")
def all_or_nothing(box: Sandbox) -> None:
    night = nights(box)[2]
    gaps = {name for row in "ABCDE" for name in floor(row, 3, 6, 9)}
    take(box, night, gaps, NOW + TEN_MINUTES)
    end, seats = ask_together(box, night, random.randint(3, 5))
    require(
        not seats,
        expected="no seat held",
        got=", ".join(seats),
        why="A group that cannot sit together wants no seats at all.",
        where=RUNS,
    )
    require(
        end == "SeatTaken",
        expected="SeatTaken",
        got="no error",
        why="The caller must hear that it did not work.",
        where="errors.py",
    )
