"""Checks of lesson 1.2's exercises: a rule, a leak, a version, a bookmark."""

from __future__ import annotations

import json
import random
from base64 import urlsafe_b64encode
from typing import Any
from uuid import uuid4

import httpx

from coursekit.checks import NotYet, Sandbox, exercise, require

# --- 1: complete ------------------------------------------------------------------------------

MOVE = exercise(
    "ch01.move_performance",
    lesson="1.2",
    kind="complete",
    title="A free evening",
    answers=("services/performances.py::move_performance",),
    hints=(
        "Three things are missing: the moved performance, the question whether it clashes, and "
        "the refusal. Stored rows are frozen, so the moved one is a copy with two other "
        "fields. Which two? `refuse_clash` in the same file asks a question much like yours; the "
        "lesson shows it at the head of step 7.",
        "`refuse_clash` looks at every performance of the venue. The one you are moving is still "
        "among them, at its old time. If it may overlap itself, it can never move by half an "
        "hour. So your loop must pass over one row: the one with the same id.",
        "Make the copy with `replace(performance, starts_at=…, ends_at=…)`. Then go through "
        '`await store.performances.select(where={"venue_id": …})`. Raise before anything is '
        "saved: the line below your part saves, and it must not be reached when the venue is "
        "busy.",
        "    moved = replace(performance, starts_at=starts_at, ends_at=starts_at + lasts)\n"
        '    for other in await store.performances.select(where={"venue_id": moved.venue_id}):\n'
        "        if other.id == moved.id:\n"
        "            continue\n"
        "        if other.starts_at < moved.ends_at and moved.starts_at < other.ends_at:\n"
        "            raise VenueBusy(moved.venue_id)",
    ),
)

MOVED = """
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from starlette.exceptions import HTTPException

from boxoffice.errors import BoxOfficeError
from boxoffice.models.memory import MemoryStore
from boxoffice.models.performance import Performance
from boxoffice.models.show import Genre, Show
from boxoffice.services.performances import move_performance

MIDNIGHT = datetime(2030, 6, 1, tzinfo=UTC)
VENUES = [uuid4(), uuid4()]


def hours(moment):
    return (moment - MIDNIGHT) / timedelta(hours=1)


async def go():
    store = MemoryStore()
    select = store.performances.select

    async def copies(**how):  # as a database gives them: equal, but not the same objects
        return [replace(row) for row in await select(**how)]

    store.performances.select = copies
    shows = [Show(id=uuid4(), title="Hamlet", genre=Genre.PLAY, duration_minutes=77)]
    shows += [replace(shows[0], id=shows[0].id if same_show else uuid4()) for _ in rows]
    ids = sorted(uuid4() for _ in rows)  # its own row is the first that a loop meets
    for id, show, (venue, begins, lasts) in zip(ids, shows, rows):
        await store.shows.save(show)
        await store.performances.save(
            Performance(
                id=id, show_id=show.id, venue_id=VENUES[venue], price_cents=4500,
                starts_at=MIDNIGHT + timedelta(hours=begins),
                ends_at=MIDNIGHT + timedelta(hours=begins + lasts),
            )
        )
    found = {"end": "moved", "returned": None, "kept": None}
    try:
        moved = await move_performance(
            store, performance_id=ids[0], starts_at=MIDNIGHT + timedelta(hours=to)
        )
        if isinstance(moved, Exception):
            found["end"] = "returned"
        for name in ("starts_at", "ends_at") if isinstance(moved, Performance) else ():
            if not isinstance(getattr(moved, name), datetime):
                return {"field": name, "kind": type(getattr(moved, name)).__name__}
        if isinstance(moved, Performance):
            found["returned"] = [hours(moved.starts_at), hours(moved.ends_at)]
    except (BoxOfficeError, HTTPException) as error:
        found["end"] = type(error).__name__
    except FrozenInstanceError as error:
        found["frozen"] = str(error)
    kept = await store.performances.get(ids[0])
    if kept is not None:
        found["kept"] = [hours(kept.starts_at), hours(kept.ends_at)]
    found["more"] = len(await select(where={})) - len(rows)
    return found


result = go()
"""
RULE_HOME = "`refuse_clash` in services/performances.py: lesson 1.2, the head of step 7"
COPY = "the copy that you make with `replace`"
OLD_ROW = "What is saved is `moved`, so `moved` must be the copy with the new times."


def move(
    box: Sandbox, rows: list[list[float]], to: float, *, same_show: bool = False
) -> dict[str, Any]:
    """Move the first of `rows` (venue, hour it begins, hours it lasts) to the hour `to`."""
    found: dict[str, Any] = box.evaluate(MOVED, rows=rows, to=to, same_show=same_show)
    require(
        "frozen" not in found,
        expected="a changed copy of the performance",
        got=f"`FrozenInstanceError`: {found.get('frozen')}",
        why="Stored rows are frozen; copy with `replace`.",
        where="lesson 1.2, `replace_show` in step 3",
    )
    require(
        "field" not in found,
        expected="`starts_at` and `ends_at` to be moments (`datetime`)",
        got=f"`{found.get('field')}` is a `{found.get('kind')}`",
        why="`lasts` is a length, and `ends_at` is a moment: the one at which that length is over.",
        where=COPY,
    )
    return found


def at(hour: float) -> str:
    """An hour of the day as people write it: 21.5 is 21:30."""
    days, minutes = divmod(round(hour * 60), 24 * 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (" on another day" if days else "")


def clock(hours: list[float] | None) -> str:
    return "nothing" if hours is None else f"{at(hours[0])} to {at(hours[1])}"


def came(found: dict[str, Any], was: list[float] | None = None) -> str:
    """What came of a move; `was` is when it stood before."""
    if found["end"] != "moved":
        return f"`{found['end']}`"
    return "nothing is raised, and it stays as it was" if found["kept"] == was else "it moves"


@MOVE.item(2, "The performance begins at the new time and lasts as long as before.")
def moves(box: Sandbox) -> None:
    lasts, to = random.choice([2, 2.5, 3]), random.randint(10, 15)
    found = move(box, [[0, 3, lasts]], to)
    goal = [to, to + lasts]
    require(
        found["end"] == "moved",
        expected="the performance moves, as nothing else is on",
        got=came(found),
        why="With one performance in the house, nobody can be in its way but itself.",
        where=RULE_HOME,
    )
    require(
        found["more"] <= 0,
        expected=f"the performance at {clock(goal)}",
        got=f"{found['more'] + 1} performances: the old one, and a new one",
        why="The id must stay, or it is another performance. `replace` keeps what you do not name.",
        where=COPY,
    )
    require(
        found["kept"] != [3, 3 + lasts],
        expected=f"stored: {clock(goal)}",
        got=f"stored: {clock(found['kept'])}, as before",
        why=OLD_ROW,
        where=COPY,
    )
    require(
        found["kept"] is None or found["kept"][1] != 3 + lasts,
        expected=f"stored: {clock(goal)}",
        got=f"stored: {clock(found['kept'])}",
        why="The end must move with the beginning. Otherwise the venue is busy at the old time.",
        where="the line with `lasts`, above your part",
    )
    require(
        found["kept"] == goal and found["returned"] == goal,
        expected=f"stored and returned: {clock(goal)}",
        got=f"stored: {clock(found['kept'])}, returned: {clock(found['returned'])}",
        why="`starts_at` is the new beginning, and `lasts` says how long it plays.",
        where="the two lines below your part save and return `moved`",
    )


@MOVE.item(2, "If the venue is busy then, `VenueBusy` is raised and nothing changes.")
def busy(box: Sandbox) -> None:
    begins = random.randint(10, 13)
    # the other plays for 2 hours; ours for 3: with it, at its head, at its tail, all around it
    overlaps = [(1, begins), (1, begins - 2), (1, begins + 1), (1, begins - 0.5), (20, begins - 1)]
    found = [move(box, [[0, was, 3], [0, begins, 2]], to) for was, to in overlaps]
    require(
        any(one["end"] != "moved" for one in found) or found[-1]["kept"] == [20, 23],
        expected=f"`VenueBusy`: {clock([begins, begins + 2])} is taken",
        got=f"{came(found[0])}, whatever the time",
        why="The venue is busy, and nobody found out. Is every row of it asked (`continue` passes "
        "over one row, `break` ends the loop), and with the times of `moved`?",
        where=RULE_HOME,
    )
    for (was, to), one in zip(overlaps, found, strict=True):
        refused(one, begins, was, to)
    refused(
        move(box, [[0, 1, 3], [0, begins, 2]], begins + 1, same_show=True), begins, 1, begins + 1,
        "Two evenings of one show clash like any others. The row to pass over is the one with "
        "the same id.",
    )  # fmt: skip
    refused(
        move(box, [[0, begins - 3.5, 3], [0, begins, 2]], begins - 2.5),
        begins, begins - 3.5, begins - 2.5,
        "By a short move it overlaps its own old time, and another one's as well. Pass over the "
        "one row with the same id, and ask all others.",
    )  # fmt: skip
    elsewhere: list[list[float]] = [[1, 5 + number / 10, 0.05] for number in range(25)]
    refused(
        move(box, [[0, 1, 3], *elsewhere, [0, begins, 2]], begins), begins, 1, begins,
        "In a house with many performances one is in the way, and nobody asked it. A page has 20 "
        "of them; `store.performances.select` gives every row of the venue.",
    )  # fmt: skip
    refused(
        move(box, [[0, 1, 3], [0, 23, 2]], 24.5), 23, 1, 24.5,
        "An evening may go on past midnight. Whether two overlap is a question of moments: the "
        "day does not matter.",
    )  # fmt: skip


def refused(found: dict[str, Any], begins: float, was: float, to: float, why: str = "") -> None:
    """The move from `was` to `to` (3 hours) met one that plays from `begins` on, for 2 hours."""
    if found["kept"] == [to, was + 3] and was < to:
        return  # An end that stays is the first item's; another round asks again.
    require(
        found["end"] != "returned",
        expected="`VenueBusy` is raised",
        got="an error is returned, as if it were the result",
        why="`return` hands it to the caller like any other value, and nobody is refused. `raise` "
        "stops here.",
        where=RULE_HOME,
    )
    require(
        found["end"] != "HTTPException",
        expected="`VenueBusy`",
        got="an `HTTPException`",
        why="A service knows no HTTP: a night job may call it as well. It states the fact, "
        "and the handler in api/errors.py finds the status.",
        where="lesson 1.2, step 3",
    )
    require(
        found["kept"] is not None,
        expected="the performance stays at its old time",
        got="it is gone from the store",
        why="You took it out of the store to look past it, and the refusal came before it "
        "was back. A refusal must leave everything as it was.",
        where=RULE_HOME,
    )
    require(
        found["end"] != "VenueBusy" or found["kept"] == [was, was + 3],
        expected=f"refused, and still {clock([was, was + 3])}",
        got=f"refused, but stored as {clock(found['kept'])}",
        why="It was saved before the question was asked. Decide first, then save.",
        where="the lines below your part save; raise before they are reached",
    )
    require(
        found["end"] == "VenueBusy",
        expected=f"`VenueBusy`: {clock([begins, begins + 2])} is taken, "
        f"{clock([to, to + 3])} asked",
        got=came(found, [was, was + 3]),
        why=why
        or "Two performances overlap when each begins before the other ends. To compare "
        "only the beginnings misses the one that is still playing.",
        where=RULE_HOME,
    )


@MOVE.item(2, "A performance does not stand in its own way: it may move by half an hour.")
def own_way(box: Sandbox) -> None:
    begins, by = random.randint(8, 14), random.choice([0.5, -0.5, 1])
    found = move(box, [[0, begins, 3], [0, begins + 8, 2]], begins + by)
    require(
        found["end"] != "VenueBusy",
        expected=f"it moves from {at(begins)} to {at(begins + by)}",
        got="`VenueBusy`, though the venue is free",
        why="The row that is in the way is the performance itself, still stored at its old time. "
        "Pass over the row with the same id. (Where `and` and `or` meet, brackets say what "
        "belongs together.)",
        where=RULE_HOME,
    )
    require(
        found["kept"] != [begins, begins + 3],
        expected=f"stored: from {at(begins + by)} on",
        got=f"stored: {clock(found['kept'])}, as before",
        why=OLD_ROW,
        where=COPY,
    )
    require(  # When it ends is the first item's.
        found["kept"] is not None and found["kept"][0] == begins + by,
        expected=f"stored: from {at(begins + by)} on",
        got=f"stored: {clock(found['kept'])}",
        where=COPY,
    )


@MOVE.item(1, "Another venue does not matter, and one may begin in the minute when another ends.")
def neighbours(box: Sandbox) -> None:
    begins = random.randint(10, 13)
    elsewhere = move(box, [[0, 1, 3], [1, begins, 2]], begins)
    require(
        elsewhere["end"] == "moved",
        expected="it moves: the other performance is in another house",
        got=came(elsewhere),
        why="Two venues may play at the same time. Ask only for the rows of this venue.",
        where='`select(where={"venue_id": …})`',
    )
    for to in (begins + 2, begins - 3):
        touching = move(box, [[0, 1, 3], [0, begins, 2]], to)
        require(
            touching["end"] == "moved",
            expected=f"it moves: {clock([to, to + 3])} only touches {clock([begins, begins + 2])}",
            got=came(touching),
            why="`ends_at` is the first moment that is free again. So compare with `<`, not `<=`.",
            where=RULE_HOME,
        )


# --- 2: mend ----------------------------------------------------------------------------------

SHOWN = exercise(
    "ch01.show_played",
    lesson="1.2",
    kind="mend",
    title="A route that tells too much",
    answers=("api/performances.py::read_show_played",),
    hints=(
        "Look at the two answers of the broken route again. In the first, two fields are there "
        "that no client should see. In the second, the status line says 200 OK for something "
        "that does not exist. Both have one cause each.",
        "Do not name what must stay inside; name what may leave. Step 1 made a class for that. "
        "And do not ask the store yourself: the services know how to say that a performance is "
        "not there. You need not catch what they raise.",
        "Three lines: `performances.find_performance(…)`, then `shows.find_show(…)`, then "
        "`ShowOut.model_validate(…)`. The first one raises `PerformanceNotFound`, and the one "
        "handler answers 404 with the code.",
        "    performance = await performances.find_performance(\n"
        "        store, performance_id=performance_id\n"
        "    )\n"
        "    show = await shows.find_show(store, show_id=performance.show_id)\n"
        "    return ShowOut.model_validate(show)",
    ),
)
PUBLIC = {"id", "title", "genre", "duration_minutes"}
TAKEN_AWAY = (
    "Taking a secret away is not enough: the next field that someone adds leaks again. "
    "Say what may leave, not what may not."
)


def new_show(box: Sandbox, minutes: int = 0) -> httpx.Response:
    new = {
        "title": f"Play {random.randint(1000, 9999)}",
        "genre": random.choice(["play", "opera", "dance"]),
        "duration_minutes": minutes or random.randint(60, 180),
    }
    created = box.api.post("/v1/shows", json=new)
    require(
        created.status_code == 201,
        expected="POST /v1/shows still answers 201",
        got=box.said(created),
        why="Your cell changed more of the file than it should.",
    )
    return created


def played(box: Sandbox) -> tuple[dict[str, Any], httpx.Response]:
    """A show, and the answer for a performance of it (some answer, if only there is a route)."""
    performances = box.json(box.api.get("/v1/performances"), "items", list)
    one = random.choice(performances)
    show = box.json(box.api.get(f"/v1/shows/{one['show_id']}"), "", dict)
    answer = box.api.get(f"/v1/performances/{one['id']}/show")
    require(
        answer.status_code != 405,
        expected="an answer to GET",
        got=box.said(answer),
        why="Something has this URL, but it does not take GET. Is it `@router.get(…)`?",
        where="the first lines of the broken route",
    )
    require(
        answer.status_code != 404 or box.json(answer, "code", str) != "http_error",
        expected="an answer from your route",
        got=box.said(answer),
        why="No route has this URL. Is `@router.get(…)` still the line above your function?",
        where="the first lines of the broken route",
    )
    return show, answer


@SHOWN.item(1, "It answers with the show that is played: id, title, genre and duration.")
def four_fields(box: Sandbox) -> None:
    show, answer = played(box)
    wanted = f"200 and the show {show['title']!r} with its four public fields"
    require(
        answer.text.strip() != "null",
        expected=wanted,
        got=box.said(answer),
        why="Your function gave nothing back: is `return` missing?",
        where="the last line of your route",
    )
    require(
        answer.status_code != 404,
        expected=wanted,
        got=box.said(answer),
        why="The id in the URL is the performance's. The show that is played is "
        "`performance.show_id`.",
        where="the call of `find_show`",
    )
    require(
        answer.status_code != 500 or "for ShowOut" not in " ".join(box.crash()),
        expected=wanted,
        got=box.said(answer),
        why="`ShowOut` takes the four fields of a show. You gave it something else than a show.",
        where="`ShowOut.model_validate(…)`",
    )
    body = box.json(answer, "", dict)
    require(
        answer.status_code == 200 and {name: body.get(name) for name in PUBLIC} == show,
        expected=wanted,
        got=box.said(answer),
        why="It should say the same as `GET /v1/shows/{show_id}` for the show that is played, "
        "with the fields at the top of the body.",
        where="`ShowOut` in api/schemas/show.py",
    )
    require(
        set(found_in_a_full_house(box)) >= PUBLIC,
        expected="the show that is played, in a house with 60 shows and 60 performances",
        got="another answer",
        why="It was looked for in a list, and a list comes in pages: here it stands on the second. "
        "Ask for the one row by its id.",
        where="`find_performance` and `find_show` in services/",
    )


FULL = """
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import uuid4

import httpx

from boxoffice.app import create_app
from boxoffice.models.show import Show


@dataclass(frozen=True, kw_only=True)
class Tomorrow(Show):
    __module__ = "boxoffice.models.show"
    contract: str = "secret"  # a field that a later version adds


async def go():
    app = create_app()
    async with app.router.lifespan_context(app) as state:
        store = state["store"]
        one = (await store.performances.select(where={}))[0]
        show = await store.shows.get(one.show_id)
        played = Tomorrow(**{**asdict(show), "id": uuid4(), "title": "Zauberflöte"})
        await store.shows.save(played)
        last = replace(one, id=uuid4(), show_id=played.id, starts_at=one.starts_at + timedelta(900))
        await store.performances.save(last)
        for number in range(60):
            title = f"Aida {number}"
            await store.shows.save(replace(show, id=uuid4(), title=title))
            early = one.starts_at - timedelta(number)
            await store.performances.save(replace(one, id=uuid4(), starts_at=early))

        async def inside(scope, receive, send):
            await app({**scope, "state": dict(state)}, receive, send)

        transport = httpx.ASGITransport(inside, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
            answer = await client.get(f"/v1/performances/{last.id}/show")
        body = answer.json() if "json" in answer.headers.get("content-type", "") else None
        return body if isinstance(body, dict) else {}


result = go()
"""


def found_in_a_full_house(box: Sandbox) -> dict[str, Any]:
    """The answer for a performance behind the first page, of a show that has one field more."""
    body: dict[str, Any] = box.evaluate(FULL)
    return body


@SHOWN.item(2, "Nothing else leaves the house.")
def nothing_else(box: Sandbox) -> None:
    _, answer = played(box)
    require(
        answer.status_code == 200,
        expected="200 OK",
        got=box.said(answer),
        where="the first item of this check",
    )
    body = box.json(answer, "", dict)
    require(
        set(body) & PUBLIC or len(body) != 1,
        expected="the fields of the show at the top of the body",
        got=f"`{next(iter(body), '')}` alone",
        where="the first item of this check",
    )
    more = sorted(set(body) - PUBLIC)
    require(
        "internal_notes" not in answer.text and "Producer" not in answer.text,
        expected="the four public fields alone",
        got="the office's notes are in the body",
        why="What the route returns is the stored show, with all that is stored. Return a shape "
        "made for clients instead.",
        where="lesson 1.2, step 1, and OWASP API3:2023",
    )
    require(
        not more,
        expected="the four public fields alone",
        got=f"also: {', '.join(more)}",
        why=TAKEN_AWAY,
        where="lesson 1.2, step 1, and OWASP API3:2023",
    )
    later = sorted(set(found_in_a_full_house(box)) - PUBLIC)
    require(
        "contract" not in later,
        expected="the four public fields alone, also when a show gets a new one: `contract`",
        got="also: contract",
        why=TAKEN_AWAY,
        where="lesson 1.2, step 1, and OWASP API3:2023",
    )


@SHOWN.item(2, "A performance that does not exist is 404 with the code `performance_not_found`.")
def not_there(box: Sandbox) -> None:
    played(box)
    answer = box.api.get(f"/v1/performances/{uuid4()}/show")
    status, code = answer.status_code, "performance_not_found"
    where = "lesson 1.2, the table in step 3"
    require(
        status != 200,
        expected=f"404 with the code `{code}`",
        got=box.said(answer),
        why="200 means: here is what you asked for. A client, a cache and a monitor read the "
        "status and believe it; none of them reads your sentence.",
        where=where,
    )
    require(
        status not in (401, 403),
        expected=f"404 with the code `{code}`",
        got=box.said(answer),
        why="403 says that it is there, but not for you. Here nothing is there, for anyone.",
        where=where,
    )
    require(
        status not in (400, 409, 422),
        expected=f"404 with the code `{code}`",
        got=box.said(answer),
        why="The request is well formed and nothing stands against it. There is nothing behind "
        "this id, and 404 says that.",
        where=where,
    )
    require(
        status < 500,
        expected=f"404 with the code `{code}`",
        got=box.said(answer),
        why="Your route went on with `None` in its hands."
        if "NoneType" in " ".join(box.crash())
        else "A 500 says that the server broke; here the client asked for what is not there.",
        where=where,
    )
    body = answer.json() if "json" in answer.headers.get("content-type", "") else None
    require(
        status == 404 and isinstance(body, dict) and body.get("code") == code,
        expected=f"404 with the code `{code}`",
        got=box.said(answer),
        why="The number is right, but a client looks for the code too. Let the service raise its "
        "fact; the one handler answers in the same form as everywhere in Box Office.",
        where="`find_performance` in services/performances.py",
    )


# --- 3: write ---------------------------------------------------------------------------------

DELETE = exercise(
    "ch01.delete_seen",
    lesson="1.2",
    kind="write",
    title="Delete only what you have seen",
    answers=("services/shows.py::delete_show", "api/shows.py::delete_show"),
    hints=(
        "You have seen this once: `replace_show` refuses an old version in step 6. The route "
        "there turns a header into a number, and the service compares numbers. Here the route "
        "is the same, and at the end of the service something goes instead of changing.",
        "The service asks three questions, in this order. Is the show there? Is it still the "
        "version that was seen? Is it free of performances? Each has an error of its own, and "
        "`find_show` answers the first. Only after all three does anything leave the store.",
        "`version` is a whole number or `None`. `None` comes from `If-Match: *` and fits every "
        "version, so compare with `version not in (None, show.version)`. The route passes the "
        "version on and decides nothing.",
        "    show = await find_show(store, show_id=show_id)\n"
        "    if version not in (None, show.version):\n"
        "        raise ShowChanged(show_id)\n"
        '    if await store.performances.select(where={"show_id": show_id}, limit=1):\n'
        "        raise ShowHasPerformances(show_id)\n"
        "    await store.shows.remove(show_id)\n"
        "\n"
        "And in the route: `await shows.delete_show(store, show_id=show_id, version=version)`.",
    ),
)


def fresh_show(box: Sandbox, changes: int) -> tuple[str, list[str]]:
    """The path of a new show that was changed so many times, and all its tags in order."""
    created = new_show(box)
    path = created.headers["Location"]
    tags = [created.headers["ETag"]]
    body = {"title": created.json()["title"], "genre": "play", "duration_minutes": 90}
    for _ in range(changes):
        changed = box.api.put(path, json=body, headers={"If-Match": tags[-1]})
        require(
            changed.status_code == 200,
            expected="PUT with a fresh If-Match still answers 200",
            got=box.said(changed),
            why="Your cell changed more of the file than it should.",
        )
        tags.append(changed.headers["ETag"])
    return path, tags


def there(box: Sandbox, path: str) -> bool:
    return box.api.get(path).status_code == 200


@DELETE.item(
    3, "With its current ETag as `If-Match`, or with `*`, a show is deleted: 204, then 404."
)
def fresh(box: Sandbox) -> None:
    path, tags = fresh_show(box, random.randint(0, 3))
    answer = box.api.delete(path, headers={"If-Match": tags[-1]})
    require(
        answer.status_code != 412,
        expected="204 No Content",
        got=box.said(answer),
        why="The version is current, and yet it was taken for an old one. Are a number and a "
        "text compared? `1` and `'1'` are not equal.",
        where="lesson 1.2, step 6",
    )
    require(
        answer.status_code == 204,
        expected="204 No Content",
        got=box.said(answer),
        where="lesson 1.2, step 6",
    )
    require(
        not there(box, path),
        expected="the show is gone after a 204",
        got="GET still finds it",
        why="204 promises that it was done. The last line of the service should remove it.",
        where="`store.shows.remove`",
    )
    path, _ = fresh_show(box, random.randint(0, 2))
    answer = box.api.delete(path, headers={"If-Match": "*"})
    require(
        answer.status_code < 500,
        expected="204 No Content",
        got=box.said(answer),
        where="`read_if_match` in api/etags.py",
    )
    require(
        answer.status_code != 428,
        expected="204 No Content",
        got=box.said(answer),
        why="`None` is the star: any version. A missing header never comes this far, `SeenVersion` "
        "refuses it before your code begins.",
        where="`read_if_match` in api/etags.py",
    )
    require(
        answer.status_code == 204 and not there(box, path),
        expected="204 No Content, and the show is gone",
        got=box.said(answer),
        why="A star means: whatever version is there. It reaches the service as `None`, which "
        "equals no number, so it needs a place in your comparison.",
        where="`read_if_match` in api/etags.py, RFC 9110 §13.1.1",
    )


@DELETE.item(
    3, "An older ETag is 412 `show_changed`, none at all 428 `version_required`; the show stays."
)
def old(box: Sandbox) -> None:
    path, tags = fresh_show(box, random.randint(1, 3))
    answer = box.api.delete(path, headers={"If-Match": random.choice(tags[:-1])})
    if answer.status_code == 204:
        ends = service_ends(box)
        asks = set(ends.values()) == {"ShowChanged"}
        raise NotYet(
            "412 with the code `show_changed`",
            f"{box.said(answer)}{'; the show stays' if there(box, path) else ''}",
            "Your service refuses such a version. The route does not ask it, or hands on another "
            "one."
            if asks
            else "Nobody is told that the version is old: raise `ShowChanged`."
            if "nothing" in " ".join(ends.values())
            else "The show was changed after this client had read it, and now the change is gone "
            "too. Compare the version that was seen with the stored one.",
            "`delete_show` in api/shows.py" if asks else "lesson 1.2, step 6",
        )
    require(
        answer.status_code != 409,
        expected="412 with the code `show_changed`",
        got=box.said(answer),
        why="409 says that the state of things is against it. Here a condition that the client "
        "sent does not hold, and that is 412. `ShowChanged` knows its number.",
        where="lesson 1.2, the table in step 3",
    )
    require(
        there(box, path),
        expected="a refused show stays",
        got="the show is gone all the same",
        why="It was removed before the question was asked. Decide first, then remove.",
        where="the order of the lines in your service",
    )
    require(
        answer.status_code == 412 and box.json(answer, "code", str) == "show_changed",
        expected="412 with the code `show_changed`",
        got=box.said(answer),
        why="A service states the fact: `ShowChanged`. The one handler knows its status and code.",
        where="lesson 1.2, step 6",
    )
    path, _ = fresh_show(box, 1)
    strange = box.api.delete(path, headers={"If-Match": random.choice(('"0"', '"of-old"'))})
    require(
        strange.status_code == 412 and there(box, path),
        expected="412 for an ETag that Box Office never gave, and the show stays",
        got=box.said(strange),
        why="Such a tag comes as version 0, and no show ever has that. Does an `if version` stand "
        "before the comparison? To Python 0 is as good as no; only `None` means `*`.",
        where="`NO_VERSION` and `read_if_match` in api/etags.py",
    )
    answer = box.api.delete(path)
    require(
        answer.status_code == 428 and box.json(answer, "code", str) == "version_required",
        expected="428 with the code `version_required`",
        got=box.said(answer),
        why="A client that names no version may hold an old one, and nobody can tell. "
        "`SeenVersion` refuses it before your route begins.",
        where="`SeenVersion` in api/etags.py",
    )
    require(
        there(box, path),
        expected="a refused show stays",
        got="the show is gone all the same",
        where="the order of the lines in your service",
    )


@DELETE.item(2, "The old rules stand: 409 for a show with performances, 404 for an unknown one.")
def old_rules(box: Sandbox) -> None:
    code = "show_has_performances"
    before = box.json(box.api.get("/v1/performances"), "items", list)
    staged = [one["show_id"] for one in before]
    first, another = staged[0], next(show for show in staged if show != staged[0])
    seen = box.api.get(f"/v1/shows/{first}").headers.get("ETag", "*")
    for show, tag in ((first, seen), (first, "*"), (another, "*")):
        path = f"/v1/shows/{show}"
        was = box.api.get(path)
        answer = box.api.delete(path, headers={"If-Match": tag})
        require(
            there(box, path),
            expected=f"409 with the code `{code}`, and the show stays",
            got=f"{answer.status_code} for `If-Match: {tag}`, and the show is gone",
            why="A star means any version, not any show: the old rule stands for it too."
            if tag == "*" and show == first
            else "Someone may hold a seat for this evening. The old rule was lost when the new one "
            "came; a show with performances cannot be deleted.",
            where="`delete_show` as it was at the end of the lesson",
        )
        require(
            answer.status_code == 409 and box.json(answer, "code", str) == code,
            expected=f"409 with the code `{code}`",
            got=box.said(answer),
            where="lesson 1.2, the table in step 3",
        )
        now = box.json(box.api.get("/v1/performances"), "items", list)
        require(
            now == before and box.api.get(path).headers.get("ETag") == was.headers.get("ETag"),
            expected="409, and show and performances as before",
            got=f"409, and {len(now)} of {len(before)} performances"
            if len(now) != len(before)
            else "409, and the show has another version",
            why="A refusal must leave everything as it was: ask first, change last.",
            where="the order of the lines in your service",
        )
    for tag in ('"1"', "*"):
        unknown = box.api.delete(f"/v1/shows/{uuid4()}", headers={"If-Match": tag})
        require(
            unknown.status_code == 404 and box.json(unknown, "code", str) == "show_not_found",
            expected=f"404 with the code `show_not_found` for an id that nobody has, with `{tag}`",
            got=box.said(unknown),
            why="Ask first whether the show is there, whatever the version. `find_show` asks, and "
            "raises if it is not.",
            where="`find_show` in services/shows.py",
        )


SERVICE = """
from dataclasses import replace

from boxoffice.errors import BoxOfficeError
from boxoffice.models.memory import MemoryStore
from boxoffice.models.show import Genre
from boxoffice.services.shows import create_show, delete_show


async def attempt(step):
    store = MemoryStore()
    show = await create_show(store, title="Lulu", genre=Genre.OPERA, duration_minutes=minutes)
    show = replace(show, version=3)
    await store.shows.save(show)
    try:
        await delete_show(store, show_id=show.id, version=show.version + step)
    except BoxOfficeError as error:
        return type(error).__name__
    except Exception as error:
        if type(error).__name__ == "HTTPException":
            return "HTTPException"
        raise
    return "deleted" if await store.shows.get(show.id) is None else "nothing"


async def go():
    return {"below": await attempt(-1), "above": await attempt(1)}


result = go()
"""
ENDS = {
    "deleted": "the show is deleted",
    "nothing": "nothing is raised, and the show stays",
    "HTTPException": "an `HTTPException`",
}


def service_ends(box: Sandbox) -> dict[str, str]:
    """What the service makes of a version below and one above the current one."""
    ends: dict[str, str] = box.evaluate(SERVICE, minutes=random.randint(60, 180))
    return ends


@DELETE.item(
    1, "The service decides: called directly, it raises `ShowChanged` for another version."
)
def decides(box: Sandbox) -> None:
    ends = service_ends(box)
    wrong = [place for place, end in ends.items() if end != "ShowChanged"]
    if not wrong:
        return
    end = ends[wrong[0]]
    why = (
        "A rule in the route guards one door. A night job or GraphQL comes through another, "
        "straight to the service, so the rule belongs there."
    )
    if len(wrong) == 1:
        why = (
            f"An old version is refused, but a version {wrong[0]} the current one goes through. "
            "Any other version is another one: compare with `!=` or `not in`."
        )
    elif end == "nothing":
        why = "Nobody is told that nothing happened. Raise `ShowChanged`."
    raise NotYet(
        f"`delete_show(…)` raises `ShowChanged` for a version {wrong[0]} the current one",
        ENDS.get(end, f"`{end}`"),
        why,
        "lesson 1.2, steps 3 and 6",
    )


# --- 4: stretch -------------------------------------------------------------------------------

PAGES = exercise(
    "ch01.venue_pages",
    lesson="1.2",
    kind="stretch",
    title="Bookmarks that hold",
    answers=("services/venues.py::page_venues",),
    hints=(
        "What must a bookmark remember, so that it works when the bookmarked venue is gone? Not "
        "how many rows you have read, and not only its id. It must remember the place: the "
        "name, by which the list is sorted, and the id, which orders two venues of one name.",
        '`store.venues.select(where={}, sort="name", after=(name, venue_id), limit=…)` gives '
        "the rows past a place, even if no row stands there now. Ask for one more than `limit`: "
        "if it comes, there is a next page.",
        "To make the cursor: write the place as JSON, then `urlsafe_b64encode(…).decode()`. To "
        "read one: the same backwards, then `TypeAdapter(tuple[str, UUID]).validate_json(…)`. "
        "Whatever is wrong with the text comes as a `ValueError`; turn it into `CursorInvalid`.",
        "    after = None\n"
        "    if cursor is not None:\n"
        "        try:\n"
        "            text = urlsafe_b64decode(cursor)\n"
        "            after = TypeAdapter(tuple[str, UUID]).validate_json(text)\n"
        "        except ValueError as error:\n"
        "            raise CursorInvalid(cursor) from error\n"
        "    rows = await store.venues.select(\n"
        '        where={}, sort="name", after=after, limit=limit + 1\n'
        "    )\n"
        "    if len(rows) <= limit:\n"
        "        return Page(items=rows, next_cursor=None)\n"
        "    last = rows[limit - 1]\n"
        "    mark = urlsafe_b64encode(to_json([last.name, last.id])).decode()\n"
        "    return Page(items=rows[:limit], next_cursor=mark)",
    ),
)

PAGED = """
from importlib import reload
from uuid import uuid4

from boxoffice.errors import BoxOfficeError
from boxoffice.models.memory import MemoryStore
from boxoffice.models.venue import Venue
from boxoffice.services import venues
from boxoffice.services.venues import page_venues


async def go():
    global page_venues
    store, ids = MemoryStore(), {}
    for name in names:
        venue = Venue(id=uuid4(), name=name, city="Lisbon")
        ids.setdefault(name, venue.id)
        await store.venues.save(venue)
    pages, cursor, texts, seen = [], None, True, []
    while len(pages) <= len(names) + 3:
        try:
            page = await page_venues(store, cursor=cursor, limit=limit)
        except BoxOfficeError as error:
            name = type(error).__name__
            return {"refused": name, "error": f"`{name}`", "pages": pages}
        except Exception as error:
            if not any_error and not isinstance(error, IndexError):
                raise
            name, words = type(error).__name__, str(error)
            return {"refused": name, "error": f"{name}: {words}", "pages": pages}
        pages.append([venue.name for venue in page.items])
        seen += [venue.id for venue in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        texts = texts and isinstance(cursor, str)
        if len(pages) == 1:
            page_venues = reload(venues).page_venues  # what was only in memory is gone
            if tear_last:
                await store.venues.remove(page.items[-1].id)
            for name in removed:
                await store.venues.remove(ids[name])
            for name in added:
                await store.venues.save(Venue(id=uuid4(), name=name, city="Lisbon"))
    return {"pages": pages, "texts": texts, "once": len(set(seen)) == len(seen)}


result = go()
"""
NAMES = ["Arena", "Barn", "Chapel", "Dome", "Empire", "Forum", "Globe", "Hall", "Irving", "Jewel"]
WORDS = [*NAMES, "Kings", "Lyric", "Market", "National", "Opera", "Palace", "Queens", "Royal"]
SIGNS = "|,:;/-_.#~& '\"\\éŁ"
"""What a name may hold, and a cursor may use to part it from the id."""
PLACE = "lesson 1.2, step 5, and services/paging.py"


SLIPS = {
    "KeyError: 'name'": (
        "`SORT_VALUE` in services/paging.py knows no `name`, so the cursors of that file cannot "
        "serve here. Make and read one of your own."
    ),
    "'UUID' and 'str'": (
        "The id came back as text, and the rows have a `UUID`. Read it as one: "
        "`TypeAdapter(tuple[str, UUID])`."
    ),
    "'str' and 'UUID'": (
        "The id came back as text, and the rows have a `UUID`. Read it as one: "
        "`TypeAdapter(tuple[str, UUID])`."
    ),
}
"""What is to be said of errors whose own words say little."""


def read_pages(box: Sandbox, names: list[str], limit: int, **how: Any) -> dict[str, Any]:
    """All pages of venues with these names, and what an error stopped."""
    how = {"removed": [], "added": [], "any_error": False, "tear_last": False, **how}
    try:
        found: dict[str, Any] = box.evaluate(PAGED, names=names, limit=limit, **how)
    except NotYet as error:
        error.why = next((why for words, why in SLIPS.items() if words in error.got), error.why)
        raise
    return found


def pages(
    box: Sandbox, names: list[str], limit: int, removed: list[str], added: list[str], **how: Any
) -> dict[str, Any]:
    """The same; after page 1 some are removed and added. A cursor that is refused fails."""
    shuffled = random.sample(names, len(names))
    found = read_pages(box, shuffled, limit, removed=removed, added=added, **how)
    count = len(found["pages"])
    after = f"after {count} page{'s' if count != 1 else ''}"
    require(
        not names or found.get("refused") != "IndexError",
        expected="a page behind each cursor",
        got=f"`{found.get('error')}` {after}",
        why="Nothing was left for that page, and an empty list has no last row. Ask for one row "
        "more than `limit`: give a cursor only where it comes.",
        where=PLACE,
    )
    require(
        "refused" not in found or not removed,
        expected="your own cursor opens the next page",
        got=f"`{found.get('refused')}` {after}",
        why="The venue where your cursor stands was torn down meanwhile. A cursor that remembers "
        "the place, name and id, finds its way without the row.",
        where=PLACE,
    )
    require(
        "refused" not in found,
        expected="your own cursor opens the next page",
        got=f"`{found.get('refused')}` {after}",
        why="What you hand out, you must be able to read again, also after a restart: the place "
        "stands in the cursor itself, and nowhere else.",
        where=PLACE,
    )
    return found


def still(box: Sandbox, names: list[str], limit: int) -> None:
    """The pages of a list that does not move, before anything is said about one that does."""
    read = pages(box, names, limit, [], [])["pages"]
    goal = [names[start : start + limit] for start in range(0, len(names), limit)]
    require(
        read == goal,
        expected="pages that are right while the list stands still",
        got=" | ".join(", ".join(page) for page in read[:6]),
        why="Mend the first item first; then this one can be looked at.",
        where="the first item of this check",
    )


@PAGES.item(
    2, "Pages of at most `limit`, by name, are the whole list; the last has no cursor. "
    "No venues: one empty page."
)  # fmt: skip
def whole(box: Sandbox) -> None:
    limit = random.choice([2, 3])
    for count in (limit * 3 - 1, limit * 3):
        names = sorted(random.sample(NAMES, count))
        found = pages(box, names, limit, [], [])
        read = found["pages"]
        lost = [name for name in names if not any(name in page for page in read)]
        require(
            not lost,
            expected=f"pages of {limit} that together are {', '.join(names)}",
            got=f"{' | '.join(', '.join(page) for page in read[:6])}, without {', '.join(lost)}",
            why="Each page begins right after the last row of the page before, not one later, "
            "and goes on until there is nothing left.",
            where=PLACE,
        )
        most = max(len(page) for page in read)
        require(
            most < len(names),
            expected=f"at most {limit} venues on a page",
            got="all of them on one page",
            why="`limit` is not used yet.",
            where=PLACE,
        )
        require(
            most <= limit,
            expected=f"at most {limit} venues on a page",
            got=f"{most} on a page",
            why="The row that you asked for in addition only tells you that there is a next page. "
            "It belongs to that page, and the cursor must not pass over it.",
            where=PLACE,
        )
        require(
            not (read and read[-1] == [] and len(read) > 1),
            expected=f"{count} venues in pages of {limit}: 3 pages, the last one without a cursor",
            got=f"{len(read)} pages, the last one empty",
            why="A full page is not proof of a next one. Ask for one row more than you show.",
            where=PLACE,
        )
        require(
            [name for page in read for name in page] == names and len(read) == 3,
            expected=f"pages of {limit} that together are {', '.join(names)}",
            got=" | ".join(", ".join(page) for page in read[:6]) or "nothing",
            why="Each row stands on one page, in the order of the names.",
            where=PLACE,
        )
        require(
            found["texts"],
            expected="a cursor is text, for it travels in a URL",
            got="a cursor of another type",
            why="`.decode()` makes text of bytes.",
            where="the type of `next_cursor` in `Page`",
        )
    crowd = [f"{word} {number}" for word in WORDS for number in range(2)]
    read = pages(box, crowd, 30, [], [])["pages"]
    require(
        [len(page) for page in read] == [30, len(crowd) - 30],
        expected=f"{len(crowd)} venues in pages of 30: 30 and {len(crowd) - 30}",
        got=" and ".join(str(len(page)) for page in read),
        why="How many come is up to the caller: ask for one more than `limit`, whatever it is.",
        where=PLACE,
    )
    none = read_pages(box, [], limit)
    require(
        none.get("refused") != "IndexError",
        expected="no venues: one empty page",
        got="`IndexError`",
        why="You asked an empty page for its last row. Look for a last row only if there is a "
        "next page.",
        where=PLACE,
    )
    require(
        none["pages"] == [[]],
        expected="no venues: one empty page, without a cursor",
        got=f"{len(none['pages'])} pages" if none["pages"] else f"`{none.get('refused')}`",
        why="An empty list is a list too.",
        where=PLACE,
    )
    any_name(box)


def any_name(box: Sandbox) -> None:
    """Pages of one, of plain names and odd ones in turn: which bookmark does not hold?"""
    signs = random.sample(SIGNS, len(SIGNS))
    odd = [
        f"{word}{2 * sign}{random.choice(NAMES)}"
        for word, sign in zip(WORDS[:-1], signs, strict=True)
    ]
    odd += [f" {random.choice(NAMES)}", f"{random.choice(NAMES)} "]
    names = sorted([*WORDS, *odd])
    shuffled = random.sample(names, len(names))
    found = read_pages(box, shuffled, 1, any_error=True)
    read = [name for page in found["pages"] for name in page]
    if read == names and "refused" not in found:
        return
    plain = pages(box, WORDS, 1, [], [])["pages"]
    require(
        plain == [[word] for word in WORDS],
        expected="every venue once, in pages of 1",
        got=" | ".join(", ".join(page) for page in plain[:6]) or "nothing",
        why="Each row stands on one page, in the order of the names.",
        where=PLACE,
    )
    wrong = (n for n, one in enumerate(read) if [one] != names[n : n + 1])
    fine = min(next(wrong, len(read)), len(names) - 1)
    # The call that went wrong read the bookmark of one name and made that of the next.
    around = names[max(0, fine - 1) : fine + 1]
    why = (
        "A venue may be called anything, so a sign that has a task in your cursor can stand in a "
        "name too. Then what you read back is not what you put in. Find a form that keeps name "
        "and id apart, whatever is in them."
    )
    if any(name in odd and not name.isascii() for name in around):
        why = (
            "A venue may be called anything, in any language. Your cursor cannot take all the "
            "letters that names have. `utf-8` has a place for each."
        )
    raise NotYet(
        f"after the page that ends with `{names[fine - 1]}`: `{names[fine]}`",
        f"`{read[fine]}`" if fine < len(read) else found.get("error", "nothing"),
        why,
        "`encode_cursor` in services/paging.py",
    )


@PAGES.item(2, "If the last venue of a page is removed, the next page goes on behind its place.")
def bookmark_gone(box: Sandbox) -> None:
    names, limit = NAMES[: random.randint(7, 10)], random.choice([2, 3])
    still(box, names, limit)
    read = pages(box, names, limit, [names[limit - 1]], [])["pages"]
    second = read[1] if len(read) > 1 else []
    goal = names[limit : 2 * limit]
    require(
        second == goal,
        expected=f"page 2: {', '.join(goal)}",
        got=f"page 2: {', '.join(second) or 'nothing'}",
        why=f"{names[limit - 1]}, the last of page 1, is gone. If the cursor holds only its id, "
        "its place in the list is gone with it. Keep the name in the cursor too.",
        where=PLACE,
    )


@PAGES.item(2, "A venue added or removed in front of the reader moves nobody out of sight.")
def moving(box: Sandbox) -> None:
    names, limit = NAMES[: random.randint(7, 10)], random.choice([2, 3])
    goal = names[limit : 2 * limit]
    still(box, names, limit)
    for removed, added, what in (
        ([names[0]], [], f"{names[0]} was removed"),
        ([], ["Aardvark"], "Aardvark was added in front"),
    ):
        read = pages(box, names, limit, removed, added)["pages"]
        second = read[1] if len(read) > 1 else []
        require(
            second == goal,
            expected=f"page 2: {', '.join(goal)}",
            got=f"page 2: {', '.join(second) or 'nothing'}, after {what}",
            why="A cursor that counts rows is an offset in disguise: when the list moves, the "
            "count points to another row.",
            where=PLACE,
        )


@PAGES.item(2, "Two venues of the same name both come, each once.")
def twins(box: Sandbox) -> None:
    names = sorted([*NAMES[:4], *[random.choice(NAMES[1:3])] * 3])
    limit = random.choice([1, 2])
    still(box, NAMES[:6], limit)
    found = pages(box, names, limit, [], [])
    read = [name for page in found["pages"] for name in page]
    require(
        read == names and found["once"],
        expected=f"every venue once: {', '.join(names)}",
        got=", ".join(read[:12]) or "nothing",
        why="Several venues share a name here. Without the id as a tie-breaker the cursor cannot "
        "say which of them was read last.",
        where=PLACE,
    )
    names = sorted([*NAMES[:4], *[NAMES[1]] * 3])  # page 1 ends among those of one name
    found = pages(box, names, 3, [], [], tear_last=True)
    read = found["pages"]
    require(
        read[1:] == [names[3:6], names[6:]] and found["once"],
        expected=f"{', '.join(names[3:])} after {', '.join(names[:3])}",
        got=", ".join(name for page in read[1:] for name in page) or "nothing",
        why=f"The last {NAMES[1]} of page 1 was torn down, and more of that name are to come. Its "
        "place is its name and its id: the id says which of them come after it.",
        where=PLACE,
    )


REFUSED = """
from boxoffice.models.memory import MemoryStore
from boxoffice.services.venues import page_venues


async def go():
    ends = []
    for cursor in cursors:
        try:
            await page_venues(MemoryStore(), cursor=cursor, limit=2)
        except Exception as error:
            ends.append([cursor, type(error).__name__])
        else:
            ends.append([cursor, "no error"])
    return ends


result = go()
"""


@PAGES.item(1, "A cursor that this list never gave raises `CursorInvalid`.")
def made_up(box: Sandbox) -> None:
    foreign = [json.dumps([sort, "Hamlet", str(uuid4())]) for sort in ("title", "starts_at")]
    encoded = [urlsafe_b64encode(text.encode()).decode() for text in foreign]
    others = [*encoded, *(text.rstrip("=") for text in encoded)]
    made_up = ["", "x", "!!", "bnVsbA==", "WzEsMl0=", "W10=", "{}"]
    ends = box.evaluate(REFUSED, cursors=[*random.sample(made_up, len(made_up)), *others])
    for cursor, end in ends:
        require(
            end != "no error",
            expected=f"`CursorInvalid` for the cursor {cursor!r}",
            got="a page, as if nothing were wrong",
            why="It was made for another list (it is the shows' own), and its place means nothing "
            "here. What is not yours, refuse."
            if cursor in others
            else "A cursor comes back from outside. If a broken one counts as none, a client that "
            "cut it off by mistake starts again at page 1 and never ends.",
            where="`decode_cursor` in services/paging.py",
        )
        require(
            end == "CursorInvalid",
            expected=f"`CursorInvalid` for the cursor {cursor!r}",
            got=f"{end}",
            why="An error that you did not foresee ends as 500, as if Box Office were broken. It "
            "was the client's cursor, so say that.",
            where="`decode_cursor` in services/paging.py",
        )
