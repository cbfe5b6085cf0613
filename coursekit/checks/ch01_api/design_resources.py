"""Checks of lesson 1.1's exercises."""

import json
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import httpx

from coursekit.checks import NotYet, Sandbox, exercise, require

METHODS = "RFC 9110 §9.3, or lesson 1.1, 'Step 2: verbs'"
STATUSES = "RFC 9110 §15, or lesson 1.1, 'Step 1: nouns'"
PROMISES = "lesson 1.1, the table of promises"
CITIES = ("Lagos", "Oslo", "Lima", "Kyoto", "Porto", "Quito")
TITLES = ("Nabucco", "Medea", "Giselle", "Evita", "Faust", "Nora")
TEXT = "Is a text compared with a `UUID`? They are never equal."


def rows(box: Sandbox, path: str) -> list[dict[str, Any]]:
    """What a list holds now."""
    answer = box.api.get(path)
    has_an_id(box, answer, "200 OK and a list")
    return list(box.json(answer, "", list))


def others_stay(
    before: list[dict[str, Any]], after: list[dict[str, Any]], id: str, where: str
) -> None:
    """A change reaches the row of that id alone."""
    others = [one for one in before if one["id"] != id]
    same = [one for one in others if one in after]
    require(
        len(same) == len(others),
        expected=f"all others as they were: {len(others)} of {len(others)}",
        got=f"{len(same)} of {len(others)}",
        why="PUT is about the one thing that its URL names. Whoever sent it has not asked for a "
        "change of the others.",
        where=where,
    )


def broke(box: Sandbox, answer: httpx.Response) -> str:
    """The learner's lines of a 500; nothing where there was none."""
    return " ".join(box.crash()) if answer.status_code == 500 else ""


def has_error_inside(answer: httpx.Response) -> bool:
    words = answer.text.lower()
    return answer.is_success and any(word in words for word in ("error", "false", "no such"))


def has_an_id(box: Sandbox, answer: httpx.Response, expected: str) -> None:
    """What was sent, handed on as it came."""
    noun = "Venue" if "/venues" in str(answer.request.url) else "Show"
    require(
        ".id: Field required" not in broke(box, answer),
        expected=expected,
        got=box.said(answer),
        why=f"It gave a `{noun}In`, which is what was sent and has no id. Give a `{noun}`.",
        where="`create_show` in `services/shows.py` makes a `Show`",
    )


def worked(box: Sandbox, answer: httpx.Response, expected: str) -> None:
    """No 500. The judge adds the error, and says so where a cell is still to be written."""
    has_an_id(box, answer, expected)
    require(
        "it returned None" not in broke(box, answer),
        expected=expected,
        got=box.said(answer),
        why="It gave `None`. Is a `return` missing, in the route or in the service?",
    )
    require(
        answer.status_code != 500,
        expected=expected,
        got=box.said(answer),
        why="A 500 says that the server broke, and there is nothing that the client could mend.",
    )


def not_a_body(box: Sandbox, answer: httpx.Response, route: str, **named: object) -> None:
    """`return 404`, the most honest mistake: name it."""
    if answer.is_success or answer.status_code == 500:
        told = box.attempt(route, **named).value
        parts = told if isinstance(told, list) else [told]
        if isinstance(told, dict):
            parts = [*told.values()]
        require(
            not any(part in (404, "404") for part in parts),
            expected="404 Not Found",
            got=f"{box.said(answer)}; your route returned `{told}`",
            why="In FastAPI `return 404` gives a body, not a status. For the status: "
            "`raise HTTPException(404, …)`.",
            where="`read_show` in `api/shows.py` does it",
        )


# --- complete: cancel a performance -------------------------------------------------------

CANCELLED = exercise(
    "ch01.cancelled_performance",
    lesson="1.1",
    kind="complete",
    title="Cancel a performance",
    answers=("api/performances.py::delete_performance",),
    hints=(
        "The route stands already; its body is missing. Lesson 1.1 did the same for shows: look at "
        "`delete_show` in `api/shows.py`. Which two things can happen, and which status is each?",
        "Ask the service to delete, and `await` it. It gives you the performance that it removed, "
        "or `None` if there was none. Only the second case needs words from you: raise an "
        "`HTTPException` with status 404. For the first, `status_code=204` in the decorator "
        "already says all; return nothing.",
        "The body has two lines:\n\n"
        "    if await performances.delete_performance(performance_id=performance_id) is None:\n"
        '        raise HTTPException(404, "There is no such performance.")',
    ),
)


def delete(box: Sandbox, url: str) -> httpx.Response:
    answer = box.api.delete(url)
    require(
        answer.status_code != 405,
        expected="a route for `DELETE /v1/performances/{performance_id}`",
        got=box.said(answer),
        why="The URL names the performance, and the method is the verb. A verb in the path, or an "
        "id behind the `?`, is a URL that no client can guess.",
        where=METHODS,
    )
    return answer


def some_performance(box: Sandbox) -> str:
    return f"/v1/performances/{random.choice(rows(box, '/v1/performances'))['id']}"


@CANCELLED.item(1, "Cancelling answers `204 No Content`, with an empty body.")
def says_nothing(box: Sandbox) -> None:
    answer = delete(box, some_performance(box))
    worked(box, answer, "204 No Content, and no body")
    require(
        answer.status_code < 400,
        expected="204 No Content, and no body",
        got=box.said(answer),
        why="This one was there, as the list says. Is the condition the wrong way round?",
        where="`delete_performance` in `api/performances.py`",
    )
    require(
        answer.text != "null",
        expected="204 No Content, and no body",
        got=box.said(answer),
        why="To return nothing is right. The 204 comes from `status_code=204` in the decorator; "
        "without it FastAPI says 200, and sends `null`.",
        where="the line above `delete_performance` in `api/performances.py`",
    )
    require(
        answer.status_code == 204 and not answer.content,
        expected="204 No Content, and no body",
        got=box.said(answer),
        why="The status says that it worked. A body such as `ok: true` says it again, where only "
        "your own clients look.",
        where=STATUSES,
    )


@CANCELLED.item(1, "A cancelled performance is gone: reading it is `404`, and the others stay.")
def is_gone(box: Sandbox) -> None:
    url = some_performance(box)
    given = ("show_id", "venue_id", "starts_at", "price_cents")
    told = box.json(box.api.get(url), "", dict)
    box.api.post("/v1/performances", json={name: told[name] for name in given})  # its twin
    before = rows(box, "/v1/performances")
    worked(box, delete(box, url), "an answer to the DELETE")
    again = box.api.get(url)
    require(
        again.status_code == 404,
        expected="404 Not Found when it is read afterwards",
        got=box.said(again),
        why="The performance is still there. Is the service asked to delete it?",
        where="`delete_performance` in `api/performances.py`",
    )
    left = [one["id"] for one in rows(box, "/v1/performances")]
    wanted = [one["id"] for one in before if one["id"] not in url]
    require(
        left == wanted,
        expected=f"the other {len(wanted)} performances in the list",
        got=f"{len(left)} performances",
        why="Only the performance that the URL names may go, whatever another has in common "
        "with it.",
        where=METHODS,
    )


@CANCELLED.item(1, "Cancelling what is not there, or not there any more, answers `404`.")
def unknown_is_404(box: Sandbox) -> None:
    url = some_performance(box)
    delete(box, url)
    for target, what in (
        (url, "one cancelled before"),
        (f"/v1/performances/{uuid4()}", "a new id"),
    ):
        answer = delete(box, target)
        not_a_body(
            box,
            answer,
            "boxoffice.api.performances:delete_performance",
            performance_id=str(uuid4()),
        )
        require(
            not has_error_inside(answer),
            expected=f"404 Not Found for {what}",
            got=box.said(answer),
            why="This is 200 for everything: the bad news is inside, and the status says that all "
            "is well. Whoever reads the status alone believes it.",
            where=STATUSES,
        )
        require(
            answer.status_code != 204,
            expected=f"404 Not Found for {what}",
            got=box.said(answer),
            why="204 says that something was removed, and nothing was. Someone who mistyped the id "
            "never hears of it. It stays idempotent: that is about the state, not the reply.",
            where=PROMISES,
        )
        worked(box, answer, f"404 Not Found for {what}")
        require(
            answer.status_code == 404,
            expected=f"404 Not Found for {what}",
            got=box.said(answer),
            why="404 is the status for a URL that names nothing. Clients act on the number, so the "
            "nearest one is not near enough.",
            where=STATUSES,
        )


# --- mend: replace a venue ----------------------------------------------------------------

REPLACED = exercise(
    "ch01.replaced_venue",
    lesson="1.1",
    kind="mend",
    title="A venue that keeps its place",
    answers=("services/venues.py::replace_venue", "api/venues.py::replace_venue"),
    hints=(
        "Two things are broken. The service throws the venue away and makes another one, with "
        "another id; so every link to the old one is dead. The route says 200 whatever happens. "
        "Begin with the service.",
        "In the service: if the id is unknown, give back `None`. Else store a new `Venue` under "
        "*the same id* and give it back. `replace_show` in `services/shows.py` makes this move.",
        "In the route: the body is a `VenueIn`, so FastAPI refuses what does not fit. Ask the "
        "service, with `await`. `None` from it becomes a 404; else return the venue.",
        "The service:\n\n"
        "    if venue_id not in venues:\n"
        "        return None\n"
        "    venues[venue_id] = Venue(id=venue_id, **new.model_dump())\n"
        "    return venues[venue_id]\n\n"
        "The route:\n\n"
        "    venue = await venues.replace_venue(venue_id=venue_id, new=new)\n"
        "    if venue is None:\n"
        '        raise HTTPException(404, "There is no such venue.")\n'
        "    return venue",
    ),
)


def new_venue() -> dict[str, str]:
    return {"name": f"Stage {random.randint(10, 99)}", "city": random.choice(CITIES)}


WHERE_KEPT = """
from boxoffice.models.venue import VenueIn
from boxoffice.services import venues as service


async def keep():
    id = next(iter(service.venues))
    try:
        await service.replace_venue(venue_id=id, new=VenueIn(**new))
    except Exception:
        return False
    return id in service.venues and service.venues[id].model_dump(exclude={"id"}) == new


result = keep()
"""


def where_kept(box: Sandbox) -> str:
    """Where a change gets lost: in the route, if the service alone keeps it."""
    if box.evaluate(WHERE_KEPT, new=new_venue()):
        return "`api/venues.py`: does the route call the service?"
    return "`services/venues.py`"


def put_venue(
    box: Sandbox, venue_id: object, body: object, *, is_known: bool = True
) -> httpx.Response:
    answer = box.api.put(f"/v1/venues/{venue_id}", json=body)
    require(
        answer.status_code != 405,
        expected="a route for `PUT /v1/venues/{venue_id}`",
        got=box.said(answer),
        why="To replace a thing whose URL is known is PUT, and the URL has no verb in it. POST "
        "promises nothing: no client may send it again after a lost reply.",
        where=METHODS,
    )
    require(
        is_known or not any(word in broke(box, answer) for word in ("KeyError", "'NoneType'")),
        expected="404 Not Found",
        got=box.said(answer),
        why="The id is unknown, and your code went on. Give back `None` before you touch the "
        "venue.",
        where="`services/venues.py`",
    )
    if "ResponseValidationError" not in broke(box, answer):  # what was returned comes later
        worked(box, answer, "an answer of your route")
    return answer


@REPLACED.item(1, "`PUT /v1/venues/{venue_id}` answers `200` and the venue as it is now.")
def put_answers(box: Sandbox) -> None:
    venue, new = random.choice(rows(box, "/v1/venues")), new_venue()
    answer = put_venue(box, venue["id"], new)
    worked(box, answer, "200 OK, and the venue")
    require(
        answer.status_code != 404,
        expected="200 OK",
        got=box.said(answer),
        why=f"The venue was there, and your code did not find it. {TEXT} Or is a condition the "
        "wrong way round?",
        where="`services/venues.py`, then `api/venues.py`",
    )
    require(
        answer.status_code == 200,
        expected="200 OK",
        got=box.said(answer),
        why="The request was fine, and the venue was there.",
        where=STATUSES,
    )
    told = box.json(answer)
    require(
        isinstance(told, dict) and {"name", "city"} <= told.keys(),
        expected=f"the venue, with its name and city: {new}",
        got=box.said(answer),
        why="That it worked, the status says. The body is for the thing itself.",
        where=STATUSES,
    )
    stored = [one for one in rows(box, "/v1/venues") if one["id"] == venue["id"]]
    require(
        told != venue or stored != [venue | new],
        expected=f"both fields as they were sent: {new}",
        got=box.said(answer),
        why="It is stored rightly: whoever reads it now gets the new fields. Your answer is what "
        "was read before the change.",
        where="the `return` in `api/venues.py`, then in `services/venues.py`",
    )
    require(
        {"name": told["name"], "city": told["city"]} == new,
        expected=f"both fields as they were sent: {new}",
        got=box.said(answer),
        why="PUT replaces the whole. What was sent is what is there now.",
        where=METHODS,
    )


@REPLACED.item(
    2,
    "The venue keeps its id, the others stay as they are, and sending it twice leaves what "
    "sending it once does.",
)
def put_is_idempotent(box: Sandbox) -> None:
    before = rows(box, "/v1/venues")
    venue, new = random.choice(before), new_venue()
    put_venue(box, venue["id"], new)
    once = rows(box, "/v1/venues")
    require(
        venue["id"] in [one["id"] for one in once],
        expected="the same id as before in the list of venues",
        got="a venue with another id",
        why="The id is in every link to the venue: each performance names it. With a new id those "
        "links lead nowhere.",
        where="`services/venues.py`",
    )
    now = next(one for one in once if one["id"] == venue["id"])
    kept = {"name": now.get("name"), "city": now.get("city")}
    if kept != new:
        raise NotYet(
            f"the stored venue to be {new}",
            f"{kept}",
            "What the client hears and what the next reader sees must be one thing: the change "
            "has to be stored.",
            where_kept(box),
        )
    others_stay(before, once, venue["id"], "`services/venues.py`")
    put_venue(box, venue["id"], new)
    twice = rows(box, "/v1/venues")
    require(
        twice == once and len(once) == len(before),
        expected=f"{len(before)} venues, after one PUT and after two",
        got=f"{len(once)} after one, {len(twice)} after two",
        why="PUT is idempotent, so clients on a bad line will send it again.",
        where=PROMISES,
    )
    one_field_alone(box, venue["id"], new)


def one_field_alone(box: Sandbox, venue_id: str, now: dict[str, str]) -> None:
    """The same name in another city; then another venue of that name."""
    moved = now | {"city": f"{now['city']}-Sud"}
    put_venue(box, venue_id, moved)
    before = rows(box, "/v1/venues")
    kept = next((one for one in before if one["id"] == venue_id), {})
    require(
        kept == moved | {"id": venue_id},
        expected=f"the same name in another city: {moved}",
        got=str({name: kept.get(name) for name in moved}),
        why="PUT replaces the whole, also where only one field is another.",
        where="`services/venues.py`",
    )
    other = next((one["id"] for one in before if one["id"] != venue_id), "none")
    put_venue(box, other, moved)
    after = rows(box, "/v1/venues")
    namesake = next((one for one in after if one["id"] == other), {})
    require(
        namesake == moved | {"id": other},
        expected=f"another venue may have the same name: {moved}",
        got=str({name: namesake.get(name) for name in moved}),
        why="Only the id tells which venue is meant. Two houses can have one name.",
        where="`services/venues.py`",
    )
    others_stay(before, after, other, "`services/venues.py`")


@REPLACED.item(1, "An unknown venue is `404`, and none is made.")
def unknown_venue(box: Sandbox) -> None:
    before = rows(box, "/v1/venues")
    answer = put_venue(box, uuid4(), new_venue(), is_known=False)
    not_a_body(box, answer, "boxoffice.api.venues:replace_venue", venue_id=str(uuid4()), new=None)
    require(
        not has_error_inside(answer),
        expected="404 Not Found",
        got=box.said(answer),
        why="This is 200 for everything: the status says that all is well, and the body that it "
        "is not.",
        where=STATUSES,
    )
    after = rows(box, "/v1/venues")
    require(
        len(after) == len(before),
        expected=f"{len(before)} venues, as before",
        got=f"{len(after)} venues, and {box.said(answer)}",
        why="The task is to replace. An id that was never given out must not become a venue.",
        where="the task",
    )
    require(
        "it returned None" not in " ".join(box.crash()),
        expected="404 Not Found",
        got=box.said(answer),
        why="The service gave `None`, its word for an unknown id, and the route handed it on. The "
        "route has to ask for it, and raise the 404.",
        where="`read_show` in `api/shows.py` does it",
    )
    require(
        answer.status_code == 404,
        expected="404 Not Found",
        got=box.said(answer),
        why="404 is the status for a URL that names nothing.",
        where=STATUSES,
    )


@REPLACED.item(1, "A venue with an empty name is `422`, and nothing changes.")
def refused_venue(box: Sandbox) -> None:
    before = rows(box, "/v1/venues")
    answer = put_venue(box, before[0]["id"], new_venue() | {"name": ""})
    require(
        answer.status_code == 422,
        expected="422",
        got=box.said(answer),
        why="Let the route take a `VenueIn`: then FastAPI looks at each field before your function "
        "runs, and the client hears what does not fit.",
        where="`models/venue.py`, or lesson 1.1, 'Step 1: nouns'",
    )
    require(
        rows(box, "/v1/venues") == before,
        expected="the venues as they were",
        got=f"{rows(box, '/v1/venues')}",
        why="A refused request leaves no trace.",
        where=STATUSES,
    )
    put_venue(box, before[0]["id"], new_venue())


@REPLACED.item(1, "The path with the verb, `/v1/venues/{venue_id}/update`, is gone.")
def no_verb_in_path(box: Sandbox) -> None:
    venue = random.choice(rows(box, "/v1/venues"))
    for method in ("POST", "GET", "PUT"):
        answer = box.api.request(method, f"/v1/venues/{venue['id']}/update", json=new_venue())
        require(
            answer.status_code in (404, 405),
            expected=f"404 for {method} /v1/venues/…/update",
            got=box.said(answer),
            why="The verb is the method. A second URL with a verb in it does the same without the "
            "promises, and someone will use it.",
            where="lesson 1.1, 'Step 1: nouns'",
        )
    answer = box.api.put(f"/v1/venues/{venue['id']}", json=new_venue())
    worked(box, answer, "an answer under the path without a verb")


# --- write: find performances -------------------------------------------------------------

FOUND = exercise(
    "ch01.found_performances",
    lesson="1.1",
    kind="write",
    title="Find without nesting",
    answers=(
        "services/performances.py::list_performances",
        "api/performances.py::list_performances",
    ),
    hints=(
        "You do not need a new URL. `GET /v1/performances` takes one filter already, `show_id`. "
        "Where does it come from, and who uses it? Give `venue_id` the same way through both "
        "functions: the route reads it, the service decides.",
        "In the route, a parameter with a default is read from behind the `?`; with the type "
        "`UUID | None`, what is not an id is refused. Pass both on by keyword.",
        "In the service, a performance stays if the show fits *and* the venue fits. A filter that "
        "was not given fits everything: `venue_id in (None, one.venue_id)`.",
        "The service:\n\n"
        "    found = [\n"
        "        one\n"
        "        for one in performances.values()\n"
        "        if show_id in (None, one.show_id) and venue_id in (None, one.venue_id)\n"
        "    ]\n"
        "    return sorted(found, key=lambda performance: performance.starts_at)\n\n"
        "The route: `async def list_performances(show_id: UUID | None = None, venue_id: UUID | "
        "None = None)`, and `return await performances.list_performances(show_id=show_id, "
        "venue_id=venue_id)`.",
    ),
)


EMPTY = (
    "The list exists, even if it has no rows for a question: then it is empty. 404 would say that "
    "the URL is wrong, and clients would give up on it."
)
ORDER = (
    "A filter chooses rows; the order of the list stays: sorted by `starts_at`, the moment. As a "
    "text a time of another zone stands elsewhere."
)


ALL_OF_SERVICE = """
from boxoffice.services.performances import list_performances

result = list_performances()
"""


def more_performances(box: Sandbox) -> list[dict[str, Any]]:
    """A fuller season: every show at every venue, at each venue the latest first.

    At each venue one that is told in another zone comes just before another, and two performances
    of different shows begin together in two venues.
    """
    shows, venues = rows(box, "/v1/shows")[:3], rows(box, "/v1/venues")
    pairs = [(show["id"], venue["id"]) for show in shows for venue in venues]
    days = sorted(random.sample(range(1, 28), len(pairs)), reverse=True)
    plan = [(*pair, f"2031-02-{day:02}T19:00:00Z") for pair, day in zip(pairs, days, strict=True)]
    plan += [
        (show, venue, f"2031-02-{day + 1:02}T02:30:00+09:00")  # 17:30 in UTC, on the day before
        for (show, venue), day in zip(pairs[: len(venues)], days, strict=False)
    ]
    plan.append((pairs[len(venues)][0], pairs[1][1], plan[0][2]))
    made = []
    for show, venue, starts_at in plan:
        new = {
            "show_id": show,
            "venue_id": venue,
            "starts_at": starts_at,
            "price_cents": 100 * random.randint(1, 28),
        }
        answer = box.api.post("/v1/performances", json=new)
        require(
            answer.status_code == 201,
            expected="201 Created for a new performance",
            got=box.said(answer),
            why="Creating a performance worked before; leave it as it was.",
        )
        made.append(box.json(answer, "id"))
    every = whole_list(box)
    require(
        every or not box.evaluate(ALL_OF_SERVICE),
        expected="the whole list from /v1/performances, where no filter is given",
        got="an empty list, though your service gives all of them",
        why="The route takes them away again: a filter that is not given is `None`, which equals "
        "no id. The route passes the questions on, and the service chooses.",
        where="`list_performances` in `api/performances.py`",
    )
    require(
        len(every) > 0,
        expected="the whole list from /v1/performances, where no filter is given",
        got="an empty list",
        why="A filter that is not given fits everything. `one.show_id == show_id` alone fits "
        "nothing when `show_id` is `None`. Nor does `str(None)` equal anything.",
        where="`show_id in (None, one.show_id)` in the service as it was",
    )
    lost = len(set(made) - set(ids(every)))
    require(
        not lost or lost == len(made),
        expected="the whole list from /v1/performances, where no filter is given",
        got=f"{lost} of {len(made)} new performances are missing in it",
        why="Two may begin at the same moment, in two venues. Are they kept by their time, as in "
        "a dict? Then one takes the other's place.",
        where="`services/performances.py`",
    )
    return every


def listed(box: Sandbox, answer: httpx.Response) -> None:
    """No 500 of a list that was asked for."""
    require(
        "it returned None" not in broke(box, answer),
        expected="200 OK and a list",
        got=box.said(answer),
        why="It gave `None`. `.sort()` sorts in place and gives `None`; `sorted(…)` gives the "
        "list. Or is a `return` missing?",
        where="the last line of the service, then of the route",
    )
    require(
        "'<' not supported" not in broke(box, answer),
        expected="200 OK",
        got=box.said(answer),
        why="Python does not know which of two performances is the smaller. Tell `sorted` what to "
        "compare: `key=lambda one: one.starts_at`.",
        where="the last line of the service as it was",
    )
    worked(box, answer, "200 OK and a list")


def in_order(performances: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The earliest first; those that begin together as they come."""
    return sorted(performances, key=lambda one: datetime.fromisoformat(str(one["starts_at"])))


def dates(performances: list[dict[str, Any]]) -> str:
    return ", ".join(str(one["starts_at"]) for one in performances)


def whole_list(box: Sandbox) -> list[dict[str, Any]]:
    answer = box.api.get("/v1/performances")
    require(  # POST still has this path: only the learner's own code can say 404
        answer.status_code != 404,
        expected="the whole list from /v1/performances, where no filter is given",
        got=box.said(answer),
        why="Without a filter every performance fits, and your code answers 404. Does a filter "
        "that is `None` let every row in? And where nothing fits, the list is empty, with 200.",
        where="`show_id in (None, one.show_id)` in the service as it was",
    )
    require(
        answer.status_code != 405,
        expected="the list of performances at /v1/performances, with or without a filter",
        got=box.said(answer),
        why="A list with a filter is still the list: the same URL, fewer rows. Nested paths make a "
        "second URL for the same thing, and then a third.",
        where="lesson 1.1, 'Step 4: links instead of nests'",
    )
    listed(box, answer)
    require(
        answer.status_code == 200,
        expected="the whole list from /v1/performances",
        got=box.said(answer),
        why="A new filter must be one that may be left out: give it a default.",
        where="`show_id: UUID | None = None`",
    )
    return list(box.json(answer, "", list))


def found(box: Sandbox, **filters: str) -> list[dict[str, Any]]:
    answer = box.api.get("/v1/performances", params=filters)
    listed(box, answer)
    require(
        answer.status_code != 404,
        expected=f"200 OK for /v1/performances?{'&'.join(filters)}=…",
        got=box.said(answer),
        why=EMPTY,
        where=STATUSES,
    )
    require(
        answer.status_code == 200,
        expected=f"200 OK for /v1/performances?{'&'.join(filters)}=…",
        got=box.said(answer),
        why="A question to a list that can be asked is answered with 200.",
        where=STATUSES,
    )
    return list(box.json(answer, "", list))


def ids(performances: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in performances]


SERVICE_CHOOSES = """
from boxoffice.services import performances as service


async def choose():
    rows = list(service.performances.values())
    show, venue = {"show_id": rows[0].show_id}, {"venue_id": rows[0].venue_id}
    for filters in (show, venue, show | venue):
        try:
            found = await service.list_performances(**filters)
        except Exception:
            return False
        fit = [one for one in rows if filters.items() <= one.model_dump().items()]
        if sorted(one.id for one in found) != sorted(one.id for one in fit):
            return False
    return True


result = choose()
"""


def where_chosen(box: Sandbox) -> str:
    """Where rows get lost, or too many come: in the route, if the service alone does right."""
    file = "api" if box.evaluate(SERVICE_CHOOSES) else "services"
    return f"`list_performances` in `{file}/performances.py`"


WATCHED = """
import httpx

from boxoffice.api import performances as route
from boxoffice.app import app
from boxoffice.services import performances as service

original, given = service.list_performances, []


async def watched(*args, **named):
    told = await original(*args, **named)
    given.append([str(one.id) for one in told])
    return told


for module in (service, route):
    for name, value in list(vars(module).items()):
        if value is original:
            setattr(module, name, watched)


async def ask():
    served = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=served, base_url="http://boxoffice") as client:
        answer = await client.get("/v1/performances", params={"venue_id": venue_id})
    return given, [one["id"] for one in answer.json()]


result = ask()
"""
"""What the service gave to the route, call by call, and what the route answered."""


@FOUND.item(
    2,
    "`?venue_id=…` gives the performances at that venue, the earliest first; "
    "the service chooses them.",
)
def by_venue(box: Sandbox) -> None:
    every = more_performances(box)
    venue_id = random.choice(every)["venue_id"]
    got = found(box, venue_id=venue_id)
    chosen = box.evaluate(
        """
        from uuid import UUID
        from boxoffice.services.performances import list_performances

        async def choose():
            try:
                return await list_performances(venue_id=UUID(text)) or await list_performances(
                    venue_id=text
                )
            except TypeError as error:
                if "venue_id" in str(error):
                    return None
                raise

        result = choose()
        """,
        text=venue_id,
    )
    require(
        chosen is not None,
        expected="a service that can be asked for `venue_id`",
        got="`list_performances` takes no `venue_id`",
        why="The route translates, the service decides: give it the question.",
        where="`services/performances.py`",
    )
    strays = [one for one in chosen if one["venue_id"] != venue_id]
    require(
        not strays,
        expected="`list_performances(venue_id=…)` to give that venue alone",
        got=f"{len(strays)} of {len(chosen)} are elsewhere",
        why="The service has to choose; if the route does, GraphQL must do it again. Is "
        "`venue_id` asked there? With `or` between the filters, the one that is not given lets "
        "every row in.",
        where="`services/performances.py`",
    )
    if not got:
        raise NotYet(
            "the performances at that venue",
            "an empty list",
            f"{TEXT} Let the type in the route do the translation: `UUID | None`. Or are the two "
            "filters swapped?",
            where_chosen(box),
        )
    others = [one for one in got if one["venue_id"] != venue_id]
    require(
        not others,
        expected="performances at the asked venue alone",
        got=f"{len(others)} of {len(got)} are elsewhere",
        why="Your service can choose, but the filter does not reach it: the route has to pass it "
        "on. FastAPI ignores a filter that no parameter names, and nobody is told.",
        where="`list_performances` in `api/performances.py`",
    )
    wanted = in_order([one for one in every if one["venue_id"] == venue_id])
    require(
        ids(got) == ids(wanted) or sorted(ids(got)) != sorted(ids(wanted)),
        expected="the earliest first",
        got=dates(got),
        why=ORDER,
        where="`services/performances.py`",
    )
    if ids(got) != ids(wanted):
        raise NotYet(
            f"all {len(wanted)} performances at that venue",
            f"{len(got)}",
            "Some that fit are missing.",
            where_chosen(box),
        )
    given, answered = box.evaluate(WATCHED, venue_id=venue_id)
    most = max(map(len, given), default=0)
    require(
        sorted(answered) in map(sorted, given),
        expected="an answer of what the service chose",
        got=f"the service gave {most}, and the route took {len(answered)} of them"
        if given
        else "the route did not ask the service",
        why="Your service can choose, and the route does it again. A rule that stands in two "
        "places is soon two rules. Pass `venue_id` on.",
        where="`list_performances` in `api/performances.py`",
    )


@FOUND.item(1, "With `show_id` and `venue_id`, both must fit.")
def by_both(box: Sandbox) -> None:
    every = more_performances(box)
    one = random.choice(every)
    got = found(box, show_id=one["show_id"], venue_id=one["venue_id"])
    wanted = [
        other
        for other in every
        if (other["show_id"], other["venue_id"]) == (one["show_id"], one["venue_id"])
    ]
    if not got:
        raise NotYet(
            f"{len(wanted)} that fit both filters",
            "an empty list",
            "There are some. Are ids compared with ids of the same type, and each with its own?",
            where_chosen(box),
        )
    if sorted(ids(got)) != sorted(ids(wanted)):
        raise NotYet(
            f"{len(wanted)} that fit both filters",
            f"{len(got)}",
            "More questions, fewer answers: a second filter narrows the first. With `or` it "
            "widens it. With an early `return`, or not passed on, it is never asked.",
            where_chosen(box),
        )


@FOUND.item(1, "Where nothing fits, the answer is `200` and an empty list.")
def finds_nothing(box: Sandbox) -> None:
    answer = box.api.get("/v1/performances", params={"venue_id": str(uuid4())})
    listed(box, answer)
    require(
        answer.status_code != 404,
        expected="200 OK and []",
        got=box.said(answer),
        why=EMPTY,
        where=STATUSES,
    )
    require(
        answer.status_code == 200 and box.json(answer) == [],
        expected="200 OK and []",
        got=box.said(answer),
        why="A question without a match has an answer: nothing.",
        where=STATUSES,
    )


@FOUND.item(1, "Whoever asks without `venue_id` gets what they got before, by REST and GraphQL.")
def old_callers(box: Sandbox) -> None:
    every = more_performances(box)
    show_id = random.choice(every)["show_id"]
    wanted = in_order([one for one in every if one["show_id"] == show_id])
    got = found(box, show_id=show_id)
    if sorted(ids(got)) != sorted(ids(wanted)):
        raise NotYet(
            f"{len(wanted)} performances for ?show_id=… alone",
            f"{len(got)}",
            "The old filter has to go on working: clients use it.",
            where_chosen(box),
        )
    for asked, told in (("?show_id=… alone", got), ("no filter", every)):
        require(
            ids(told) == ids(in_order(told)),
            expected=f"the earliest first for {asked}, as before",
            got=dates(told),
            why=ORDER,
            where="`services/performances.py`",
        )
    query = "query ($id: UUID!) { show(showId: $id) { performances { id } } }"
    answer = box.api.post("/graphql", json={"query": query, "variables": {"id": show_id}})
    try:
        by_graphql = ids(box.json(answer, "data.show.performances", list))
    except NotYet:
        by_graphql = []
    require(
        sorted(by_graphql) == sorted(ids(wanted)),
        expected=f"{len(wanted)} performances of that show by GraphQL",
        got=box.said(answer)[:200],
        why="GraphQL calls the same service with `show_id` alone. A parameter without a default "
        "breaks that caller.",
        where="`api/graphql.py`, `Show.performances`",
    )
    starts = {one["id"]: one for one in wanted}
    require(
        by_graphql == ids(wanted),
        expected="the earliest first by GraphQL, as before",
        got=dates([starts[id] for id in by_graphql]),
        why="GraphQL asks the service itself, so what the route does to the list never reaches "
        "it. Sort in the service.",
        where="`services/performances.py`",
    )


@FOUND.item(1, "A `venue_id` that is not an id is refused with `422`.")
def made_up_id(box: Sandbox) -> None:
    answer = box.api.get("/v1/performances", params={"venue_id": random.choice(CITIES)})
    require(
        answer.status_code == 422,
        expected="422",
        got=box.said(answer),
        why="A text that cannot be an id is a mistake of the caller. An empty list would hide it. "
        "The type `UUID | None` makes FastAPI say so.",
        where=STATUSES,
    )
    found(box, venue_id=rows(box, "/v1/venues")[0]["id"])  # and what is an id is not refused


# --- stretch: create without fear ---------------------------------------------------------

SURE = exercise(
    "ch01.sure_create",
    lesson="1.1",
    kind="stretch",
    title="Create without fear",
    answers=("services/shows.py::replace_show", "api/shows.py::replace_show"),
    hints=(
        "With POST the server chooses the id, so a second POST is a second show. What if the "
        "*client* makes the id (a UUID is made for that) and sends the show to the URL where it "
        "shall live? Then sending again names the same place.",
        "The service no longer asks whether the show exists: it stores it under the given id, "
        "and gives it back. It never makes an id of its own.",
        "The route must say which of the two happened. Ask `shows.find_show` *before* you "
        "replace. If nothing was there, set `response.status_code = 201` and the `Location` "
        "header on a parameter `response: Response`.",
        "The service:\n\n"
        "    shows[show_id] = Show(id=show_id, **new.model_dump())\n"
        "    return shows[show_id]\n\n"
        "The route:\n\n"
        "    if await shows.find_show(show_id=show_id) is None:\n"
        "        response.status_code = 201\n"
        '        response.headers["Location"] = f"/v1/shows/{show_id}"\n'
        "    return await shows.replace_show(show_id=show_id, new=new)",
    ),
)


BY_ID = "A retry is known by its id. The title proves nothing: two companies may play one piece."


def new_show(old: Mapping[str, object] | None = None) -> dict[str, object]:
    """A show; none of its fields is as in the old one."""
    old = old or {}
    genres = [one for one in ("play", "musical", "opera", "dance") if one != old.get("genre")]
    minutes = [one for one in range(60, 200) if one != old.get("duration_minutes")]
    return {
        "title": f"{random.choice(TITLES)} {random.randint(10, 99)}",
        "genre": random.choice(genres),
        "duration_minutes": random.choice(minutes),
    }


SERVICE_STORES = """
from uuid import uuid4

from boxoffice.models.show import ShowIn
from boxoffice.services import shows as service


async def store():
    id = uuid4()
    try:
        told = await service.replace_show(show_id=id, new=ShowIn(**new))
    except Exception:
        return True, False
    return told is not None, id in service.shows


result = store()
"""


def service_alone(box: Sandbox) -> tuple[bool, bool]:
    """Whether the service, without the route, gives a show back; and whether it stores it."""
    gives, stores = box.evaluate(SERVICE_STORES, new=new_show())
    return bool(gives), bool(stores)


def where_stored(box: Sandbox) -> str:
    """Where the show gets lost: in the route, if the service alone stores it under the id."""
    if service_alone(box)[1]:
        return "`api/shows.py`: does the route call `shows.replace_show`?"
    return "`services/shows.py`"


def put_show(box: Sandbox, show_id: object, body: object) -> httpx.Response:
    answer = box.api.put(f"/v1/shows/{show_id}", json=body)
    require(
        answer.status_code != 405,
        expected="a route for `PUT /v1/shows/{show_id}`",
        got=box.said(answer),
        why="The client has made the id, so it knows the URL. That is PUT.",
        where=METHODS,
    )
    require(
        answer.status_code != 404,
        expected="201 Created or 200 OK, and the show",
        got=box.said(answer),
        why="PUT says: let this be at that URL. That nothing is there yet is no reason to refuse.",
        where=METHODS,
    )
    crash = broke(box, answer)
    if "it returned None" in crash:
        gives, stores = service_alone(box)
        why = "Your service gave `None`; here an unknown id is stored, not refused."
        if gives or stores:
            part = "route" if gives else "service"
            why = f"Your {part} gave `None`: is there a `return` at its end?"
        file = "api" if gives else "services"
        raise NotYet(
            "201 Created or 200 OK, and the show",
            box.said(answer),
            why,
            f"`replace_show` in `{file}/shows.py`",
        )
    has_an_id(box, answer, "201 Created or 200 OK, and the show")
    require(
        "not JSON serializable" not in crash
        and not (answer.is_success and '"detail"' in answer.text),
        expected="201 Created, and the show",
        got=box.said(answer),
        why="`HTTPException` is for bad news, and 201 is none: what you raise lands in `detail`. "
        "Set `response.status_code = 201`, and return the show.",
        where="the task, above the route",
    )
    require(
        "ResponseValidationError" not in crash,
        expected="201 Created, and the show",
        got=box.said(answer),
        why="What a route returns is the body, all of it. A status beside the show is set on "
        "`response`.",
        where="the task, above the route",
    )
    worked(box, answer, "201 Created or 200 OK, and the show")
    return answer


@SURE.item(
    2,
    "A PUT to a free id creates the show there, and the others stay: `201`, with its URL as "
    "`Location`.",
)
def put_creates(box: Sandbox) -> None:
    before = rows(box, "/v1/shows")
    show_id, new = str(uuid4()), new_show()
    answer = put_show(box, show_id, new)
    after = rows(box, "/v1/shows")
    made = added(box, before, after)
    if made != [show_id]:
        raise NotYet(
            "one new show in the list, under the id in the URL",
            "one new show, under another id" if len(made) == 1 else f"{len(made)} new shows",
            "If the server makes an id of its own, the client that heard no reply cannot name "
            "the show, and its next try makes another.",
            where_stored(box),
        )
    others_stay(before, after, show_id, "`services/shows.py`")
    kept = next(one for one in after if one["id"] == show_id)
    require(
        kept == new | {"id": show_id},
        expected=shown(new | {"id": show_id}),
        got=shown(kept),
        why="What was sent is what is to be there.",
        where="`services/shows.py`",
    )
    require(
        answer.status_code != 200 or "Location" not in answer.headers,
        expected="201 Created",
        got=f"{box.said(answer)}, with a `Location`",
        why="The `Location` is set, the status is not. That is `response.status_code = 201`; "
        "another name, such as `response.status`, means nothing to FastAPI.",
        where="`replace_show` in `api/shows.py`",
    )
    require(
        answer.status_code == 201,
        expected="201 Created",
        got=box.said(answer),
        why="Something is there that was not there before, and 201 says so. Who looks only after "
        "the show is stored finds it there every time.",
        where=STATUSES,
    )
    location = answer.headers.get("Location", "")
    require(
        location.endswith(f"/v1/shows/{show_id}"),
        expected=f"Location: /v1/shows/{show_id}",
        got=f"Location: {location}" if location else "no Location header",
        why="Every 201 of ours says where the new thing lives, so that clients need one rule.",
        where=METHODS,
    )


def shown(show: Mapping[str, object]) -> str:
    """As an answer shows it."""
    return json.dumps(show, separators=(",", ":"))


def added(box: Sandbox, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """The ids that are new in the list, one at least."""
    made = [id for id in ids(after) if id not in ids(before)]
    if not made:
        raise NotYet(
            "the new show in the list",
            "nothing new in the list",
            "Nothing was stored. Put the show into `shows`, under its id.",
            where_stored(box),
        )
    return made


@SURE.item(
    2,
    "After a lost reply the same PUT answers `200`, and there is one show, not two; under another "
    "id the same title is another show.",
)
def put_again(box: Sandbox) -> None:
    before = rows(box, "/v1/shows")
    show_id, other_id, new = str(uuid4()), str(uuid4()), new_show()
    first, second = (put_show(box, show_id, new) for _ in range(2))
    made = added(box, before, rows(box, "/v1/shows"))
    require(
        len(made) == 1,
        expected="one show more than before",
        got=f"{len(made)} more",
        why="The reply was lost, the client sent again, and the house has the show twice.",
        where=PROMISES,
    )
    require(
        second.status_code != 409,
        expected="200 OK the second time",
        got=box.said(second),
        why="To the client that heard nothing, 409 is bad news about its own success. PUT is "
        "idempotent: the show is as it wanted.",
        where=PROMISES,
    )
    require(
        second.status_code == 200,
        expected="200 OK the second time",
        got=box.said(second),
        why="201 says that something new came to be. The second time nothing did.",
        where=STATUSES,
    )
    third = put_show(box, other_id, new)
    both = [id for id in ids(rows(box, "/v1/shows")) if id in (show_id, other_id)]
    require(
        len(both) == 2,
        expected="two shows of one title, as they were sent to two ids",
        got=f"{len(both)} of them",
        why=BY_ID,
        where="`services/shows.py`",
    )
    require(
        third.status_code == 201 or first.status_code != 201,
        expected="201 Created for the same title under another id",
        got=box.said(third),
        why=BY_ID,
        where="`api/shows.py`",
    )


@SURE.item(
    1,
    "A PUT to a show that exists answers `200` and replaces the whole show; its id stays, and so "
    "do the others.",
)
def put_replaces(box: Sandbox) -> None:
    before = rows(box, "/v1/shows")
    show = random.choice(before)
    new = new_show(show)
    answer = put_show(box, show["id"], new)
    now = box.api.get(f"/v1/shows/{show['id']}")
    told = box.json(now)
    wanted = new | {"id": show["id"]}
    some = isinstance(told, dict) and any(told.get(field) == new[field] for field in new)
    require(
        now.status_code == 200 and told == wanted,
        expected=f"200 OK, {shown(wanted)}",
        got=box.said(now),
        why="PUT replaces the whole, every field of it: no field stays as it was."
        if some
        else "Creating is new; replacing has to go on. The last PUT says what is there.",
        where=METHODS,
    )
    others_stay(before, rows(box, "/v1/shows"), show["id"], "`services/shows.py`")
    require(
        answer.status_code == 200,
        expected="200 OK for a show that was there",
        got=box.said(answer),
        why="201 says that something new came to be. This show was there before, only its fields "
        "are new.",
        where=STATUSES,
    )
