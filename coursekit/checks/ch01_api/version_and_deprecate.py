"""Checks of lesson 1.4's exercises: farewell headers, one price, a rule of the gate, the end."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, NamedTuple

import httpx

from coursekit.checks import NotYet, Sandbox, exercise, require

# --- 1: complete ------------------------------------------------------------------------------

FAREWELL = exercise(
    "ch01.farewell",
    lesson="1.4",
    kind="complete",
    title="Farewell to one route",
    answers=("api/farewell.py::farewell",),
    hints=(
        "Three texts are missing. Two of them are dates, and each is written in its own way. "
        "The table in step 4 of the lesson shows both ways. Write the texts for one date by "
        "hand first, then let Python do it.",
        "`deprecated_at.timestamp()` gives Unix seconds, whatever the zone. It is a float, so "
        "there is a `.0` to lose. For an HTTP date there is `format_datetime` in "
        "`email.utils`. Ask it for GMT with `usegmt=True`.",
        "`format_datetime(…, usegmt=True)` takes a time in UTC alone; with another zone it "
        "raises `ValueError`. So turn the time first: `sunset_at.astimezone(UTC)`. Do not use "
        "`replace(tzinfo=UTC)`: that keeps the hours and so names another moment.",
        '    deprecation = f"@{int(deprecated_at.timestamp())}"\n'
        "    sunset = format_datetime(sunset_at.astimezone(UTC), usegmt=True)\n"
        "    link = f'<{successor}>; rel=\"successor-version\"'",
    ),
)

COMPUTER = timedelta(hours=5, minutes=45)
"""How far ahead of UTC the computer's own zone is meanwhile; no moment below is in that zone."""
HEADERS = """
import os
import time
from datetime import datetime

from boxoffice.api.farewell import farewell


def turn_to(zone):
    if not hasattr(time, "tzset"):  # as in a browser tab
        return
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    time.tzset()


home = os.environ.get("TZ")
try:
    turn_to("BOX-05:45")
    result = [
        farewell(
            deprecated_at=datetime.fromisoformat(deprecated_at),
            sunset_at=datetime.fromisoformat(sunset_at),
            successor=successor,
        )
        for deprecated_at, sunset_at, successor in calls
    ]
finally:
    turn_to(home)
"""
IN_STEP_4 = "lesson 1.4, step 4: the table of the three headers"
SHAPE = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def some_time() -> datetime:
    """A moment late in its second, so that rounding shows, in a zone that is not UTC."""
    zone = timezone(timedelta(hours=random.choice([-7, -4, 2, 9])))
    day = datetime(2031, 1, 1, 12, 30, 15, 750_000, tzinfo=UTC)
    return (day + timedelta(days=random.randint(0, 2000))).astimezone(zone)


def headers_for(box: Sandbox, *calls: tuple[datetime, datetime, str]) -> list[dict[str, Any]]:
    """What `farewell` gives for each (deprecated_at, sunset_at, successor)."""
    found: list[Any] = box.evaluate(
        HEADERS, calls=[(one.isoformat(), other.isoformat(), url) for one, other, url in calls]
    )
    for headers in found:
        if not isinstance(headers, dict):
            raise NotYet("a dict of three headers", repr(headers))
    return found


@FAREWELL.item(2, "`Deprecation` is `@` and the moment in whole Unix seconds.")
def deprecation(box: Sandbox) -> None:
    moment, end = some_time(), datetime(2039, 1, 1, tzinfo=UTC)
    later = moment + timedelta(days=400)
    first, other = headers_for(box, (moment, end, "/v2/x"), (later, end, "/v2/x"))
    got = first.get("Deprecation")
    seconds = int(moment.timestamp())
    goal = f"@{seconds}, for {moment.isoformat()}"
    text = str(got)
    require(
        "." not in text,
        expected=goal,
        got=text,
        why="A date of RFC 9745 counts whole seconds. `timestamp()` gives a float, with a point.",
        where=IN_STEP_4,
    )
    require(
        not re.fullmatch(r"[0-9]+", text),
        expected=goal,
        got=text,
        why="The `@` is part of the date. Without it a reader sees a plain number.",
        where=IN_STEP_4,
    )
    require(
        text.lower() not in ("true", "?1"),
        expected=goal,
        got=text,
        why="Old drafts said only `true`. RFC 9745 says since when, so a reader can plan.",
        where=IN_STEP_4,
    )
    require(
        re.fullmatch(r"@-?[0-9]+", text) is not None,
        expected=goal,
        got=text,
        why="This header writes its date as `@` and a number. The date of `Sunset` is the one "
        "with words.",
        where=IN_STEP_4,
    )
    require(
        text != f"@{seconds * 1000}" and len(text) < 13,
        expected=goal,
        got=text,
        why="Unix time counts seconds. JavaScript counts milliseconds, and they end in the "
        "year 60000.",
        where=IN_STEP_4,
    )
    require(
        text != f"@{seconds + 1}",
        expected=goal,
        got=text,
        why="This is rounded up: a second that has not begun yet. `int()` cuts off, `round()` and "
        "`:.0f` do not.",
        where=IN_STEP_4,
    )
    require(
        text != str(other.get("Deprecation")),
        expected=goal,
        got=f"{text}, and the same for {later.isoformat()}",
        why="Another moment must give another text. Make it from `deprecated_at`.",
        where=IN_STEP_4,
    )
    require(
        abs(int(text[1:]) - seconds) != COMPUTER.total_seconds(),
        expected=goal,
        got=text,
        why="This is off by the zone of the computer that runs it. `strftime` takes the hours for "
        "the computer's own; `timestamp()` knows the zone of the moment.",
        where=IN_STEP_4,
    )
    require(
        text == f"@{seconds}",
        expected=goal,
        got=text,
        why="The moment has a zone. `timestamp()` knows that. To paste UTC over it, or to drop "
        "it, is to name another moment.",
        where=IN_STEP_4,
    )


@FAREWELL.item(2, "`Sunset` is an HTTP date in GMT, whatever zone the moment came in.")
def sunset(box: Sandbox) -> None:
    moment = some_time()
    goal = format_datetime(moment.astimezone(UTC), usegmt=True)
    said = f"{goal}, for {moment.isoformat()}"
    begin, later = datetime(2031, 1, 1, tzinfo=UTC), moment + timedelta(days=400)
    try:
        answer, other = headers_for(box, (begin, moment, "/v2/x"), (begin, later, "/v2/x"))
    except NotYet as problem:
        if "usegmt" not in str(problem.got):
            raise
        raise NotYet(
            said,
            str(problem.got),
            "`usegmt=True` takes a time in UTC alone. Turn yours with `astimezone(UTC)` first. "
            "Without `UTC` it turns to the computer's own zone.",
            IN_STEP_4,
        ) from None
    text = str(answer.get("Sunset"))
    require(
        not text.startswith("@") and not re.match(r"[0-9]{4}-", text),
        expected=said,
        got=text,
        why="`Sunset` is the older header. It writes its date as `Date` and `Expires` do, with "
        "words.",
        where=IN_STEP_4,
    )
    require(
        re.search(r"[+-][0-9]{4}$", text) is None,
        expected=said,
        got=text,
        why="An HTTP date ends in `GMT`. A number for the zone is for e-mail, and many readers "
        "of HTTP refuse it.",
        where=IN_STEP_4,
    )
    require(
        text != str(other.get("Sunset")),
        expected=said,
        got=f"{text}, and the same for {later.isoformat()}",
        why="Another moment must give another text. Make it from `sunset_at`.",
        where=IN_STEP_4,
    )
    require(
        not text.endswith("UTC"),
        expected=said,
        got=text,
        why="An HTTP date ends in `GMT`, not in `UTC`. Both mean the same, but readers of HTTP "
        "know one of them.",
        where=IN_STEP_4,
    )
    require(
        text == goal or not SHAPE.fullmatch(text),
        expected=said,
        got=text,
        why="These are the hours of the other zone with `GMT` behind them. Turn the time with "
        "`astimezone(UTC)`; do not rename it.",
        where=IN_STEP_4,
    )
    require(
        text == goal,
        expected=said,
        got=text,
        why="The shape is fixed to the letter: short names, two digits a day, commas and all.",
        where=IN_STEP_4,
    )


@FAREWELL.item(2, '`Link` holds the successor in angle brackets, with `rel="successor-version"`.')
def link(box: Sandbox) -> None:
    successor = f"/v2/{random.choice(['shows', 'venues', 'performances'])}/{random.randint(1, 99)}"
    day = datetime(2039, 1, 1, tzinfo=UTC)
    text = str(headers_for(box, (day, day, successor))[0].get("Link"))
    goal = f'<{successor}>; rel="successor-version"'
    require(
        "<" in text and ">" in text,
        expected=goal,
        got=text,
        why="The angle brackets mark where the address begins and ends. Without them no reader "
        "finds a link here.",
        where=IN_STEP_4,
    )
    require(
        f"<{successor}>" in text,
        expected=goal,
        got=text,
        why="Only a text with an `f` before its quotes fills its braces."
        if "{successor}" in text
        else "The address is the one that the caller of `farewell` gives.",
        where=IN_STEP_4,
    )
    require(
        not re.search(r"rel\s*=\s*'", text),
        expected=goal,
        got=text,
        why="In a header only `\"` is a quote. A `'` counts as a letter of the word, and nobody "
        "looks for that word.",
        where=IN_STEP_4,
    )
    require(
        not re.search(r">\s*,", text),
        expected=goal,
        got=text,
        why="A comma begins the next link. What belongs to this one stands behind a `;`.",
        where=IN_STEP_4,
    )
    # RFC 8288: a word that is a token may stand without quotes, and capitals are all one.
    word = '("successor-version"|successor-version)'
    require(
        re.fullmatch(rf"<[^<>]*>\s*;\s*rel\s*=\s*{word}", text, re.I) is not None,
        expected=goal,
        got=text,
        why="Programs look for the word `successor-version`, with or without quotes, behind "
        "`rel=`. Another word says that the link leads elsewhere.",
        where=IN_STEP_4,
    )


# --- 2: mend ----------------------------------------------------------------------------------

PRICE = exercise(
    "ch01.new_price",
    lesson="1.4",
    kind="mend",
    title="One price, two languages",
    answers=(
        "services/performances.py::reprice_performance",
        "api/performances.py::reprice_performance",
        "api/performances_v2.py::reprice_performance",
    ),
    hints=(
        "Both broken routes do the work themselves, and each does it in another way. Give the "
        "work to one service: find the performance, make a copy with the new price, save it, "
        "give it back. `find_performance` in the same file raises the right error already.",
        "The service takes `Money`. So each route has one thing to do: turn its own words into "
        "`Money`. For `/v2` there is `new.to_money()`. For `/v1` there is "
        "`Money(price_cents, EURO)`.",
        "`/v1` must refuse *before* it changes anything. It needs the performance as it is now. "
        "Is there a method that raises `PriceNotInEuro` for a stored performance? You wrote it "
        "in step 3: `PerformanceOut.of`.",
        "    # the service\n"
        "    performance = await find_performance(store, performance_id=performance_id)\n"
        "    changed = replace(performance, price=price)\n"
        "    await store.performances.save(changed)\n"
        "    return changed\n"
        "    # the route of /v1\n"
        "    found = await performances.find_performance(store, performance_id=performance_id)\n"
        "    PerformanceOut.of(found)\n"
        "    changed = await performances.reprice_performance(\n"
        "        store, performance_id=performance_id, price=Money(price_cents, EURO)\n"
        "    )\n"
        "    return PerformanceOut.of(changed)\n"
        "    # the route of /v2\n"
        "    changed = await performances.reprice_performance(\n"
        "        store, performance_id=performance_id, price=new.to_money()\n"
        "    )\n"
        "    return PerformanceOutV2.model_validate(changed)",
    ),
)
NOBODY = "00000000-0000-0000-0000-000000000000"


def evening(box: Sandbox) -> dict[str, Any]:
    """A performance of the sample season, as /v2 tells it."""
    items = box.json(box.api.get("/v2/performances"), "items", list)
    chosen: dict[str, Any] = random.choice(items)
    return chosen


def evening_in(box: Sandbox, currency: str, day: int = 1) -> dict[str, Any]:
    """A new performance, sold in that currency."""
    price = {"amount": random.randint(50, 150) * 100, "currency": currency}
    new = evening(box) | {"starts_at": f"2031-03-{day:02}T19:00:00Z", "price": price}
    created: dict[str, Any] = box.json(box.api.post("/v2/performances", json=new), "", dict)
    return created


def cause(box: Sandbox, answer: httpx.Response, why: str, where: str) -> tuple[str, str]:
    """Why an answer is not the right one, and where to look: an error says so by its last line."""
    crash = box.crash() if answer.status_code == 500 else []
    lines = [line for line in crash if ", line " in line]
    code = lines[-1].partition(":  ")[2] if lines else ""
    if "TypeError" in "".join(crash[-1:]) and re.search(r"(?<![.\w])reprice_performance\(", code):
        why = "Here this name is the route itself; the service is "
        why += "`performances.reprice_performance`."
    elif "venue_busy" in answer.text:
        why = "A new price plans no new evening. Take the one that is there, copy it with "
        why += "`replace`, save the copy."
    return why, lines[-1].partition(", line ")[0] if lines else where


def taken(box: Sandbox, answer: httpx.Response, why: str, route: str) -> None:
    if answer.status_code == 200:
        return
    crash = box.crash() if answer.status_code == 500 else []
    if re.search("NoneType|valid dictionary or object", "".join(crash[-1:])):
        why = "Something is None here that should be a performance. Is a `return` missing in the "
        why, route = why + "service?", "the last line of the service, in services/performances.py"
    else:
        why, route = cause(box, answer, why, route)
    raise NotYet("200 and the performance", box.said(answer), why, route)


def price_now(box: Sandbox, performance: dict[str, Any]) -> Any:
    return box.json(box.api.get(f"/v2/performances/{performance['id']}"), "price", dict)


@PRICE.item(2, "`/v2` takes an amount and a currency, and keeps both, whatever the currency was.")
def keeps_both(box: Sandbox) -> None:
    one = evening(box)
    price = {
        "amount": random.randint(10, 99) * 100 + 50,
        "currency": random.choice(["JPY", "CHF", "SEK"]),
    }
    answer = box.api.put(f"/v2/performances/{one['id']}/price", json=price)
    route = "the route in api/performances_v2.py"
    taken(box, answer, "The performance is there and the price is fine.", route)
    stored = price_now(box, one)
    require(
        stored != one["price"],
        expected=f"a price of {price}",
        got=f"a price of {stored}, as before",
        why="The answer was 200, but nothing changed. Is the changed row saved?",
        where="the service in services/performances.py",
    )
    require(
        stored["currency"] == price["currency"],
        expected=f"a price of {price}",
        got=f"a price of {stored}",
        why="The currency was lost on the way. An amount without its currency is no price: "
        "let `Money` carry both.",
        where="the service, or the route in api/performances_v2.py",
    )
    require(
        stored == price,
        expected=f"a price of {price}",
        got=f"a price of {stored}",
        why="What `/v2` takes is what `/v2` tells afterwards.",
        where="the service in services/performances.py",
    )
    told = box.json(answer, "price", dict)
    require(
        told == price,
        expected=f"the answer tells {price}",
        got=f"the answer tells {told}",
        why="The answer shows the performance as it was before. Give back the changed one.",
        where="the last line of the route",
    )
    after = box.json(box.api.get(f"/v2/performances/{one['id']}"), "", dict)
    require(
        after == one | {"price": price},
        expected="all but the price as before",
        got=str({key: after.get(key) for key in one if after.get(key) != one[key]}),
        why="A new price moves no evening. `replace(performance, price=…)` copies the rest.",
        where="the service in services/performances.py",
    )
    yen_goes_on(box)
    free_is_a_price(box)


def free_is_a_price(box: Sandbox) -> None:
    one, price = evening(box), {"amount": 0, "currency": "EUR"}
    answer = box.api.put(f"/v2/performances/{one['id']}/price", json=price)
    require(
        answer.status_code == 200 and price_now(box, one) == price,
        expected=f"a price of {price}: a free evening",
        got=f"{box.said(answer)}, and then a price of {price_now(box, one)}",
        why="0 is an amount like any other. But Python counts it as false, so `if amount` passes "
        "over it.",
        where="the service in services/performances.py",
    )


def yen_goes_on(box: Sandbox) -> None:
    tokyo = evening_in(box, "JPY")
    for currency in ("JPY", "EUR"):
        price = {"amount": random.randint(10, 99) * 100 + 50, "currency": currency}
        answer = box.api.put(f"/v2/performances/{tokyo['id']}/price", json=price)
        require(
            answer.status_code == 200 and price_now(box, tokyo) == price,
            expected=f"/v2 gives an evening that was sold in yen a price of {price}",
            got=box.said(answer),
            why="Only `/v1` is bound to euro. Ask for it in the route of `/v1`; the service has "
            "to work for both.",
            where="the service in services/performances.py",
        )


@PRICE.item(2, "`/v1` takes `price_cents`, and `/v2` then tells the same price in euro.")
def same_in_both(box: Sandbox) -> None:
    one, cents = evening(box), random.randint(10, 99) * 100 + 50
    answer = box.api.put(f"/v1/performances/{one['id']}/price", json={"price_cents": cents})
    route = "the route in api/performances.py"
    taken(box, answer, "The performance is there, and it is sold in euro.", route)
    stored, goal = price_now(box, one), {"amount": cents, "currency": "EUR"}
    require(
        stored != one["price"],
        expected=f"/v2 tells {goal}",
        got=f"/v2 tells {stored}, as before",
        why="The answer was 200, but nothing changed. Is the changed row saved?",
        where="the service in services/performances.py",
    )
    require(
        stored == goal,
        expected=f"/v2 tells {goal}",
        got=f"/v2 tells {stored}",
        why="Cents are the minor unit already, so the number stays. And `/v1` speaks of euro.",
        where="lesson 1.4, step 1",
    )
    told = box.json(answer, "price_cents", int)
    require(
        told == cents,
        expected=f"the answer tells {cents} cents",
        got=f"the answer tells {told} cents",
        why="The answer shows the performance as it was before. Give back the changed one.",
        where="the last line of the route",
    )


@PRICE.item(
    3,
    "For `/v1` an evening that is not sold in euro is 409 `price_not_in_euro` and keeps its "
    "price; an unknown one is 404 for both.",
)
def refuses(box: Sandbox) -> None:
    leave_alone(box, "JPY")
    leave_alone(box, random.choice(["CHF", "SEK", "USD"]), day=2)
    know_the_unknown(box)
    change_nothing_back(box)


def leave_alone(box: Sandbox, currency: str, day: int = 1) -> None:
    one = evening_in(box, currency, day)
    answer = box.api.put(f"/v1/performances/{one['id']}/price", json={"price_cents": 4500})
    stored = price_now(box, one)
    require(
        stored == one["price"] or currency == "JPY",
        expected=f"the price stays {one['price']}",
        got=f"{stored}, and the answer was {answer.status_code}",
        why="Yen is not the only other currency. Ask whether it is euro, not whether it is yen.",
        where="lesson 1.4, step 3, and `PerformanceOut.of`",
    )
    require(
        stored == one["price"],
        expected=f"the price stays {one['price']}",
        got=f"{stored}, and the answer was {answer.status_code}",
        why="`/v1` cannot see that this evening is sold in yen, so it must not touch it. Ask "
        "before you save.",
        where="lesson 1.4, step 3, and `PerformanceOut.of`",
    )
    code = answer.json().get("code") if "json" in answer.headers.get("content-type", "") else None
    require(
        (answer.status_code, code) == (409, "price_not_in_euro"),
        expected="409 with the code `price_not_in_euro`",
        got=box.said(answer),
        why="A client of `/v1` should hear why, and that `/v2` can help. There is an error for it.",
        where="lesson 1.4, step 3",
    )


def know_the_unknown(box: Sandbox) -> None:
    bodies: dict[str, dict[str, object]] = {
        "v1": {"price_cents": 4500},
        "v2": {"amount": 4500, "currency": "EUR"},
    }
    for version, body in bodies.items():
        answer = box.api.put(f"/{version}/performances/{NOBODY}/price", json=body)
        code = box.json(answer).get("code") if answer.status_code < 500 else None
        if (answer.status_code, code) != (404, "performance_not_found"):
            why = (
                "`store.get` gives None for an unknown id. `find_performance` turns that into the "
            )
            why += "right error, once for all callers."
            raise NotYet(
                f"/{version}: 404 with the code `performance_not_found`",
                box.said(answer),
                *cause(box, answer, why, "services/performances.py"),
            )


def change_nothing_back(box: Sandbox) -> None:
    writes = handed(box)["refused"]
    require(
        writes == [],
        expected="for an evening in another currency `/v1` saves nothing",
        got=f"it saves {len(writes)} times, and the last time the old price",
        why="It was changed and changed back. Who read the price in between read a wrong one. Ask "
        "before you save.",
        where="the route in api/performances.py",
    )


SERVED = """
from uuid import UUID

from boxoffice.models.memory import MemoryStore
from boxoffice.models.money import Money
from boxoffice.season import open_season
from boxoffice.services import performances


async def go():
    store = MemoryStore()
    await open_season(store)
    first = (await performances.list_performances(store)).items[0]
    returned = await performances.reprice_performance(
        store, performance_id=first.id, price=Money(amount, currency)
    )
    kept = await store.performances.get(first.id)
    try:
        await performances.reprice_performance(
            store, performance_id=UUID(int=0), price=Money(amount, currency)
        )
        end = "no error"
    except Exception as error:
        end = type(error).__name__
    said = [getattr(one, "price", None) for one in (returned, kept)]
    try:
        await performances.reprice_performance(
            store, performance_id=first.id, price=Money(amount, "EUR")
        )
        back = "no error"
    except Exception as error:
        back = type(error).__name__
    return [[getattr(p, "amount", None), getattr(p, "currency", None)] for p in said], end, back


result = go()
"""


@PRICE.item(1, "The service does it for any caller, without HTTP: it takes and keeps `Money`.")
def without_http(box: Sandbox) -> None:
    amount, currency = random.randint(10, 99) * 100, random.choice(["JPY", "CHF"])
    (returned, kept), end, back = box.evaluate(SERVED, amount=amount, currency=currency)
    goal = [amount, currency]
    require(
        kept == goal and returned == goal,
        expected=f"{goal} returned and stored",
        got=f"{returned} returned, {kept} stored",
        why="A night job calls the service as well. So the work is in there: copy, save, return.",
        where="services/performances.py",
    )
    require(
        end == "PerformanceNotFound",
        expected="`PerformanceNotFound` for an unknown id",
        got=f"`{end}`",
        why="A service states the fact. Which status it gets is no matter of the service.",
        where="`find_performance` in services/performances.py",
    )
    require(
        back == "no error",
        expected=f"an evening in {currency} may get a price in euro",
        got=f"`{back}`",
        why="The service knows nothing of `/v1` and its euro. Let the route of `/v1` ask.",
        where="services/performances.py",
    )


HANDED = """
import sys
from pathlib import Path

from fastapi.testclient import TestClient

from boxoffice.api import performances as v1
from boxoffice.api import performances_v2 as v2
from boxoffice.app import create_app
from boxoffice.models.memory import MemoryTable
from boxoffice.services import performances as service
from boxoffice.settings import Settings

saved, prices = [], []
save, reprice = MemoryTable.save, service.reprice_performance


async def watch(table, row):
    frame, through_service = sys._getframe(1), False
    while frame is not None:
        code, frame = frame.f_code, frame.f_back
        in_services = Path(code.co_filename).parts[-2:] == ("services", "performances.py")
        through_service |= in_services and code.co_name == "reprice_performance"
    saved.append([through_service, type(getattr(row, "price", None)).__name__])
    await save(table, row)


async def handed(*args, **named):
    price = named.get("price", args[-1] if args else None)
    prices.append(type(price).__name__)
    return await reprice(*args, **named)


MemoryTable.save = watch
for module in (service, v1, v2):
    for name, value in [*vars(module).items()]:
        if value is reprice:
            setattr(module, name, handed)
result = {}
with TestClient(create_app(Settings())) as client:
    first = client.get("/v2/performances").json()["items"][0]
    other = {"amount": amount, "currency": currency}
    new = first | {"starts_at": "2031-03-01T19:00:00Z", "price": other}
    abroad = client.post("/v2/performances", json=new).json()["id"]
    cents = {"price_cents": amount}
    for version, body in (("v1", cents), ("v2", other)):
        saved.clear()
        prices.clear()
        client.put(f"/{version}/performances/{first['id']}/price", json=body)
        result[version] = {"saved": [*saved], "prices": [*prices]}
    saved.clear()
    try:
        client.put(f"/v1/performances/{abroad}/price", json=cents)
    except Exception:
        pass  # told by another question
    result["refused"] = [*saved]
"""


def handed(box: Sandbox) -> dict[str, Any]:
    """What each route hands to the service, and what is saved: [by the service, its kind]."""
    amount, currency = random.randint(10, 99) * 100, random.choice(["JPY", "CHF"])
    found: dict[str, Any] = box.evaluate(HANDED, amount=amount, currency=currency)
    return found


@PRICE.item(1, "Both routes hand the service `Money` and leave the saving to it.")
def leave_it_to_the_service(box: Sandbox) -> None:
    found = handed(box)
    for version in ("v1", "v2"):
        saved, prices = found[version]["saved"], found[version]["prices"]
        kinds = sorted({kind for _, kind in saved})
        refused = found["refused"] if version == "v1" else []
        require(
            all(through_service for through_service, _ in [*saved, *refused]),
            expected=f"/{version}: the service saves",
            got=f"/{version}: the route saves by itself",
            why="Then the next rule about prices must be written twice. Call "
            "`performances.reprice_performance` and answer with what it gives back.",
            where=f"the route of /{version}",
        )
        require(
            kinds != [],
            expected=f"/{version}: the new price is saved",
            got=f"/{version}: nothing is saved",
            why="Who saves it? Is `await store.performances.save(changed)` in the service?",
            where="services/performances.py",
        )
        require(
            kinds == ["Money"],
            expected=f"/{version}: a price of type `Money` is stored",
            got=f"/{version}: {', '.join(f'`{kind}`' for kind in kinds)}",
            why="The store keeps `Money`, not what a client sent: the words of one version do not "
            "belong there. `to_money()` turns them.",
            where=f"the route of /{version}",
        )
        strange = sorted({kind for kind in prices if kind != "Money"})
        require(
            strange == [],
            expected=f"/{version}: the service gets `Money`",
            got=f"/{version}: it gets {', '.join(f'`{kind}`' for kind in strange)}",
            why="Each route turns its own words into `Money`. A service that guesses what it got "
            "has to know every version.",
            where=f"the route of /{version}",
        )


# --- 3: write ---------------------------------------------------------------------------------

TIGHT = exercise(
    "ch01.tightened",
    lesson="1.4",
    kind="write",
    title="The gate learns about limits",
    answers=("compatibility.py::tightened",),
    hints=(
        "Take one keyword, `maximum`, and write down the cases: it falls, it rises, it stays, it "
        "is new, it is gone. In which of the five is something refused that was taken before? "
        "Then think what changes for `minimum`.",
        "A limit that is missing means *no limit*. It does not mean 0. So look for missing ones "
        "first: if `now` has none, nothing got tighter. If only `was` has none, it did. Only "
        "then compare two numbers.",
        "Mind the zero. `if was.get(word)` is false when the limit is missing *and* when it is "
        "0. Ask `word in was`, or `is None`. At the end, sort the words.",
        "    found = []\n"
        '    for word in ("maximum", "maxLength", "minimum", "minLength"):\n'
        "        before, after = was.get(word), now.get(word)\n"
        "        if after is None:\n"
        "            continue\n"
        '        lower = word.startswith("max")\n'
        "        if before is None or (after < before if lower else after > before):\n"
        "            found.append(word)\n"
        "    return sorted(found)",
    ),
)
FAR = 10**20
"""Beyond what anyone takes for a number that stands for no limit."""
IN_PLAY = 'lesson 1.4, "Break it on purpose": lower a limit'


def tightened(box: Sandbox, was: dict[str, object], now: dict[str, object]) -> list[str]:
    kind: dict[str, object] = {"type": "integer"}
    called = box.attempt("boxoffice.compatibility:tightened", kind | was, kind | now)
    if called.error:
        if called.error == "KeyError":
            why = "A limit may be missing, and then `[…]` fails. Ask with `.get(…)` or `in`."
        elif "NoneType" in called.message:
            why = "`None` says that there is no limit. It cannot be compared: ask for it first."
        else:
            why = "The call stopped with an error. Try it with these two schemas."
        stopped = "\n".join(called.lines[-2:]) or called.error
        raise NotYet("a list of keywords", f"an error {case(was, now)}\n{stopped}", why, IN_PLAY)
    found = called.value
    if not isinstance(found, list):
        raise NotYet(
            "a list of keywords",
            repr(found),
            "The function gave nothing back: is a `return` missing? `found.sort()` gives None, "
            "too; `sorted(found)` gives the list."
            if found is None
            else "The gate writes a sentence for each keyword, so it needs their names, not a yes.",
            IN_PLAY,
        )
    return [str(word) for word in found]


def case(was: dict[str, object], now: dict[str, object]) -> str:
    return f"for {was or 'no limit'} before and {now or 'no limit'} now"


@TIGHT.item(2, "A `maximum` that falls is tighter, and so is a `minimum` that rises.")
def numbers(box: Sandbox) -> None:
    low, high = random.randint(2, 40), random.randint(50, 90)
    down = tightened(box, {"maximum": high}, {"maximum": low})
    up = tightened(box, {"minimum": low}, {"minimum": high})
    back = tightened(box, {"maximum": low}, {"maximum": high})
    require(
        not (down == [] and back == ["maximum"]),
        expected=f"['maximum'] {case({'maximum': high}, {'maximum': low})}",
        got="[], and it comes for the way back",
        why="The direction is turned round. Which numbers were taken before and are refused now?",
        where=IN_PLAY,
    )
    require(
        down == ["maximum"],
        expected=f"['maximum'] {case({'maximum': high}, {'maximum': low})}",
        got=str(down),
        why=f"A client may still send {high}, as it always did. Now it is refused.",
        where=IN_PLAY,
    )
    require(
        up == ["minimum"],
        expected=f"['minimum'] {case({'minimum': low}, {'minimum': high})}",
        got=str(up),
        why=f"A client may still send {low}, as it always did. A `minimum` works the other way "
        "from a `maximum`: the higher, the tighter.",
        where=IN_PLAY,
    )
    was, now = {"type": "number", "maximum": 1.9}, {"type": "number", "maximum": 1.2}
    found = tightened(box, was, now)
    require(
        found == ["maximum"],
        expected=f"['maximum'] {case(was, now)}",
        got=str(found),
        why="A limit may have a fraction. Compare the numbers as they are.",
        where=IN_PLAY,
    )


@TIGHT.item(2, "A limit where there was none is tighter, even a `minimum` of 0.")
def where_none_was(box: Sandbox) -> None:
    for word in ("maximum", "minimum", "maxLength", "minLength"):
        now: dict[str, object] = {word: random.randint(3, 30)}
        found = tightened(box, {}, now)
        require(
            found == [word],
            expected=f"['{word}'] {case({}, now)}",
            got=str(found),
            why="Texts have limits, too: the same rule is for `maxLength` and `minLength`."
            if word.endswith("Length")
            else "A missing limit means that anything goes. It does not mean 0, and it is not "
            "the same as the new one.",
            where=IN_PLAY,
        )
    for word in ("minimum", "maximum"):
        found = tightened(box, {}, {word: 0})
        require(
            found == [word],
            expected=f"['{word}'] {case({}, {word: 0})}",
            got=str(found),
            why="0 is a limit like any other. But Python counts it as false, so `if limit` and "
            "`limit or …` pass over it; and `.get(…, 0)` cannot tell it from none.",
            where=IN_PLAY,
        )
    for word, far in (("minimum", -FAR), ("maximum", FAR), ("maxLength", FAR)):
        found = tightened(box, {}, {word: far})
        require(
            found == [word],
            expected=f"['{word}'] {case({}, {word: far})}",
            got=str(found),
            why="A number of your own cannot stand for *no limit*: a limit may lie beyond it. Ask "
            "whether the limit is there.",
            where=IN_PLAY,
        )
    found = tightened(box, {"minimum": 0}, {"minimum": 5})
    require(
        found == ["minimum"],
        expected=f"['minimum'] {case({'minimum': 0}, {'minimum': 5})}",
        got=str(found),
        why="0 is a limit like any other, also on the side of before.",
        where=IN_PLAY,
    )


@TIGHT.item(2, "A limit that is wider, the same or gone is not tighter.")
def not_tighter(box: Sandbox) -> None:
    limit = random.randint(10, 60)
    for word in ("maximum", "minimum", "maxLength", "minLength"):
        wider = limit + 5 if word.startswith("max") else limit - 5
        for after in ({word: limit}, {word: wider}, {}):
            was: dict[str, object] = {word: limit}
            now: dict[str, object] = dict(after)
            found = tightened(box, was, now)
            if now == {}:
                why = "Without the limit all is taken that was taken before, and more."
            elif now == was:
                why = "Nothing has changed, so nothing is refused that was taken before."
            else:
                why = "All that was taken before is still taken. A gate that cries for nothing "
                why += "is soon switched off."
            require(
                found == [], expected=f"[] {case(was, now)}", got=str(found), why=why, where=IN_PLAY
            )
    zero = tightened(box, {"minimum": 0}, {"minimum": -limit})
    require(
        zero == [],
        expected=f"[] {case({'minimum': 0}, {'minimum': -limit})}",
        got=str(zero),
        why="0 is a limit like any other, and less than 0 is wider. `not before` takes 0 for "
        "*no limit*.",
        where=IN_PLAY,
    )


@TIGHT.item(1, "The same holds for texts, by `maxLength` and `minLength`.")
def lengths(box: Sandbox) -> None:
    low, high = random.randint(2, 9), random.randint(20, 90)
    for word, before, after in (("maxLength", high, low), ("minLength", low, high)):
        was: dict[str, object] = {word: before}
        now: dict[str, object] = {word: after}
        found = tightened(box, was, now)
        require(
            found == [word],
            expected=f"['{word}'] {case(was, now)}",
            got=str(found),
            why="A title that fits today must fit tomorrow.",
            where="`title` of `ShowIn` has such limits",
        )


UNTOUCHED = """
from copy import deepcopy

from boxoffice.compatibility import tightened

schemas = {"was": was, "now": now}
before = deepcopy(schemas)
tightened(was, now)
result = {name: repr(schema) for name, schema in schemas.items() if schema != before[name]}
"""


@TIGHT.item(
    1,
    "All keywords that got tighter come back in one sorted list, and both schemas stay as they "
    "are.",
)
def sorted_list(box: Sandbox) -> None:
    was: dict[str, object] = {"minimum": 1, "maximum": 90, "minLength": 1, "maxLength": 90}
    now: dict[str, object] = {"minimum": 5, "maximum": 50, "minLength": 5, "maxLength": 50}
    goal = sorted(now)
    found = tightened(box, was, now)
    missing = [word for word in goal if word not in found]
    require(
        len(found) != 1,
        expected=str(goal),
        got=str(found),
        why="All four got tighter. A `return` ends the function, here at the first one.",
        where=IN_PLAY,
    )
    require(
        sorted(found) == goal,
        expected=str(goal),
        got=str(found),
        why=f"All four got tighter. Missing: {', '.join(missing)}."
        if missing
        else "Each keyword comes once, and no others.",
        where=IN_PLAY,
    )
    require(
        found == goal,
        expected=str(goal),
        got=str(found),
        why="The words are right. Sort them, so that a report is the same on each run.",
        where=IN_PLAY,
    )
    one: dict[str, object] = {"type": "integer", "minimum": 1}
    other: dict[str, object] = {"type": "integer", "maximum": 9}
    for before, after in ((one, other), (one | other, one | {"maximum": 5})):
        for name, schema in box.evaluate(UNTOUCHED, was=before, now=after).items():
            raise NotYet(
                f"`{name}` stays {before if name == 'was' else after}",
                f"after the call it is {schema}",
                "The gate reads on in these documents. `.get(…)` asks without writing; "
                "`setdefault`, `pop` and `[…] =` change them.",
                IN_PLAY,
            )


# --- 4: stretch -------------------------------------------------------------------------------

LIGHTS = exercise(
    "ch01.lights_out",
    lesson="1.4",
    kind="stretch",
    title="Lights out",
    answers=("middleware/deprecation.py::Deprecation",),
    hints=(
        "Begin with `__call__` of the lesson: it is right until the sunset. Put one question "
        "into it: is it later than `self.sunset_at`? Where must it stand, so that late callers "
        "are counted and get the three headers?",
        "Starlette can answer from inside a middleware. A response object is a small app of its "
        "own: `await JSONResponse({…}, 410)(scope, receive, send)`. So you choose which app to "
        "call: the real one, or this response.",
        "Both of them send through `send_with_dates`, and that puts the headers on. And ask "
        "`self.clock()` inside `serve`. In `__init__` it would be asked once, when the "
        "server starts. The types of the lesson's `__call__`, such as `Message`, are imported.",
        '    if scope["type"] != "http" or not scope["path"].startswith("/v1/"):\n'
        "        await self.app(scope, receive, send)\n"
        "        return\n"
        "    self.callers.count(read_client(scope))\n"
        '    successor = scope["raw_path"].replace(b"/v1/", b"/v2/", 1)\n'
        '    link = b"<" + successor + b\'>; rel="successor-version"\'\n\n'
        "    async def send_with_dates(message: Message) -> None:\n"
        '        if message["type"] == "http.response.start":\n'
        '            message["headers"] += [*self.headers, (b"link", link)]\n'
        "        await send(message)\n\n"
        "    app = self.app\n"
        "    if self.clock() >= self.sunset_at:\n"
        '        body = {"code": "version_gone", "detail": "Version 1 has ended. Use /v2."}\n'
        "        app = JSONResponse(body, 410)\n"
        "    await app(scope, receive, send_with_dates)",
    ),
)

SERVE = """
errors = []


def watched(app):
    async def call(scope, receive, send):
        try:
            await app(scope, receive, send)
        except Exception as error:
            errors.append(error)
            raise

    return call


def get(client, path, **named):
    answer = client.get(path, **named)
    if answer.status_code == 500 and errors:
        raise errors[-1]
    return answer
"""
AT_NIGHT = """
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from fastapi.testclient import TestClient

from boxoffice.app import create_app
from boxoffice.settings import Settings

sunset = datetime.now(UTC) + timedelta(days=days)
app = create_app(Settings(v1_sunset_at=sunset))
found = []
with TestClient(watched(app), raise_server_exceptions=False) as client:
    for path in paths:
        agent = "till/2.1" if path.startswith("/v1/") else "app/9.0"
        answer = get(client, path, headers={"User-Agent": agent})
        try:
            body = answer.json()
        except ValueError:
            body = None
        headers = {name.lower(): value for name, value in answer.headers.items()}
        found.append({"path": path, "status": answer.status_code, "body": body, "headers": headers})
callers, ends = dict(app.state.callers.counts), format_datetime(sunset, usegmt=True)
result = {"answers": found, "callers": callers, "sunset": ends}
"""
DELETED = """
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

from boxoffice.app import create_app
from boxoffice.settings import Settings

settings = Settings(v1_sunset_at=datetime.now(UTC) - timedelta(days=5))
with TestClient(watched(create_app(settings)), raise_server_exceptions=False) as client:
    rows = client.app_state["store"].performances.rows
    one = next(iter(rows))
    status = client.delete(f"/v1/performances/{one}").status_code
    result = [status, one in rows]
"""
IN_MIDDLEWARE = "`Deprecation` in middleware/deprecation.py"


class Visit(NamedTuple):
    """What came of some requests, each answer with `path`, `status`, `body` and `headers`."""

    answers: list[dict[str, Any]]
    callers: dict[str, int]
    """Who was counted."""
    sunset: str
    """The moment as an HTTP date."""


def visit(box: Sandbox, days: int, *paths: str) -> Visit:
    """GET each path at a Box Office whose sunset is so many days away (negative: over).

    The till asks for /v1, the app for all else.
    """
    found = Visit(**served(box, AT_NIGHT, days=days, paths=paths))
    for answer in found.answers:
        require(
            answer["status"] != 500 or answer["headers"] != {},
            expected=f"an answer to {answer['path']}",
            got="nothing was sent",
            why="One way through your code ends and nobody has answered. A response that is only "
            "made, or returned, is never sent: `await response(scope, receive, send)`.",
            where=IN_MIDDLEWARE,
        )
    return found


def served(box: Sandbox, code: str, **names: object) -> Any:
    """What `code` finds; where the middleware raises, its error with a why."""
    try:
        return box.evaluate(SERVE + code, **names)
    except NotYet as problem:
        if "'path'" in problem.got or "'raw_path'" in problem.got or "'headers'" in problem.got:
            why = "The server calls the middleware also when it starts. That scope has no path and "
            why += "no headers: ask for its type first."
        elif re.search("'(function|method)'", problem.got):
            why = "The clock is a function. Call it: `self.clock()`."
        elif "offset-naive" in problem.got:
            why = "One of the two times has no zone. `self.clock()` has one, and so has the sunset."
        elif re.search("Error: .*bytes|'str' object has no attribute 'decode'", problem.got):
            why = 'What goes through `send` has its headers as bytes: `b"…"`, or `.encode()` '
            why += "behind a text. `JSONResponse(headers=…)` takes texts."
        elif "NoneType" in problem.got and "subscriptable" in problem.got:
            why = "The server could not start. What is no request goes on to `self.app`, and "
            why += "the start of the server is such a call."
        else:
            why = problem.why or "Your code stopped with an error; look at that first."
        raise NotYet(problem.expected, problem.got, why, IN_MIDDLEWARE) from None


def told(answer: dict[str, Any]) -> str:
    return f"{answer['path']}: {answer['status']}, {str(answer['body'])[:80]}"


@LIGHTS.item(
    2,
    "After the sunset every path of `/v1` answers 410 with the code `version_gone` and a `detail`.",
)
def gone(box: Sandbox) -> None:
    days = -random.randint(1, 300)
    answers, *_ = visit(box, days, "/v1/shows", f"/v1/shows/{NOBODY}", "/v1/performances")
    some_end = any(answer["status"] == 410 for answer in answers)
    for answer in answers:
        goal = f"{answer['path']}: 410 with the code `version_gone` and a `detail`"
        require(
            answer["status"] != 200 or "sunset" in answer["headers"],
            expected=goal,
            got=told(answer),
            why="The app answered, and without one header of yours. Is `raise "
            "NotImplementedError()` still in `serve`? Then `__call__` passes every call on.",
            where=IN_MIDDLEWARE,
        )
        require(
            answer["status"] == 410 or not some_end,
            expected=goal,
            got=told(answer),
            why="Others end, and here the route still answered. Every path of `/v1` has to end, "
            "whatever stands behind it.",
            where=IN_MIDDLEWARE,
        )
        require(
            answer["status"] == 410,
            expected=goal,
            got=told(answer),
            why="410 says *gone, on purpose, for good*. A client can tell it from a typing "
            "error, which is 404.",
            where="RFC 9110 §15.5.11",
        )
        body = answer["body"] if isinstance(answer["body"], dict) else {}
        require(
            body.get("code") != "http_error",
            expected=goal,
            got=told(answer),
            why="An `HTTPException` is the framework's word, so it gets the code `http_error`. "
            "And raised in a middleware it flies past your headers. Send a response from here.",
            where=IN_MIDDLEWARE,
        )
        require(
            body.get("code") == "version_gone" and bool(body.get("detail")),
            expected=goal,
            got=told(answer),
            why="Every refusal of Box Office is JSON: a code for programs, a sentence for people.",
            where="lesson 1.2, and `ErrorOut` in api/describe.py",
        )
    status, is_there = served(box, DELETED)
    require(
        status == 410,
        expected="a DELETE to `/v1` after the sunset: 410",
        got=f"{status}, while a GET gets 410",
        why="Every call of `/v1` has to end, whatever its method.",
        where=IN_MIDDLEWARE,
    )
    require(
        is_there,
        expected="after the sunset a DELETE to `/v1` changes nothing",
        got="it is answered, and the performance is deleted all the same",
        why="A function goes on after it has sent a response. What may no longer be reached, it "
        "must not call.",
        where=IN_MIDDLEWARE,
    )


@LIGHTS.item(2, "Before it `/v1` works as in the lesson, and `/v2` and `/health` know no sunset.")
def the_rest_goes_on(box: Sandbox) -> None:
    (answer, other), callers, _ = visit(box, random.randint(1, 300), "/v1/venues", "/v2/venues")
    require(
        answer["status"] == 200,
        expected="/v1/venues: 200",
        got=told(answer),
        why="The sunset is still to come. Until then `/v1` is deprecated, and works.",
        where=IN_MIDDLEWARE,
    )
    missing = sorted({"deprecation", "sunset", "link"} - set(answer["headers"]))
    require(
        missing == [],
        expected="`Deprecation`, `Sunset` and `Link`",
        got=f"no {', '.join(missing)}",
        why="The warning must not get lost: `send_with_dates` puts it on each answer.",
        where=IN_MIDDLEWARE,
    )
    lost = sorted(set(other["headers"]) - set(answer["headers"]))
    require(
        lost == [],
        expected="on `/v1/venues` all headers that `/v2/venues` has, and the three beside them",
        got=f"no {', '.join(lost)}",
        why='`message["headers"] = […]` throws away what the route has said, as the kind of its '
        "content. `+=` adds to it.",
        where=IN_MIDDLEWARE,
    )

    answers, *_ = visit(box, -5, "/v2/venues", "/health", "/v2/v1/venues")
    for answer in answers:
        status = 404 if answer["path"].startswith("/v2/v1") else 200
        require(
            answer["status"] == status and "sunset" not in answer["headers"],
            expected=f"{answer['path']}: {status}, without `Sunset`",
            got=told(answer),
            why="Only `/v1` ends. Look at how the path begins before you look at the clock.",
            where=IN_MIDDLEWARE,
        )
    require(
        callers == {"till": 1},
        expected="{'till': 1} after a call of the till to /v1 and one of the app to /v2",
        got=str(callers),
        why="Callers of `/v1` are counted from its first day, as in the lesson, and no others.",
        where=IN_MIDDLEWARE,
    )


@LIGHTS.item(
    3, "The 410 still carries `Sunset` and the `Link` to the way out, and late callers are counted."
)
def way_out(box: Sandbox) -> None:
    paths = {f"/v1/{path}": f"</v2/{path}>" for path in ("venues", f"shows/{NOBODY}")}
    answers, callers, ends = visit(box, -random.randint(1, 300), *paths)
    for answer in answers:
        require(
            answer["status"] == 410,
            expected="410 after the sunset",
            got=told(answer),
            why="First the lights must go out at all.",
            where=IN_MIDDLEWARE,
        )
        missing = sorted({"sunset", "link"} - set(answer["headers"]))
        require(
            missing == [],
            expected="`Sunset` and `Link` on the 410",
            got=f"no {', '.join(missing)}",
            why="Whoever comes now needs the way out most. Which `send` puts the headers on?",
            where=IN_MIDDLEWARE,
        )
        sunset, link = answer["headers"]["sunset"], answer["headers"]["link"]
        require(
            sunset == ends,
            expected=f"`Sunset: {ends}`",
            got=f"`Sunset: {sunset}`",
            why="The 410 carries the same date as every answer before it, once and as an HTTP "
            "date. `self.headers` holds it ready.",
            where=IN_MIDDLEWARE,
        )
        goal = paths[answer["path"]]
        require(
            goal in link and "successor-version" in link,
            expected=f'{goal}; rel="successor-version", for {answer["path"]}',
            got=link,
            why="The link names the same thing under `/v2`, for each path its own.",
            where=IN_MIDDLEWARE,
        )
        require(
            link.count("<") == 1,
            expected=f'one link: {goal}; rel="successor-version", for {answer["path"]}',
            got=link,
            why="The links of earlier calls are on it, too. `self.headers` is one list for all "
            "calls, so do not append to it: make a new one, `[*self.headers, …]`.",
            where=IN_MIDDLEWARE,
        )
    require(
        callers == {"till": 2},
        expected="{'till': 2} after two calls of the till",
        got=str(callers),
        why="These are the very people that you must write to. Count once, and before you "
        "answer 410.",
        where=IN_MIDDLEWARE,
    )


WITH_A_CLOCK = """
from datetime import UTC, datetime, timedelta, timezone

from fastapi.testclient import TestClient

from boxoffice.app import create_app
from boxoffice.middleware.deprecation import Deprecation
from boxoffice.settings import Settings

SUNSET = datetime(2041, 3, 1, hour, 20, tzinfo=timezone(timedelta(hours=zone)))
now = [(SUNSET - timedelta(hours=2)).astimezone(UTC)]
asked = []


def clock():
    asked.append(now[0])
    return now[0]


app = create_app(Settings(v1_sunset_at=SUNSET))
for middleware in app.user_middleware:
    if middleware.cls is Deprecation:
        middleware.kwargs["clock"] = clock
found = []
with TestClient(watched(app), raise_server_exceptions=False) as client:
    for hours in (-1, 1, 2):
        now[0] = (SUNSET + timedelta(hours=hours)).astimezone(UTC)
        found.append(get(client, "/v1/venues").status_code)
result = [found, len(asked)]
"""


@LIGHTS.item(2, "The clock is asked at each request, so nobody has to restart the server.")
def asks_each_time(box: Sandbox) -> None:
    found, asked = served(box, WITH_A_CLOCK, hour=random.randint(12, 15), zone=0)
    require(
        500 not in found,
        expected="200 one hour before the sunset, 410 one hour after it and later",
        got=", ".join(map(str, found)),
        why="500 is here what the caller gets when nothing is sent. Who answers before the "
        "sunset, and who after it?",
        where=IN_MIDDLEWARE,
    )
    require(
        found != [410, 410, 410],
        expected="200 one hour before the sunset, then 410 one hour after it",
        got="410 one hour before it",
        why="The sunset is a moment, not a day. `.date()` drops the hours: compare the two times "
        "whole.",
        where=IN_MIDDLEWARE,
    )
    require(
        found != [200, 200, 200],
        expected="200 one hour before the sunset, then 410 one hour after it",
        got=f"{found[0]}, then {found[1]}",
        why="The sunset is a moment, not a day. Compare the two times whole, as they are."
        if asked >= len(found)
        else "Is the clock asked in `__init__`, or not at all? A server may run for weeks, and "
        "`__init__` runs once.",
        where=IN_MIDDLEWARE,
    )
    require(
        found == [200, 410, 410],
        expected="200 one hour before the sunset, 410 one hour after it and later",
        got=", ".join(map(str, found)),
        why="Only the clock that `__init__` got may decide: a test can turn it, and not the "
        "computer's own. And is it later, or earlier?",
        where=IN_MIDDLEWARE,
    )
    for zone in (9, -7):
        found, _ = served(box, WITH_A_CLOCK, hour=12, zone=zone)
        require(
            found == [200, 410, 410],
            expected=f"the same for a sunset at 12:20 in a zone of {zone:+} hours",
            got=", ".join(map(str, found)),
            why="The setting takes any zone, and the clock tells UTC. Compare the two times as "
            "they are: Python turns the zones. Without its zone, or as a text, a time is another.",
            where=IN_MIDDLEWARE,
        )
