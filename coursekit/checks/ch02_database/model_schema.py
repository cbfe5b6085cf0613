"""Checks of lesson 2.1's exercises: rows that the tables refuse, and rows that they must let in."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID, uuid4

import psycopg

from coursekit.checks import Sandbox, exercise, require

EVENING = datetime(2032, 3, 1, tzinfo=UTC)
NAMES = ["Ana Reis", "Ben Okafor", "Chiara Lenz", "Daiki Mori", "Eva Novak"]


def refusal(box: Sandbox, query: LiteralString, *params: object) -> psycopg.Error | None:
    """Why PostgreSQL refuses this statement; None where it does what is asked."""
    try:
        box.sql(query, *params)
    except (psycopg.IntegrityError, psycopg.DataError) as error:
        return error
    return None


def said(error: psycopg.Error | None) -> str:
    if error is None:
        return "the row is in the table"
    return f"PostgreSQL refuses it: {error.diag.message_primary}"


def only(box: Sandbox, query: LiteralString, *params: object) -> UUID:
    """An id of the season."""
    found: UUID = box.sql(query, *params)[0]["id"]
    return found


# --- 1: complete ------------------------------------------------------------------------------

VOUCHER = exercise(
    "ch02.voucher_rules",
    lesson="2.1",
    limit=20,
    kind="complete",
    title="A gift voucher",
    answers=("models/order.py::Voucher",),
    hints=(
        "Four rules are missing. Two speak of one row: the amount, and the two times. One speaks "
        "of all rows: no code comes twice. One speaks of another table: `order_id`. Which kind "
        "of constraint fits each? Step 1, step 2 and step 3 of the lesson have one of each.",
        "A rule about one row is a `CheckConstraint`. It can compare two columns: look at "
        "`ends_after_start` in `models/performance.py`. A rule about all rows is a "
        "`UniqueConstraint`, or `unique=True` on the column.",
        "`order_id` needs a `ForeignKey`, as in `models/hold.py`. Write `UUID | None`, "
        "for a voucher that nobody has used yet names no order.",
        "    __table_args__ = (\n"
        '        UniqueConstraint("code"),\n'
        '        CheckConstraint("amount > 0", name="amount_positive"),\n'
        '        CheckConstraint("expires_at > issued_at", name="expires_after_issue"),\n'
        "    )\n"
        "    order_id: Mapped[UUID | None] = mapped_column(\n"
        '        ForeignKey("order.id"), default=None\n'
        "    )",
    ),
)


def give(
    box: Sandbox,
    *,
    code: str = "",
    amount: int | None = None,
    days: float = 30,
    order: UUID | None = None,
) -> psycopg.Error | None:
    """Insert a voucher, good in all that is not said."""
    return refusal(
        box,
        "insert into voucher (id, code, amount, issued_at, expires_at, order_id)"
        " values (%s, %s, %s, %s, %s, %s)",
        uuid4(), code or uuid4().hex[:8], random.randint(100, 9000) if amount is None else amount,
        EVENING, EVENING + timedelta(days=days), order,
    )  # fmt: skip


def new_order(box: Sandbox) -> UUID:
    order = uuid4()
    box.sql(
        'insert into "order" (id, buyer_id, placed_at) values (%s, %s, %s)',
        order, uuid4(), EVENING,
    )  # fmt: skip
    return order


def offer(
    box: Sandbox, *, code: str = "", amount: int | None = None, days: float = 30
) -> psycopg.Error | None:
    """As `give`, for the rules that say nothing of orders: names one only if it has to."""
    error = give(box, code=code, amount=amount, days=days)
    if lacks(error, "order_id"):
        return give(box, code=code, amount=amount, days=days, order=new_order(box))
    return error


def lacks(error: psycopg.Error | None, column: str) -> bool:
    null = isinstance(error, psycopg.errors.NotNullViolation)
    return null and error is not None and error.diag.column_name == column


def cents(box: Sandbox, amount: int) -> psycopg.Error | None:
    error = refusal(
        box,
        "insert into voucher (id, code, amount, issued_at, expires_at)"
        " values (%s, %s, %s, %s, %s)",
        uuid4(), uuid4().hex[:8], amount, EVENING, EVENING + timedelta(days=9),
    )  # fmt: skip
    return offer(box, amount=amount) if lacks(error, "order_id") else error


@VOUCHER.item(2, "A voucher is worth at least one cent.")
def worth(box: Sandbox) -> None:
    one = cents(box, 1)
    require(
        one is None, expected="a voucher of 1 cent gets in", got=said(one),
        why="One cent is the smallest voucher that is allowed.",
        where="the first rule of the task",
    )  # fmt: skip
    minus = cents(box, -random.randint(1, 5000))
    require(
        isinstance(minus, psycopg.errors.CheckViolation),
        expected="a voucher below zero is refused by a check", got=said(minus),
        why="Only a `CheckConstraint` on `amount` can refuse it.",
        where="lesson 2.1, step 3: `price_not_negative`",
    )  # fmt: skip
    zero = cents(box, 0)
    require(
        zero is not None, expected="a voucher of 0 cents is refused", got=said(zero),
        why="`>= 0` lets zero in. A gift of nothing is no gift: the rule needs `> 0`.",
        where="your check on `amount`",
    )  # fmt: skip


@VOUCHER.item(2, "No code is given out twice.")
def code_once(box: Sandbox) -> None:
    code, other = uuid4().hex[:8], uuid4().hex[:8]
    offer(box, code=code, amount=2500)
    again = offer(box, code=code, amount=random.randint(100, 900), days=9)
    require(
        again is not None, expected="the same code again is refused", got=said(again),
        why="Whoever has the code has the money, so the code *alone* must occur once. A pair of "
        "columns would let the code in again with another amount.",
        where="lesson 2.1, step 2: `UniqueConstraint`",
    )  # fmt: skip
    alike = offer(box, code=other, amount=2500)
    require(
        alike is None, expected="another voucher of the same amount gets in", got=said(alike),
        why="Only the code must differ. Many vouchers are worth 25 euro.",
        where="your `UniqueConstraint`",
    )  # fmt: skip


@VOUCHER.item(2, "It expires after it was issued.")
def expires(box: Sandbox) -> None:
    before = offer(box, days=-random.randint(1, 9))
    require(
        before is not None, expected="a voucher that expires before it is issued is refused",
        got=said(before),
        why="A check may compare two columns of its row.",
        where="lesson 2.1, step 3: `ends_after_start`",
    )  # fmt: skip
    same = offer(box, days=0)
    require(
        same is not None, expected="a voucher that expires in the moment of its issue is refused",
        got=said(same),
        why="After means after: `>`, where you may have `>=`.",
        where="your check on the two times",
    )  # fmt: skip
    fine = offer(box, days=random.randint(1, 900))
    require(
        fine is None, expected="a voucher with a later end gets in", got=said(fine),
        why="This one breaks no rule of the task.",
        where="your checks",
    )  # fmt: skip


@VOUCHER.item(2, "A voucher that was used names an order that exists; an unused one names none.")
def names_order(box: Sandbox) -> None:
    unused = give(box, order=None)
    require(
        unused is None, expected="a voucher without an order gets in", got=said(unused),
        why="Nobody has used it yet, so `order_id` must be allowed to be null.",
        where="your `order_id`; compare the one in `models/hold.py`",
    )  # fmt: skip
    ghost = give(box, order=uuid4())
    require(
        isinstance(ghost, psycopg.errors.ForeignKeyViolation),
        expected="a voucher whose order does not exist is refused", got=said(ghost),
        why="An id is only a number until a foreign key says which table it must be in.",
        where="lesson 2.1, step 2: `ForeignKey`",
    )  # fmt: skip
    order = new_order(box)
    used = [give(box, order=order), give(box, order=order)]
    require(
        used == [None, None], expected="two vouchers for one order get in",
        got=said(used[0] or used[1]),
        why="A buyer may pay with two vouchers, so `order_id` is not unique.",
        where="your `order_id`",
    )  # fmt: skip


# --- 2: mend ----------------------------------------------------------------------------------

REHEARSAL = exercise(
    "ch02.rehearsal_hours",
    lesson="2.1",
    limit=20,
    kind="mend",
    title="Two companies on one stage",
    answers=("models/performance.py::Rehearsal",),
    hints=(
        "Two things are wrong. The unique rule asks whether two rehearsals *begin* in the same "
        "minute; the house asks whether their hours *overlap*. And the times are written with "
        "`DateTime()`, which has no zone. Which lines of `Performance` do both right?",
        "Rows that must not overlap need an exclusion constraint. `VENUE` and `HOURS`, above in "
        "the same file, are made of the columns `venue_id`, `starts_at` and `ends_at`. Your table "
        "has columns of the same names, so you can use both again.",
        "Leave out `mapped_column(DateTime())`. Then `Base` gives each `datetime` its usual type, "
        "with a zone. Add a check that a rehearsal ends after it starts. An exclusion constraint "
        "needs a whole name, as the naming convention has no word for it.",
        "    __table_args__ = (\n"
        '        CheckConstraint("ends_at > starts_at", name="ends_after_start"),\n'
        '        ExcludeConstraint((VENUE, "&&"), (HOURS, "&&"), name="ex_rehearsal_hours"),\n'
        "    )\n"
        "    starts_at: Mapped[datetime]\n"
        "    ends_at: Mapped[datetime]",
    ),
)


def rehearse(box: Sandbox, venue: UUID, begin: float, end: float) -> psycopg.Error | None:
    """Insert a rehearsal from hour to hour."""
    return refusal(
        box,
        "insert into rehearsal (id, venue_id, company, starts_at, ends_at)"
        " values (%s, %s, %s, %s, %s)",
        uuid4(), venue, random.choice(NAMES),
        EVENING + timedelta(hours=begin), EVENING + timedelta(hours=end),
    )  # fmt: skip


def houses(box: Sandbox) -> tuple[UUID, UUID]:
    ids = [row["id"] for row in box.sql("select id from venue order by name")]
    random.shuffle(ids)
    return ids[0], ids[1]


@REHEARSAL.item(3, "Two rehearsals in one venue never overlap.")
def no_overlap(box: Sandbox) -> None:
    house, _ = houses(box)
    begin = random.randint(8, 12)
    first = rehearse(box, house, begin, begin + 4)
    require(
        first is None, expected="a first rehearsal gets in", got=said(first),
        why="Nothing else is on in this house.", where="your constraints",
    )  # fmt: skip
    cases = {
        "one that begins an hour later": (begin + 1, begin + 6),
        "one within it": (begin + 1, begin + 2),
        "one around it": (begin - 1, begin + 5),
        "one that ends in the middle of it": (begin - 2, begin + 2),
    }
    for words, (start, end) in cases.items():
        second = rehearse(box, house, start, end)
        require(
            second is not None, expected=f"{words} is refused", got=said(second),
            why="A unique rule only compares beginnings. To compare *hours* you need an exclusion "
            "constraint with `&&`, on the venue and on the hours.",
            where="lesson 2.1, step 4",
        )  # fmt: skip


@REHEARSAL.item(
    2, "One may begin in the minute when another ends, and another venue does not matter."
)
def room_for_others(box: Sandbox) -> None:
    house, other = houses(box)
    begin = random.randint(8, 12)
    rehearse(box, house, begin, begin + 2)
    next_door = rehearse(box, other, begin + 0.5, begin + 2)
    require(
        next_door is None, expected="a rehearsal in the other house gets in", got=said(next_door),
        why="The hours may overlap as long as the houses differ. Does your exclusion compare the "
        "venue too?",
        where="lesson 2.1, step 4: `VENUE`",
    )  # fmt: skip
    after = rehearse(box, house, begin + 2, begin + 4)
    require(
        after is None, expected="a rehearsal that begins when the first ends gets in",
        got=said(after),
        why="A range is written `[)` when its end is left out. With `[]` the end counts as taken.",
        where="lesson 2.1, step 4: `HOURS`",
    )  # fmt: skip


@REHEARSAL.item(2, "A rehearsal names a real venue, and ends after it starts.")
def ends_later(box: Sandbox) -> None:
    house, _ = houses(box)
    nowhere = rehearse(box, uuid4(), 9, 11)
    require(
        isinstance(nowhere, psycopg.errors.ForeignKeyViolation),
        expected="a rehearsal in a venue that does not exist is refused", got=said(nowhere),
        why="The broken table had this right: `venue_id` was a `ForeignKey`.",
        where="lesson 2.1, step 2: `ForeignKey`",
    )  # fmt: skip
    backwards = rehearse(box, house, 12, 12 - random.randint(1, 3))
    require(
        backwards is not None, expected="an end before the start is refused",
        got=said(backwards), why="A check compares the two columns.",
        where="lesson 2.1, step 3: `ends_after_start`",
    )  # fmt: skip
    empty = rehearse(box, house, 15, 15)
    require(
        empty is not None, expected="a rehearsal of no length is refused", got=said(empty),
        why="A range from 15:00 to 15:00 is empty and overlaps nothing, so the exclusion does not "
        "see it. Only a check with `>` does.",
        where="lesson 2.1, step 3",
    )  # fmt: skip


@REHEARSAL.item(2, "A time keeps its moment, whatever zone it is written in.")
def moments(box: Sandbox) -> None:
    house, _ = houses(box)
    hours = random.randint(2, 9)
    refusal(
        box,
        "insert into rehearsal (id, venue_id, company, starts_at, ends_at)"
        " values (%s, %s, 'A', %s, %s)",
        uuid4(), house, f"2032-06-01 12:00+0{hours}", f"2032-06-01 15:00+0{hours}",
    )  # fmt: skip
    rows = box.sql(
        "select extract(epoch from starts_at)::bigint as moment,"
        " pg_typeof(starts_at)::text as kind, pg_typeof(ends_at)::text as end_kind from rehearsal"
    )
    goal = int(datetime(2032, 6, 1, 12 - hours, tzinfo=UTC).timestamp())
    kinds = {row[kind] for row in rows for kind in ("kind", "end_kind")}
    require(
        [row["moment"] for row in rows] == [goal] and kinds == {"timestamp with time zone"},
        expected=f"12:00+0{hours} is kept as {12 - hours:02}:00 UTC, in a `timestamptz`",
        got=", ".join(sorted(kinds)) or "no row",
        why="A `timestamp` without a zone drops the zone and keeps 12:00, which is another moment.",
        where="lesson 2.1, step 3",
    )  # fmt: skip


# --- 3: write ---------------------------------------------------------------------------------

CAST = exercise(
    "ch02.cast_list",
    lesson="2.1",
    limit=20,
    kind="write",
    title="A cast list",
    answers=("models/show.py::Person", "models/show.py::Part"),
    hints=(
        "Two nouns, two tables. What is told once about a *person* belongs in `person`. What is "
        "told about a *part in a show* belongs in `part`. A part names its show and, when it is "
        "cast, its person. Which of these can be missing?",
        "The primary key of `part` is a pair, as in `models/hold.py`: two columns with "
        "`primary_key=True`. That alone makes a part occur once in a show. `person` has an id of "
        "its own, so it is a `Row`; `part` is not, so it is a `Base`.",
        'A foreign key may say what happens when its target goes. `ondelete="CASCADE"` deletes '
        "the rows that name it, as in `models/price.py`. Without it the target must stay. The "
        "parts of a show should go with it; a person who has a part should stay.",
        "    class Part(Base):\n"
        '        __tablename__ = "part"\n'
        "        show_id: Mapped[UUID] = mapped_column(\n"
        '            ForeignKey("show.id", ondelete="CASCADE"), primary_key=True\n'
        "        )\n"
        "        name: Mapped[str] = mapped_column(primary_key=True)\n"
        "        person_id: Mapped[UUID | None] = mapped_column(\n"
        '            ForeignKey("person.id"), default=None\n'
        "        )",
    ),
)


def meet(box: Sandbox, name: str | None) -> tuple[UUID, psycopg.Error | None]:
    person = uuid4()
    return person, refusal(box, "insert into person (id, name) values (%s, %s)", person, name)


def cast(box: Sandbox, show: UUID, name: str, person: UUID | None) -> psycopg.Error | None:
    error = refusal(
        box, "insert into part (show_id, name, person_id) values (%s, %s, %s)", show, name, person
    )
    require(
        not lacks(error, "id"), expected="show, name and person are all that a part has",
        got=said(error),
        why="A `Row` has an `id` of its own, and nobody fills it here. The key of a part is its "
        "show and its name, so `Part` is a `Base`.",
        where="your `Part`; compare `models/hold.py`",
    )  # fmt: skip
    return error


def shows(box: Sandbox) -> tuple[UUID, UUID]:
    """Two shows that have no performance, so nothing else keeps them."""
    rows = box.sql(
        "select id from show where id not in (select show_id from performance) order by title"
    )
    first, second = random.sample([row["id"] for row in rows], 2)
    return first, second


@CAST.item(2, "Every person has a name, and two people may have the same one.")
def people(box: Sandbox) -> None:
    name = random.choice(NAMES)
    _, first = meet(box, name)
    require(
        first is None, expected=f"{name} gets in", got=said(first),
        why="Id and name are all that a person needs.", where="your `Person`",
    )  # fmt: skip
    _, second = meet(box, name)
    require(
        second is None, expected=f"a second {name} gets in", got=said(second),
        why="Two people can share a name. That is what the id is for.", where="your `Person`",
    )  # fmt: skip
    _, nobody = meet(box, "")
    require(
        nobody is not None, expected="an empty name is refused", got=said(nobody),
        why="An empty text is not null, so `NOT NULL` lets it in. A check must say that the name "
        "is not empty.",
        where="lesson 2.1, step 1: `has_name`",
    )  # fmt: skip
    _, missing = meet(box, None)
    require(
        missing is not None, expected="a person whose name is null is refused", got=said(missing),
        why="A check that meets null lets the row in, for it cannot say no. Leave out `| None`: "
        "then the column is `NOT NULL`.",
        where="your `Person`",
    )  # fmt: skip


@CAST.item(2, "A part stands once in a show; another show may have a part of the same name.")
def parts(box: Sandbox) -> None:
    here, there = shows(box)
    ana, _ = meet(box, "Ana")
    ben, _ = meet(box, "Ben")
    first = cast(box, here, "Ghost", ana)
    require(
        first is None, expected="a first part gets in", got=said(first),
        why="The show and the person exist.", where="your `Part`",
    )  # fmt: skip
    twice = cast(box, here, "Ghost", ben)
    require(
        twice is not None, expected="the same part with another person is refused",
        got=said(twice),
        why="The key is the show and the part. If the person belongs to the key too, two people "
        "can have one part.",
        where="`models/hold.py`: a key of two columns",
    )  # fmt: skip
    elsewhere = cast(box, there, "Ghost", ben)
    require(
        elsewhere is None, expected="a Ghost in another show gets in", got=said(elsewhere),
        why="The name alone is not the key: many shows have a ghost.", where="your `Part`",
    )  # fmt: skip


@CAST.item(2, "One person may play several parts, and a part may wait for its person.")
def several(box: Sandbox) -> None:
    here, there = shows(box)
    ana, _ = meet(box, "Ana")
    for show, name in ((here, "King"), (here, "Ghost"), (there, "King")):
        error = cast(box, show, name, ana)
        require(
            error is None, expected="one person plays three parts", got=said(error),
            why="Nothing may be unique about the person alone: actors double.",
            where="your `person_id`",
        )  # fmt: skip
    waiting = cast(box, there, "Fool", None)
    require(
        waiting is None, expected="a part without a person gets in", got=said(waiting),
        why="The part is known before the actor. `UUID | None` lets the column be empty.",
        where="`order_id` in `models/hold.py`",
    )  # fmt: skip


@CAST.item(2, "A part names a real show, and a real person if it names one.")
def real(box: Sandbox) -> None:
    show, _ = shows(box)
    ana, _ = meet(box, "Ana")
    nowhere = cast(box, uuid4(), "Ghost", ana)
    require(
        nowhere is not None, expected="a part in a show that does not exist is refused",
        got=said(nowhere), why="`show_id` needs a foreign key.",
        where="lesson 2.1, step 2",
    )  # fmt: skip
    nobody = cast(box, show, "Ghost", uuid4())
    require(
        nobody is not None, expected="a part of a person who does not exist is refused",
        got=said(nobody), why="`person_id` needs a foreign key.",
        where="lesson 2.1, step 2",
    )  # fmt: skip


@CAST.item(2, "With a show go its parts; a person who has a part stays.")
def leaving(box: Sandbox) -> None:
    here, there = shows(box)
    ana, _ = meet(box, "Ana")
    for show, name in ((here, "Ghost"), (there, "King")):
        error = cast(box, show, name, ana)
        require(
            error is None, expected="one person gets a part in each of two shows", got=said(error),
            why="Two shows, two parts: no rule of the task is broken.", where="your `Part`",
        )  # fmt: skip
    fired = refusal(box, "delete from person where id = %s", ana)
    left = box.sql("select name from part where person_id = %s", ana)
    require(
        fired is not None and len(left) == 2,
        expected="a person with a part cannot be deleted", got=f"the person is gone, {len(left)} "
        "of 2 parts still name them" if fired is None else said(fired),
        why="Without `ondelete` a foreign key protects its target. `CASCADE` and `SET NULL` let "
        "the person go.",
        where="your `person_id`",
    )  # fmt: skip
    gone = refusal(box, "delete from show where id = %s", here)
    require(
        gone is None, expected="a show that has parts can be deleted", got=said(gone),
        why='`ondelete="CASCADE"` on `show_id` deletes the parts with their show.',
        where="`models/price.py`",
    )  # fmt: skip
    names = [row["name"] for row in box.sql("select name from part where person_id = %s", ana)]
    require(
        names == ["King"], expected="only the part in the other show is left",
        got=f"{names}", why="Each part goes with its own show.", where="your `show_id`",
    )  # fmt: skip


# --- 4: stretch -------------------------------------------------------------------------------

SAME_HOUSE = exercise(
    "ch02.same_house",
    lesson="2.1",
    limit=20,
    kind="stretch",
    title="The seat of the other house",
    answers=(
        "models/hold.py::Hold",
        "models/performance.py::Performance",
        "models/seat.py::Seat",
    ),
    hints=(
        "`hold` names a performance and a seat, and each is in a house. Nothing compares the two "
        "houses. A check cannot: it sees one row. But a foreign key compares a row with a row "
        "of another table. What if the hold itself says which house it is about?",
        "A foreign key may have two columns. If the pair (`seat_id`, `venue_id`) must be found in "
        "`seat` and the pair (`performance_id`, `venue_id`) in `performance`, then both are in "
        "the one house that the hold names.",
        "The pair that a foreign key points at must be unique there. So `seat` and `performance` "
        'each need `UniqueConstraint("id", "venue_id")`. This costs nothing in freedom: the id '
        "alone is unique already. In `Hold`, `ForeignKeyConstraint` takes two lists of columns. "
        "Take the old `ForeignKey`s of these columns out: the pairs do their work, and our naming "
        "convention would give both the same name.",
        "    __table_args__ = (\n"
        "        ForeignKeyConstraint(\n"
        '            ["performance_id", "venue_id"], ["performance.id", "performance.venue_id"]\n'
        "        ),\n"
        "        ForeignKeyConstraint(\n"
        '            ["seat_id", "venue_id"], ["seat.id", "seat.venue_id"]\n'
        "        ),\n"
        "    )",
    ),
)


def claim(box: Sandbox, performance: UUID, seat: UUID, venue: UUID | None) -> psycopg.Error | None:
    return refusal(
        box,
        "insert into hold (performance_id, seat_id, venue_id, buyer_id, expires_at)"
        " values (%s, %s, %s, %s, %s)",
        performance, seat, venue, uuid4(), EVENING,
    )  # fmt: skip


def place(box: Sandbox, venue: UUID) -> tuple[UUID, list[UUID]]:
    """A performance at the venue, and two of its seats."""
    night = only(box, "select id from performance where venue_id = %s order by random()", venue)
    rows = box.sql("select id from seat where venue_id = %s order by random() limit 2", venue)
    return night, [row["id"] for row in rows]


@SAME_HOUSE.item(2, "A hold on a seat of the performance's own house gets in.")
def own_house(box: Sandbox) -> None:
    for house in houses(box):
        night, seats = place(box, house)
        for seat in seats:
            error = claim(box, night, seat, house)
            require(
                error is None, expected="two holds on two seats of the house get in",
                got=said(error),
                why="Performance, seat and house agree, and each seat is free. A rule that is "
                "unique in too few columns refuses the second.",
                where="your constraints",
            )  # fmt: skip


@SAME_HOUSE.item(
    3,
    "A hold on a seat of another house is refused, whichever house it names; "
    "so is one that names none.",
)
def other_house(box: Sandbox) -> None:
    house, other = houses(box)
    night, _ = place(box, house)
    _, seats = place(box, other)
    for venue, words in ((house, "the performance"), (other, "the seat")):
        error = claim(box, night, seats[0], venue)
        require(
            error is not None,
            expected=f"a hold that names the house of {words} is refused", got=said(error),
            why="Both pairs must be real: (performance, house) and (seat, house). A foreign key on "
            "`venue_id` alone says only that the house exists.",
            where="hint 2 of `hint(\"ch02.same_house\")`",
        )  # fmt: skip
    nowhere = claim(box, night, seats[0], None)
    require(
        nowhere is not None, expected="a hold that names no house is refused", got=said(nowhere),
        why="A foreign key with an empty column is not looked at, so `venue_id` must not be null.",
        where="PostgreSQL manual, 5.5.5: MATCH SIMPLE",
    )  # fmt: skip


@SAME_HOUSE.item(
    2,
    "The law still holds, a seat is in `hold` once for a performance; "
    "so do the rules of the other two tables.",
)
def law(box: Sandbox) -> None:
    house, _ = houses(box)
    night, seats = place(box, house)
    first = claim(box, night, seats[0], house)
    require(
        first is None, expected="the first buyer gets the seat", got=said(first),
        why="Performance, seat and house agree.", where="your constraints",
    )  # fmt: skip
    second = claim(box, night, seats[0], house)
    require(
        isinstance(second, psycopg.errors.UniqueViolation),
        expected="the second buyer of the seat is refused", got=said(second),
        why="The primary key of `hold` is the law: performance and seat, and nothing else.",
        where="lesson 2.1, step 5",
    )  # fmt: skip
    other_night = uuid4()
    box.sql(
        "insert into performance (id, show_id, venue_id, starts_at, ends_at, price_amount,"
        " currency) select %s, show_id, venue_id, starts_at + interval '9 days',"
        " ends_at + interval '9 days', 1, 'EUR' from performance where id = %s",
        other_night, night,
    )  # fmt: skip
    again = claim(box, other_night, seats[0], house)
    require(
        again is None, expected="the same seat at another performance gets in", got=said(again),
        why="The seat is free on every other evening.", where="lesson 2.1, step 5",
    )  # fmt: skip
    clash = refusal(
        box,
        "insert into performance (id, show_id, venue_id, starts_at, ends_at, price_amount,"
        " currency) select %s, show_id, venue_id, starts_at, ends_at, 1, 'EUR'"
        " from performance where id = %s",
        uuid4(), night,
    )  # fmt: skip
    double = refusal(
        box,
        "insert into seat (id, venue_id, section, row, number)"
        " select %s, venue_id, section, row, number from seat where id = %s",
        uuid4(), seats[0],
    )  # fmt: skip
    require(
        clash is not None and double is not None,
        expected="two shows on one stage, or one chair twice, are refused as before",
        got=said(clash if double is not None else double),
        why="Your class replaces the old one, with all its rules. Add to `__table_args__` by `+=`.",
        where="your `Performance` and your `Seat`",
    )  # fmt: skip
