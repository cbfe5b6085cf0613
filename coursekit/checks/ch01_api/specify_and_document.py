"""Checks of lesson 1.3's exercises."""

import copy
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
from openapi_schema_validator import OAS31Validator

from coursekit.checks import NotYet, Sandbox, exercise, require

REFUSALS = "lesson 1.3, 'Step 2: Say how you refuse'"
LINTER = "lesson 1.3, 'Step 3: Let a linter find the rest'"
RESPONSES = "FastAPI's manual, 'Additional Responses in OpenAPI'"
PARAMETERS = "OpenAPI 3.1, 'Parameter Object' and 'Path Item Object'"
CALLS = "OpenAPI 3.1, 'Operation Object', or RFC 3986 §2"


# --- reading a document -------------------------------------------------------------------


def read_document(box: Sandbox) -> dict[str, Any]:
    return box.json(box.api.get("/openapi.json"), "", dict)


def responses_of(document: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """What the document says of the answers of one operation."""
    operation = document.get("paths", {}).get(path, {}).get(method)
    require(
        operation,
        expected=f"{method.upper()} {path} in the document",
        got="paths: " + ", ".join(document.get("paths", {})),
        why="A route that is not in the document does not exist for those who read it.",
        where=REFUSALS,
    )
    return dict(operation.get("responses", {}))


def told_of(document: dict[str, Any], method: str, path: str, answer: httpx.Response) -> Any:
    """The schema that the document has for an answer; NotYet where it has none, or it lies."""
    name = f"{method.upper()} {path}"
    responses = responses_of(document, method, path)
    status = str(answer.status_code)
    told = told_for(responses, status)
    require(
        told,
        expected=f"{status} among the answers that the document lists",
        got=f"the server said {status}; the document lists {', '.join(responses)}",
        why="A client made from the document has no code for an answer that is not in it. It "
        "drops the answer, or breaks.",
        where=REFUSALS,
    )
    media = told.get("content", {}).get("application/json", {})
    schema = media.get("schema")
    require(
        schema,
        expected=f"a schema for the {status} of {name}",
        got=f"the words {told.get('description', '')!r}, but no schema",
        why="Words are for people. A program needs the shape of the body: give it a `model`.",
        where=RESPONSES,
    )
    misfit = find_misfit(document, schema, answer.json())
    expected = f"a document that fits the real {status}: {answer.text[:120]}"
    require(
        not misfit or not str(schema.get("$ref")).endswith("/HTTPValidationError"),
        expected=expected,
        got=f"FastAPI's own `HTTPValidationError`, which says: {misfit}",
        why="FastAPI wrote this 422 by itself, and it does not know the shape of our errors. Name "
        "the error that stands for it.",
        where=REFUSALS,
    )
    require(
        not misfit,
        expected=expected,
        got=f"a schema that says: {misfit}",
        why="The server sends one shape and the document promises another. A client made from it "
        "breaks at the first such answer.",
        where=REFUSALS,
    )
    return media


def told_for(responses: dict[str, Any], status: str) -> dict[str, Any]:
    return (
        responses.get(status) or responses.get(f"{status[0]}XX") or responses.get("default") or {}
    )


def find_misfit(document: dict[str, Any], schema: Any, body: object) -> str:
    """Why a body does not fit a schema of the document; nothing if it does."""
    whole = {**schema, "components": document.get("components", {})}
    try:
        errors = [error.message for error in OAS31Validator(whole).iter_errors(body)]
    except Exception as error:  # a schema can be wrong in many ways
        return f"the schema itself is not valid ({type(error).__name__})"
    return str(errors[0])[:150] if errors else ""


def resolve(document: dict[str, Any], node: Any) -> Any:
    while isinstance(node, dict) and isinstance(node.get("$ref"), str):
        ref, node = node["$ref"], document
        for key in ref.removeprefix("#/").split("/"):
            node = node.get(key, {})
    return node


def examples_of(document: dict[str, Any], media: Any) -> list[Any]:
    found = [media["example"]] if "example" in media else []
    found += [one.get("value") for one in media.get("examples", {}).values()]
    schema = resolve(document, media.get("schema", {}))
    return found + list(schema.get("examples", []))


def is_told(document: dict[str, Any], media: Any, answer: httpx.Response) -> None:
    """Require an example of this refusal; of a 404, whose words are always the same, those too."""
    real = answer.json()
    code = real["code"]
    examples = examples_of(document, media)
    codes = [one.get("code") if isinstance(one, dict) else None for one in examples]
    require(
        codes,
        expected=f"an example with the code `{code}`",
        got="no example",
        why="A model tells the shape, and not the code that a program looks for. `refusals` adds "
        "an example for each error that you name.",
        where=REFUSALS,
    )
    require(
        code in codes,
        expected=f"an example with the code `{code}`",
        got=f"examples with {', '.join(map(str, codes))}",
        why="One status can stand for two facts. A client tells them apart by the code, so the "
        "document must name each. One call of `refusals` takes all errors; of two dicts joined "
        "with `|` only the second 404 stays."
        if answer.status_code == 404
        else "The code is what a program looks for, so an example has to tell the one that comes. "
        "`refusals` takes it from the error class.",
        where=REFUSALS,
    )
    for example in examples:
        misfit = find_misfit(document, media["schema"], example)
        require(
            not misfit,
            expected="examples of the same shape as the answer",
            got=f"{example}: {misfit}",
            why="People copy examples. One that breaks its own schema sends them the wrong way.",
            where=REFUSALS,
        )
    require(
        answer.status_code != 404 or real in examples,
        expected=f"the example {real}",
        got=str(examples[codes.index(code)]),
        why="An example that the server never sends is one more lie. `refusals` takes the words "
        "from the error itself, so the two cannot part.",
        where=REFUSALS,
    )


# --- complete: the refusals of a new route ------------------------------------------------

NEXT = "/v1/venues/{venue_id}/next-performance"
CODES = {
    "404": ("venue_not_found", "nothing_on"),
    "422": ("invalid_request",),
    "4XX": ("venue_not_found", "nothing_on", "invalid_request"),
}

TOLD = exercise(
    "ch01.told_refusals",
    lesson="1.3",
    kind="complete",
    title="Say how you refuse",
    answers=("api/venues.py",),
    hints=(
        "Read `read_next_performance` from top to bottom and stop at each line that can say no. "
        "One of them is not in the function at all: what if the id in the URL is not an id?",
        "There are three ways to be refused. The service raises one error for a venue that is "
        "not there. The last line raises another. FastAPI refuses a bad id or a bad time by "
        "itself, and `InvalidRequest` stands for that. `refusals(...)` of lesson 1.3 makes the "
        "right dict from the error classes. Name no error that cannot come.",
        "One line is all:\n\n    return refusals(VenueNotFound, NothingOn, InvalidRequest)",
    ),
)


def started(box: Sandbox) -> httpx.Client:
    """The API; where `refusals` stopped it, NotYet with the learner's own line."""
    try:
        return box.api
    except NotYet as error:
        stopped = error.got.startswith("api/describe.py")
        tried = box.attempt("boxoffice.api.venues:told_of_next") if stopped else None
        mine = [line for line in tried.lines if line.startswith("api/venues.py")] if tried else []
        if not mine:
            raise
        raise NotYet(
            "`refusals(…)` with error classes, and an API that starts",
            f"{mine[-1]}\n{error.got.splitlines()[-1]}",
            "`refusals` takes error classes, separated by commas: no list of them, no status and "
            "no text. Each class knows its own status.",
            REFUSALS,
        ) from None


def refuse_next(box: Sandbox, venue_id: str, after: str) -> httpx.Response:
    answer = started(box).get(NEXT.format(venue_id=venue_id), params={"after": after})
    require(
        answer.status_code in (404, 422),
        expected="the refusal of the route as it was given",
        got=box.said(answer),
        why="Only the document was to change. The route did its work already.",
        where=REFUSALS,
    )
    return answer


def read_told(box: Sandbox) -> dict[str, Any]:
    """The document; NotYet where the function of the task gives nothing."""
    document = read_document(box)
    if "404" not in responses_of(document, "get", NEXT):
        tried = box.attempt("boxoffice.api.venues:told_of_next")
        require(
            tried.error or tried.value is not None,
            expected="a dict from `told_of_next`",
            got="None",
            why="`told_of_next` gives None: is a `return` missing?",
            where=REFUSALS,
        )
    return document


def some_venue(box: Sandbox) -> str:
    rows = box.json(started(box).get("/v1/venues"), "", list)
    return str(random.choice(rows)["id"])


@TOLD.item(
    1, "The document tells the refusal of an unknown venue, with an example as the server sends it."
)
def unknown_venue(box: Sandbox) -> None:
    answer = refuse_next(box, str(uuid4()), "2030-05-01T00:00:00Z")
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(1, "It tells the refusal when nothing more is on at the venue, with such an example.")
def nothing_on(box: Sandbox) -> None:
    answer = refuse_next(box, some_venue(box), f"20{random.randint(40, 90)}-01-01T00:00:00Z")
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(1, "It tells the refusal of what is not an id, or not a time, in the shape that the "
           "server sends, with an example of it.")  # fmt: skip
def no_id(box: Sandbox) -> None:
    asked = random.choice([("7", "2030-05-01T00:00:00Z"), (some_venue(box), "tomorrow")])
    answer = refuse_next(box, *asked)
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(1, "It lists only answers that can come.")
def no_more(box: Sandbox) -> None:
    started(box)
    document = read_told(box)
    responses = responses_of(document, "get", NEXT)
    extra = sorted(set(responses) - {"200", "404", "422", "4XX"})
    require(
        not extra,
        expected="200, 404 and 422",
        got=f"also {', '.join(extra)}",
        why="Each answer in the document is code that somebody writes and tests. This one never "
        "comes: no line of this route can raise it.",
        where=REFUSALS,
    )
    for status, codes in CODES.items():
        media = responses.get(status, {}).get("content", {}).get("application/json", {})
        examples = [one for one in examples_of(document, media) if isinstance(one, dict)]
        never = [str(one["code"]) for one in examples if one.get("code", codes[0]) not in codes]
        require(
            "internal_error" not in never,
            expected="only refusals that this route can give",
            got=f"also `internal_error` under {status}",
            why="`NotFound` has no code of its own, so it shows that of every error. Name the "
            "errors that are made from it, each with its code.",
            where=REFUSALS,
        )
        require(
            not never,
            expected="only refusals that this route can give",
            got=f"also `{'`, `'.join(never)}` under {status}",
            why="Each refusal in the document is code that somebody writes and tests. No line of "
            "this route, and nothing that it calls, refuses in this way.",
            where=REFUSALS,
        )


# --- mend: a document that lies -----------------------------------------------------------

HONEST = exercise(
    "ch01.honest_health",
    lesson="1.3",
    kind="mend",
    title="A door that tells the truth",
    answers=("api/health.py",),
    hints=(
        "Send the three requests and write down what comes: the status, and the type of each "
        "field. Then read the document, line by line. There are three places where it says "
        "something else. The server is right in all of them.",
        "An open house sends `null` for `opens_at`, so its type is not a date alone. A closed "
        "house answers 503, and the document has no word on it. What is not a time is refused "
        "in the one shape that all our errors have, not in FastAPI's. A `JSONResponse` goes out "
        "as it is: FastAPI does not hold it against the model, so nothing warns you.",
        "Two models and one dict. The first model is for the open house:\n\n"
        "    class HealthOut(BaseModel):\n"
        '        status: Literal["open"]\n'
        "        opens_at: datetime | None\n\n"
        'Write `ClosedOut` in the same way: its `status` is `Literal["closed"]`, and its '
        "`opens_at` is always a date. Then give the route both:\n\n"
        "    @router.get(\n"
        '        "/health",\n'
        "        response_model=HealthOut,\n"
        '        responses=refusals(InvalidRequest) | {503: {"model": ClosedOut}},\n'
        "    )",
    ),
)


def ask_health(box: Sandbox, hour: int, status: int, zone: int = 0) -> httpx.Response:
    """Ask for an hour of UTC, told in that zone."""
    day, second = random.randint(2, 27), random.randint(11, 59)
    moment = datetime(2030, random.randint(1, 12), day, hour, 30, second, tzinfo=UTC)
    at = moment.astimezone(timezone(timedelta(hours=zone))).isoformat()
    answer = box.api.get("/health", params={"at": at})
    opens_at = moment.replace(hour=10, minute=0, second=0).isoformat()
    right = {"status": "open", "opens_at": None}
    if status == 503:
        right = {"status": "closed", "opens_at": opens_at}
    is_there(box, answer)
    require(
        answer.status_code == status and same_body(answer, right),
        expected=f"for {at}: {status} with {right}, as before",
        got=box.said(answer),
        why="The server was right, and programs rely on what it sends. Change what the document "
        "says, not what the server does.",
        where="lesson 1.3, 'See it fail'",
    )
    return answer


def is_there(box: Sandbox, answer: httpx.Response) -> None:
    require(
        answer.status_code != 404,
        expected="a route at `/health`, as before",
        got=box.said(answer),
        why='No function answers there. Is the line `@router.get("/health", …)` still there, right '
        "above `read_health`?",
        where="your answer cell, above `read_health`",
    )


def same_body(answer: httpx.Response, right: dict[str, Any]) -> bool:
    try:
        body = answer.json()
    except ValueError:
        return False
    if isinstance(body, dict) and isinstance(body.get("opens_at"), str):
        body = {**body, "opens_at": body["opens_at"].replace("Z", "+00:00")}
    return bool(body == right)


def refuses(document: dict[str, Any], media: Any, *bodies: dict[str, Any]) -> None:
    """Require a schema that says something: these bodies must not fit."""
    for body in bodies:
        require(
            find_misfit(document, media["schema"], body),
            expected=f"a schema that {body} does not fit",
            got="a schema that takes it",
            why="A schema that anything fits is true and says nothing. Name the fields and their "
            "types, as the server sends them.",
            where=RESPONSES,
        )


@HONEST.item(2, "An open house answers 200, and the document says that `opens_at` can be `null`.")
def open_house(box: Sandbox) -> None:
    for hour, zone in ((1, 0), (10, 0), (random.randint(11, 23), 0), (23, 5)):
        answer = ask_health(box, hour, 200, zone)
    document = read_document(box)
    media = told_of(document, "get", "/health", answer)
    others = ({"status": status, "opens_at": None} for status in (7, None))
    refuses(document, media, {"status": "open", "opens_at": 5}, *others)
    now = box.api.get("/health")
    require(
        now.status_code in (200, 503),
        expected="200 or 503 without `at`: the question is about now, as before",
        got=box.said(now),
        why="The server was right, and a door is asked about now most of all. `at` may be left "
        "out: it needs its `= None`.",
        where="the first line of `read_health`",
    )


@HONEST.item(2, "A closed house answers 503, and the document has that answer with its fields.")
def closed_house(box: Sandbox) -> None:
    for hour, zone in ((2, 0), (9, 0), (9, -8)):
        answer = ask_health(box, hour, 503, zone)
    document = read_document(box)
    media = told_of(document, "get", "/health", answer)
    date = "2030-05-01T10:00:00+00:00"
    others = ({"status": status, "opens_at": date} for status in (7, None))
    refuses(document, media, {"status": "closed", "opens_at": 5}, *others)


@HONEST.item(1, "`opens_at` is still told as a time and `status` by its words, not as any text.")
def still_a_time(box: Sandbox) -> None:
    ask_health(box, random.choice([0, 1, 10, 15, 23]), 200)
    document = read_document(box)
    responses = responses_of(document, "get", "/health")
    told: list[dict[str, Any]] = []
    for status in ("200", "503"):
        media = told_for(responses, status).get("content", {}).get("application/json", {})
        if "schema" not in media:  # whether it is told at all is for the other items
            continue
        parts = kinds_of(document, media["schema"], "opens_at")
        texts = [part for part in parts if part.get("type") == "string"]
        told += texts
        require(
            parts,
            expected=f"`opens_at` of the {status} with the format `date-time`",
            got=f"no field `opens_at` in the schema of the {status}",
            why="The server sends this field, so the model of this answer has to name it, with "
            "its type.",
            where=RESPONSES,
        )
        require(
            all(part.get("format") == "date-time" for part in texts) and (texts or status == "200"),
            expected=f"`opens_at` of the {status} with the format `date-time`",
            got=f"`opens_at` as {', '.join(map(str, parts))}"[:200],
            why=GUESS,
            where=RESPONSES,
        )
        body = {"status": "asleep", "opens_at": None if status == "200" else "2030-05-01T10:00:00Z"}
        require(
            find_misfit(document, media["schema"], body),
            expected=f"a schema of the {status} that {body} does not fit",
            got="a schema that takes it",
            why="The server sends `open` or `closed`, and no third word. `Literal` says so, and "
            "a client can have code for each.",
            where=RESPONSES,
        )
    require(
        told,
        expected="`opens_at` with the format `date-time` in some answer of the document",
        got="no answer of GET /health in which it is a time",
        why=GUESS,
        where=RESPONSES,
    )


GUESS = (
    "A client made from the document would get a plain text and have to guess what is in it. Say "
    "`datetime` in the model, not `str`."
)


def kinds_of(document: dict[str, Any], schema: Any, field: str) -> list[dict[str, Any]]:
    """The schemas of one field: its own, or the parts of its `anyOf`; of each model it is in."""
    models = parts_of(document, schema)
    fields = [model.get("properties", {}).get(field, {}) for model in models]
    return [
        {key: part[key] for key in ("type", "format", "const", "enum") if key in part}
        for one in fields
        for part in parts_of(document, one)
        if part
    ]


def parts_of(document: dict[str, Any], schema: Any) -> list[dict[str, Any]]:
    whole = resolve(document, schema) or {}
    parts = whole.get("anyOf") or whole.get("oneOf") or [whole]
    return [resolve(document, part) for part in parts]


@HONEST.item(1, "What is not a time answers 422, in the shape that the document says, and no "
             "fourth answer is promised.")  # fmt: skip
def no_time(box: Sandbox) -> None:
    no_zone = "2030-05-01T04:00:00"
    answer = box.api.get("/health", params={"at": no_zone})
    require(
        answer.status_code in (404, 422),  # the route itself is asked for below
        expected=f"422 for {no_zone}, which names no zone, as before",
        got=box.said(answer),
        why="Four o'clock where? The server refused that, and it was right: `AwareDatetime`.",
        where="the first line of `read_health`",
    )
    answer = box.api.get("/health", params={"at": random.choice(["noon", "25:00", "soon"])})
    is_there(box, answer)
    require(
        answer.status_code == 422,
        expected="422, as before",
        got=box.said(answer),
        why="The server was right to refuse this. Only its document lies.",
        where=REFUSALS,
    )
    document = read_document(box)
    media = told_of(document, "get", "/health", answer)
    refuses(document, media, {"code": 7, "detail": []})
    known = {"200", "422", "503", "2XX", "4XX", "5XX", "default"}
    extra = sorted(set(responses_of(document, "get", "/health")) - known)
    require(
        not extra,
        expected="200, 422 and 503",
        got=f"also {', '.join(extra)}",
        why="Each answer in the document is code that somebody writes and tests. This route never "
        "sends such an answer.",
        where=REFUSALS,
    )


# --- write: a rule for the linter ---------------------------------------------------------

BOUND = exercise(
    "ch01.bounded_numbers",
    lesson="1.3",
    kind="write",
    title="No integer without an end",
    answers=("lint.py::find_unbounded",),
    hints=(
        "Walk through all operations, and in each through its parameters. Keep those with "
        '`"in": "query"` whose schema is an integer. Which of them have no upper end?',
        "Four things hide. A schema can be a `$ref`: `resolve` follows it. Its `type` can be a "
        'list, such as `["integer", "null"]`. It can have no `type` at all: the number stands in '
        "one part of an `anyOf`, and its bound stands there or beside it. And a path can have "
        "`parameters` beside its methods: read both lists.",
        "Ask whether a key is *there*, not whether its value is true: a maximum of 0 is a bound. "
        'So write `"maximum" in part`. For the parts of a schema, make a list: the schema, and '
        "each part of its `anyOf`, all of them resolved. Look for the type and for the bound in "
        "each of them, and treat a `type` that is a word like a list of one word.",
        "The heart of it:\n\n"
        "    schema = resolve(spec, at(parameter, 'schema'))\n"
        "    parts = [schema, *(resolve(spec, one) for one in items_of(schema, 'anyOf'))]\n"
        "    whole = [p for p in parts if 'integer' in (p.get('type'), *types_of(p))]\n"
        "    if whole and not any('maximum' in p or 'exclusiveMaximum' in p for p in parts):\n"
        "        found.append(...)\n\n"
        "`types_of(p)` is for you: the list in `type`, or an empty one. Take the parameters from "
        "`items_of(at(spec, 'paths', path), 'parameters')` and from the operation.",
    ),
)
WORDS = ("limit", "rows", "page", "depth", "seats", "year", "acts", "days", "floor", "month")
PARTS = (
    "`int | None` becomes an `anyOf` with two parts, and a shared type becomes a `$ref`. The "
    "number and its bound stand inside."
)
ANY_PART = "The integer can be any part of the `anyOf`, not only the first."


def one_operation(
    parameters: list[dict[str, Any]], beside: list[dict[str, Any]] | None = None
) -> tuple[dict[str, Any], str]:
    """A small document with one operation, and the operation's name."""
    path = f"/v1/{random.choice(['halls', 'tours', 'casts'])}"
    method = random.choice(["get", "delete"])
    operation = {"operationId": "x", "parameters": parameters, "responses": {"200": {}}}
    item: dict[str, Any] = {method: operation}
    if beside is not None:
        item["parameters"] = beside
    document = {"openapi": "3.1.0", "paths": {path: item}, "components": {"schemas": {}}}
    return document, f"{method.upper()} {path}"


def query(name: str, schema: dict[str, Any], where: str = "query") -> dict[str, Any]:
    return {"name": name, "in": where, "schema": schema}


def finds(
    box: Sandbox,
    document: dict[str, Any],
    right: list[str],
    why: str,
    of: dict[str, str] | None = None,
    *,
    capitals: bool = False,
) -> None:
    """Require these sentences. `of` has the reasons for single parameters, by name.

    One item minds the `capitals` of the method and the full stop, so one mistake is one cross.
    """
    tried = box.attempt("boxoffice.lint:find_unbounded", document)
    both = parameters_of(document)
    shown = json.dumps([one for _, one in both])
    require(
        not tried.error,
        expected="a list of sentences",
        got="\n".join([*tried.lines[-2:], f"with the parameters {shown}"])[:420],
        why="A rule must get through any document. A key can be missing, and a value can be of "
        "another type than the one you have in mind: `.get` asks without a crash.",
        where=PARAMETERS,
    )
    found = tried.value
    require(
        isinstance(found, list),
        expected="a list of sentences",
        got=repr(found)[:200],
        why="The linter puts the findings of all its rules together, so each gives a list."
        + " Is a `return` missing?" * (found is None),
        where=LINTER,
    )
    given = sorted(map(str, found))
    told, true = [said_plainly(one) for one in given], [said_plainly(one) for one in right]
    is_same = sorted(told) == sorted(true)
    require(
        not is_same or not capitals or given == sorted(right),
        expected=str(sorted(right)),
        got=str(given)[:400],
        why="The method stands in capitals, as in the sentence of the task: `method.upper()`."
        if [one.upper() for one in given] == [one.upper() for one in sorted(right)]
        else "The sentence is that of the task, to the full stop.",
        where=LINTER,
    )
    wrong = [
        (operation, one)
        for operation, one in both
        if told.count(said := said_plainly(sentence(operation, one["name"]))) != true.count(said)
    ]
    for operation, one in wrong[:1]:
        why = (of or {}).get(one["name"], why)
        said = said_plainly(sentence(operation, one["name"]))
        if told.count(said) > true.count(said) > 0:
            why = "This one is named twice. Each finding is one sentence, and stands there once."
        shown = f"\nfor the parameter {show(document, one)} of {operation}"
    require(
        is_same,
        expected=str(sorted(right)),
        got=str(given)[:300] + (shown if wrong else ""),
        why=why,
        where=PARAMETERS,
    )


def parameters_of(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each parameter, with the operation that it counts for."""
    return [
        (f"{method.upper()} {path}", one)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
        for one in [*item.get("parameters", []), *operation.get("parameters", [])]
    ]


def show(document: dict[str, Any], parameter: dict[str, Any]) -> str:
    """A parameter as the document has it, and what its `$ref` points to."""
    ref = parameter["schema"].get("$ref")
    behind = f"; {ref} is {json.dumps(resolve(document, {'$ref': ref}))}" if ref else ""
    return json.dumps(parameter) + behind


def said_plainly(words: str) -> str:
    """A sentence without what one item alone minds: capitals and the full stop."""
    return words.lower().rstrip(". ")


def sentence(operation: str, name: str) -> str:
    return f"{operation} leaves {name} without a maximum."


@BOUND.item(2, "Each integer in a query without a maximum is named, with its operation.")
def names_each(box: Sandbox) -> None:
    names = random.sample(WORDS, 3)
    parameters = [query(name, {"type": "integer", "minimum": 1}) for name in names[:2]]
    parameters.append(query(names[2], {"type": "integer", "maximum": random.randint(5, 90)}))
    document, operation = one_operation(parameters)
    other, second = copy.deepcopy(document), "POST /v2/stages"
    document["paths"]["/v2/stages"] = {"post": next(iter(other["paths"].values()))[
        operation.split()[0].lower()
    ]}  # fmt: skip
    right = [sentence(where, name) for where in (operation, second) for name in names[:2]]
    finds(box, document, right, "A list that stops at the first finding, or names the wrong one, "
          "sends people round in circles.", capitals=True)  # fmt: skip


NO_END = "An integer with neither `maximum` nor `exclusiveMaximum` has no end: it is to be named."


@BOUND.item(1, "`maximum` and `exclusiveMaximum` are both a bound, even if they are 0.")
def bounds(box: Sandbox) -> None:
    names = random.sample(WORDS, 4)
    parameters = [
        query(names[0], {"type": "integer", "exclusiveMaximum": random.randint(1, 50)}),
        query(names[1], {"type": "integer", "maximum": 0}),
        query(names[2], {"type": "integer", "exclusiveMaximum": 0}),
        query(names[3], {"type": "integer"}),
    ]
    document, operation = one_operation(parameters)
    finds(box, document, [sentence(operation, names[3])], "A bound of 0 is a bound: ask if the key "
          "is there, not if its value is true. And `exclusiveMaximum` is an end as well.",
          {names[3]: NO_END})  # fmt: skip


@BOUND.item(1, "An integer that may be `null`, or stands behind a `$ref`, or both, is looked at.")
def hidden(box: Sandbox) -> None:
    names = random.sample(WORDS, 10)
    integer: dict[str, Any] = {"type": "integer"}
    bounded = {"type": "integer", "maximum": 9}
    null = {"type": "null"}
    count, few = ({"$ref": f"#/components/schemas/{name}"} for name in ("Count", "Few"))
    document, operation = one_operation(
        [
            query(names[0], {"anyOf": [integer, null]}),
            query(names[1], {"anyOf": [bounded, null]}),
            query(names[2], {"anyOf": [null, integer]}),
            query(names[3], {"anyOf": [null, bounded]}),
            query(names[4], count),
            query(names[5], few),
            query(names[6], {"type": ["integer", "null"]}),
            query(names[7], {"anyOf": [count, null]}),
            query(names[8], {"anyOf": [few, null]}),
            query(names[9], {"type": ["null", "integer"]}),
        ]
    )
    document["components"]["schemas"] = {"Count": integer, "Few": bounded}
    right = [sentence(operation, names[i]) for i in (0, 2, 4, 6, 7, 9)]
    words = (
        'A `type` can be a list of words too, in any order. `["integer", "null"]` is an integer '
        "that may be `null`."
    )
    part = "A part of an `anyOf` can be a `$ref` too: give each part to `resolve`."
    of = (PARTS, PARTS, ANY_PART, ANY_PART, PARTS, PARTS, words, part, part, words)
    finds(box, document, right, PARTS, dict(zip(names, of, strict=True)))


@BOUND.item(1, "A bound beside an `anyOf` holds for all its parts.")
def beside_parts(box: Sandbox) -> None:
    names = random.sample(WORDS, 4)
    either = [{"type": "integer"}, {"type": "null"}]
    bound = {"maximum": random.randint(1, 90)}
    document, operation = one_operation(
        [
            query(names[0], {"anyOf": either, **bound}),
            query(names[1], {"anyOf": either[::-1], **bound}),
            query(names[2], {"anyOf": either}),
            query(names[3], {"anyOf": either[::-1]}),
        ]
    )
    right = [sentence(operation, name) for name in names[2:]]
    why = (
        "A value must fit the schema and one part of its `anyOf`. So what stands beside the "
        "`anyOf` counts too."
    )
    finds(box, document, right, why, {names[2]: PARTS, names[3]: ANY_PART})


@BOUND.item(1, "Parameters that stand beside the methods of a path count for each of them.")
def beside(box: Sandbox) -> None:
    own, shared = random.sample(WORDS, 2)
    document, operation = one_operation(
        [query(own, {"type": "integer"})], [query(shared, {"type": "integer"})]
    )
    path = operation.split()[1]
    document["paths"][path]["post"] = {"operationId": "y", "responses": {"200": {}}}
    right = [sentence(operation, own), sentence(operation, shared)]
    right.append(sentence(f"POST {path}", shared))
    finds(box, document, right, "A path may hold `parameters` for all its methods. They are not "
          "in the operation, but a client sends them all the same.")  # fmt: skip


@BOUND.item(1, "Texts, the type `number`, what is not in a query, schemas without a type and our "
            "own document are left alone.")  # fmt: skip
def alone(box: Sandbox) -> None:
    names = random.sample(WORDS, 8)
    document, operation = one_operation(
        [
            query(names[0], {"enum": ["short", "long"]}),
            query(names[1], {"type": "string"}),
            query(names[2], {"anyOf": [{"type": "string"}, {"type": "null"}]}),
            query(names[3], {"type": "integer"}, "header"),
            query(names[4], {"type": "integer"}, "path"),
            query(names[5], {"type": "integer"}, "cookie"),
            query(names[6], {"type": "number"}),
            query(names[7], {"type": "integer"}),
        ]
    )
    why = "The rule is for integers in a query. A rule that cries at other things gets turned off."
    finds(box, document, [sentence(operation, names[7])], why, {
        names[6]: "In OpenAPI `number` may have a fraction; the rule is for `integer` alone.",
        names[7]: NO_END,
    })  # fmt: skip
    found = box.evaluate(
        "from boxoffice.lint import find_unbounded\nfrom boxoffice.spec import read_spec\n"
        "result = find_unbounded(read_spec())"
    )
    require(not found, expected="nothing in our own document", got=str(found)[:300], why=why,
            where=LINTER)  # fmt: skip


# --- stretch: a client that reads the document by itself ----------------------------------

CALL = exercise(
    "ch01.built_call",
    lesson="1.3",
    kind="stretch",
    title="A client in one function",
    answers=("calls.py",),
    hints=(
        "Find the operation first: go through all of them until the `operationId` is the one you "
        "want. Its `parameters` say for each name where it goes: into the path, the query or a "
        "header.",
        "Make one dict for the query and one for the headers, and put values of the path into "
        "the URL as you meet them. `quote(str(value), safe='')` makes a text safe for a path: a "
        "`/` in it becomes `%2F`, and `str` makes text of a number in a header. In the end, names "
        "that no parameter took are a mistake of the caller, and so is a `{…}` that is left in "
        "the URL.",
        "The middle of the function:\n\n"
        "    for parameter in items_of(operation, 'parameters'):\n"
        "        name = str(parameter['name'])\n"
        "        if name not in left:\n"
        "            continue\n"
        "        value = left.pop(name)\n"
        "        if parameter['in'] == 'path':\n"
        "            url = url.replace('{' + name + '}', quote(str(value), safe=''))\n\n"
        "`left` begins as `dict(values)`. What is in it at the end is a `ValueError`.",
    ),
)


HOUSES, DAYS, LANGUAGES = ("odeon", "rialto", "globe"), ("monday", "friday"), ("pt", "en", "fi")
OTHER: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/v2/houses/{house}": {
            "get": {
                "operationId": "read_house",
                "parameters": [
                    {"name": "if-open", "in": "query", "schema": {"type": "string"}},
                    {"name": "language", "in": "header", "schema": {"type": "string"}},
                    {"name": "house", "in": "path", "schema": {"type": "string"}},
                ],
            },
            "post": {
                "operationId": "close_house",
                "parameters": [{"name": "house", "in": "path", "schema": {"type": "string"}}],
            },
            "patch": {
                "operationId": "change_house",
                "parameters": [{"name": "house", "in": "path", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}},
            },
        }
    },
}
"""A document of another server, in which no name and no method tells where a value goes."""
ZERO = (
    "0 is a value, too. Python counts it as false, so ask whether the name is there: "
    "`name in left`."
)


def build(
    box: Sandbox,
    operation_id: str,
    values: dict[str, Any],
    body: Any = None,
    spec: dict[str, Any] | None = None,
) -> Any:
    spec = spec or read_document(box)
    tried = box.attempt("boxoffice.calls:build_call", spec, operation_id, values, body)
    asked = f"with {operation_id!r} and {values}"
    require(
        tried.error != "TypeError" or "quote" not in tried.message,
        expected="a URL with the value in it",
        got="\n".join([*tried.lines[-2:], asked])[:400],
        why="`quote` takes only text, and a value can be a number or a UUID: write "
        "`quote(str(value), …)`.",
        where=CALLS,
    )
    require(
        not tried.error,
        expected="a dict with `method`, `url`, `params`, `headers` and `json`",
        got="\n".join([*tried.lines[-2:], asked])[:400],
        why=ZERO
        if 0 in values.values()
        else "All that is asked for here stands in the document, so nothing is to be refused. Some "
        "operations have no `parameters`, and some parameters get no value.",
        where=CALLS,
    )
    call = tried.value
    require(
        isinstance(call, dict) and {"method", "url"} <= set(call),
        expected="a dict with `method`, `url`, `params`, `headers` and `json`",
        got=repr(call)[:200],
        why="httpx takes it as `client.request(**call)`.",
        where=CALLS,
    )
    require(
        "://" not in str(call["url"]),
        expected="a `url` that begins with `/`",
        got=f"`url` is {call['url']!r}"[:200],
        why="The client knows its server and puts it in front. The call itself is for any server "
        "that keeps the document.",
        where="the task: `url` comes without the server",
    )
    return call


def request_of(box: Sandbox, call: dict[str, Any]) -> httpx.Request:
    """The request that httpx makes of what was built."""
    known = {"method", "url", "params", "headers", "json"}
    extra = sorted(set(call) - known)
    require(
        not extra, expected="no other keys than " + ", ".join(sorted(known)),
        got=f"also {', '.join(extra)}", why="httpx does not know them.", where=CALLS,
    )  # fmt: skip
    try:
        return box.api.build_request(**call)
    except (TypeError, ValueError, httpx.InvalidURL) as error:
        raise NotYet(
            "a call that httpx can send",
            f"{call}: {error}"[:300],
            "The dict goes to httpx as it is.",
            CALLS,
        ) from None


def send(box: Sandbox, call: dict[str, Any]) -> httpx.Response:
    return box.api.send(request_of(box, call))


def field(answer: httpx.Response, name: str) -> Any:
    """A field of a JSON answer; None where there is none."""
    try:
        body = answer.json()
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def shows_of(box: Sandbox) -> list[dict[str, Any]]:
    return box.json(box.api.get("/v1/shows", params={"limit": 100}), "items", list)


@CALL.item(2, "The values go where the document says, into the path, the query or a header, and "
           "the caller's dict stays whole.")  # fmt: skip
def goes_there(box: Sandbox) -> None:
    show = random.choice(shows_of(box))
    answer = send(box, build(box, "read_show", {"show_id": show["id"]}))
    why = "Each parameter has an `in`. A value in the wrong place is one that nobody reads."
    require(
        answer.status_code == 200 and field(answer, "id") == show["id"],
        expected=f"the show {show['title']!r}", got=box.said(answer), why=why, where=CALLS,
    )  # fmt: skip
    limit = random.randint(1, 3)
    answer = send(box, build(box, "list_shows", {"limit": limit, "genre": show["genre"]}))
    items = field(answer, "items")
    require(
        isinstance(items, list)
        and 0 < len(items) <= limit
        and {one["genre"] for one in items} == {show["genre"]},
        expected=f"at most {limit} shows, all {show['genre']}", got=box.said(answer), why=why,
        where=CALLS,
    )  # fmt: skip
    call = build(box, "read_show", {"show_id": show["id"], "if-none-match": '"1"'})
    answer = send(box, call)
    require(
        answer.status_code == 304, expected="304: the header says that we have it",
        got=box.said(answer), why=why, where=CALLS,
    )  # fmt: skip
    house, day, language = (random.choice(pair) for pair in (HOUSES, DAYS, LANGUAGES))
    values = {"house": house, "if-open": day, "language": language}
    asked = request_of(box, build(box, "read_house", values, spec=OTHER))
    got = (asked.url.path, dict(asked.url.params), asked.headers.get("language"))
    require(
        got == (f"/v2/houses/{house}", {"if-open": day}, language),
        expected=f"GET /v2/houses/{house}?if-open={day} with the header `language: {language}`",
        got=f"{asked.method} {asked.url.raw_path.decode()} with {told_headers(asked, values)}",
        why="Only its `in` tells where a value goes. In this document of another server `if-open` "
        "stands in the query and `language` is a header; a name tells nothing.",
        where=CALLS,
    )
    kept = box.evaluate(
        """
        from boxoffice.calls import build_call

        build_call(spec, "read_house", values, None)
        result = values
        """,
        spec=OTHER,
        values=values,
    )
    require(
        kept == values,
        expected=f"the caller's dict as it was: {values}",
        got=str(kept),
        why="The caller may want to use it again. To take values out, make a copy: "
        "`left = dict(values)`.",
        where="the first lines of `build_call`",
    )


def told_headers(request: httpx.Request, names: dict[str, Any]) -> str:
    """The headers of these names, in words."""
    found = [f"`{name}: {request.headers[name]}`" for name in names if name in request.headers]
    return " and ".join(found) or "none of the three as a header"


@CALL.item(1, "A value in the path cannot leave its place: `/`, `?`, `#`, `%` and blanks are "
           "escaped.")  # fmt: skip
def escaped(box: Sandbox) -> None:
    parts = ["a/b", "c?d", "e#f", "5%25", "x y"]
    random.shuffle(parts)
    value = ",".join(parts).replace(",", random.choice("-_"))
    url = str(build(box, "read_show", {"show_id": value})["url"])
    start = "/v1/shows/"
    read = httpx.URL("http://box.office").join(url)
    place = read.raw_path.decode().removeprefix(start)
    why = (
        "A `/` or `?` in a value makes another URL of it. The caller asks for one thing and the "
        "server is asked for another."
    )
    if "+" in url:
        why = (
            "Only in a query does a `+` stand for a blank; in a path it is a plus. `quote` writes "
            "`%20`, as it should be; `quote_plus` does not."
        )
    elif "/" not in url.removeprefix(start) and "?" not in url:
        why = (
            "A `#` ends the URL, and `%25` in a value is read as a `%`. `quote(…, safe='')` "
            "escapes each sign that means something in a URL, and each only once."
        )
    require(
        not set(place) & set("/?") and not read.fragment and unquote(place) == value,
        expected=f"{start}{escape(value)} for the value {value!r}",
        got=url[:200],
        why=why,
        where=CALLS,
    )


def escape(value: str) -> str:
    kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(c if c in kept else f"%{ord(c):02X}" for c in value)


@CALL.item(1, "A value can be a number as well as a text; in a header it becomes text.")
def numbers(box: Sandbox) -> None:
    number = random.randint(2, 999)
    url = str(build(box, "read_show", {"show_id": number})["url"])
    require(
        url.endswith(f"/v1/shows/{number}"),
        expected=f"/v1/shows/{number}", got=url[:200],
        why="The number stands in the path as it is written.", where=CALLS,
    )  # fmt: skip
    call = build(box, "list_shows", {"limit": 0})
    asked = dict(request_of(box, call).url.params)
    require(
        asked.get("limit") == "0",
        expected="GET /v1/shows?limit=0",
        got=f"GET {call['url']} with the query {asked}",
        why=ZERO,
        where=CALLS,
    )
    call = build(box, "read_show", {"show_id": number, "if-none-match": number})
    sent = dict(call.get("headers") or {}).values()
    odd = [value for value in sent if not isinstance(value, str | bytes)]
    require(
        not odd,
        expected=f"the header as text: {str(number)!r}", got=", ".join(map(repr, odd))[:200],
        why="httpx takes a number in the query, but a header only as text.", where=CALLS,
    )  # fmt: skip


@CALL.item(1, "A body goes out as JSON, and an operation without a `requestBody` sends none.")
def body_goes(box: Sandbox) -> None:
    title = f"Opus {random.randint(2, 999)}"
    body = {"title": title, "genre": "dance", "duration_minutes": random.randint(20, 90)}
    answer = send(box, build(box, "create_show", {}, body))
    require(
        answer.status_code == 201 and box.json(answer, "title") == title,
        expected=f"201, and the show {title!r}",
        got=box.said(answer),
        why="The method and the body come from the operation and the caller. httpx sends `json` "
        "as the body, with its content type.",
        where=CALLS,
    )
    call = build(box, "list_venues", {})
    require(
        call.get("json") is None,
        expected="no body",
        got=repr(call.get("json")),
        why="A GET with a body is one that proxies drop or refuse.",
        where="RFC 9110 §9.3.1",
    )
    house = {"house": random.choice(HOUSES)}
    for sent in ({"open": random.randint(8, 12)}, {}):
        call = build(box, "change_house", house, sent, OTHER)
        require(
            call.get("json") == sent,
            expected=f"the body {sent}: `change_house` (PATCH) has a `requestBody`",
            got=repr(call.get("json"))[:200],
            why="Whether a body goes out is for `requestBody` to say, and not for the method."
            if sent
            else "An empty object is a body as well. Only `None` means that there is none.",
            where=CALLS,
        )
    for spec, operation_id, given in (
        (read_document(box), "list_venues", {}), (OTHER, "close_house", house)
    ):  # fmt: skip
        tried = box.attempt("boxoffice.calls:build_call", spec, operation_id, given, body)
        extra = tried.value.get("json") if isinstance(tried.value, dict) else None
        require(
            tried.error == "ValueError" or extra is None,
            expected=f"no body, though the caller gives one: `{operation_id}` has no `requestBody`",
            got=repr(extra)[:200],
            why="The document says which operations take a body, whatever their method. What it "
            "does not know is not sent.",
            where=CALLS,
        )


@CALL.item(2, "An operation or a name that the document does not know, or a path value that is "
           "missing, is a `ValueError`.")  # fmt: skip
def refuses_names(box: Sandbox) -> None:
    spec = read_document(box)
    some = str(uuid4())
    wrong: Iterator[tuple[str, dict[str, Any], str]] = iter(
        [
            (f"read_{random.choice(['seat', 'hold'])}", {}, "an unknown operation"),
            ("read_show", {"show_id": some, random.choice(WORDS): 3}, "an unknown name"),
            ("read_venue", {}, "a path value that is missing"),
        ]
    )
    for operation_id, values, what in wrong:
        tried = box.attempt("boxoffice.calls:build_call", spec, operation_id, values, None)
        require(
            tried.error == "ValueError",
            expected=f"ValueError for {what}",
            got="\n".join(tried.lines[-2:]) or repr(tried.value)[:200],
            why="It stops here, as it should. But whoever calls waits for a `ValueError`, and "
            f"gets a `{tried.error}`."
            if tried.error
            else "A slip in a name should stop here, where it was made. A call that goes out "
            "without it gets an answer to another question.",
            where=CALLS,
        )
