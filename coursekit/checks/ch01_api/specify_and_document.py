"""Checks of lesson 1.3's exercises."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any
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
    require(
        not misfit,
        expected=f"a document that fits the real {status}: {answer.text[:120]}",
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
    """Require an example with the code of this refusal."""
    code = answer.json()["code"]
    examples = examples_of(document, media)
    codes = [one.get("code") if isinstance(one, dict) else None for one in examples]
    require(
        code in codes,
        expected=f"an example with the code `{code}`",
        got=f"examples with {', '.join(map(str, codes))}" if codes else "no example",
        why="One status can stand for two facts. A client tells them apart by the code, so the "
        "document must name each. One call of `refusals` takes all errors; of two dicts joined "
        "with `|` only the second 404 stays.",
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
        "One of them is not in the function at all: what if the id in the URL is no id?",
        "There are three ways to be refused. The service raises one error for a venue that is "
        "not there. The last line raises another. FastAPI refuses a bad id or a bad time by "
        "itself, and `InvalidRequest` stands for that. `refusals(...)` of lesson 1.3 makes the "
        "right dict from the error classes. Name no error that cannot come.",
        "One line is all:\n\n    return refusals(VenueNotFound, NothingOn, InvalidRequest)",
    ),
)


def refuse_next(box: Sandbox, venue_id: str, after: str) -> httpx.Response:
    answer = box.api.get(NEXT.format(venue_id=venue_id), params={"after": after})
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
    rows = box.json(box.api.get("/v1/venues"), "", list)
    return str(random.choice(rows)["id"])


@TOLD.item(1, "The document tells the refusal of an unknown venue, with an example of it.")
def unknown_venue(box: Sandbox) -> None:
    answer = refuse_next(box, str(uuid4()), "2030-05-01T00:00:00Z")
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(1, "It tells the refusal when nothing more is on at the venue, with an example of it.")
def nothing_on(box: Sandbox) -> None:
    answer = refuse_next(box, some_venue(box), f"20{random.randint(40, 90)}-01-01T00:00:00Z")
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(
    1, "It tells the refusal of an id or a time that is none, in the shape that the server sends."
)
def no_id(box: Sandbox) -> None:
    asked = random.choice([("7", "2030-05-01T00:00:00Z"), (some_venue(box), "tomorrow")])
    answer = refuse_next(box, *asked)
    document = read_told(box)
    is_told(document, told_of(document, "get", NEXT, answer), answer)


@TOLD.item(1, "It promises no answer that never comes.")
def no_more(box: Sandbox) -> None:
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
        "house answers 503, and the document has no word on it. A time that is none is refused "
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


def ask_health(box: Sandbox, hour: int, status: int) -> httpx.Response:
    at = f"2030-0{random.randint(1, 9)}-1{random.randint(0, 9)}T{hour:02}:30:00Z"
    answer = box.api.get("/health", params={"at": at})
    opens_at = at[:11] + "10:00:00+00:00"
    right = {"status": "open", "opens_at": None}
    if status == 503:
        right = {"status": "closed", "opens_at": opens_at}
    require(
        answer.status_code == status and same_body(answer, right),
        expected=f"{status} with {right}, as before",
        got=box.said(answer),
        why="The server was right, and programs rely on what it sends. Change what the document "
        "says, not what the server does.",
        where="lesson 1.3, 'See it fail'",
    )
    return answer


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
    answer = ask_health(box, random.choice([0, 1, 10, 15, 23]), 200)
    document = read_document(box)
    media = told_of(document, "get", "/health", answer)
    refuses(document, media, {"status": "open", "opens_at": 5}, {"status": 7, "opens_at": None})


@HONEST.item(2, "A closed house answers 503, and the document has that answer with its fields.")
def closed_house(box: Sandbox) -> None:
    answer = ask_health(box, random.randint(2, 9), 503)
    document = read_document(box)
    media = told_of(document, "get", "/health", answer)
    date = "2030-05-01T10:00:00+00:00"
    refuses(document, media, {"status": "closed", "opens_at": 5}, {"status": 7, "opens_at": date})


@HONEST.item(1, "`opens_at` is still told as a time, not as any text.")
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
            all(part.get("format") == "date-time" for part in texts) and (texts or status == "200"),
            expected=f"`opens_at` of the {status} with the format `date-time`",
            got=f"`opens_at` as {', '.join(map(str, parts)) or 'nothing'}"[:200],
            why=GUESS,
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


@HONEST.item(1, "A time that is none answers 422, in the shape that the document says.")
def no_time(box: Sandbox) -> None:
    answer = box.api.get("/health", params={"at": random.choice(["noon", "25:00", "soon"])})
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


# --- write: a rule for the linter ---------------------------------------------------------

BOUND = exercise(
    "ch01.bounded_numbers",
    lesson="1.3",
    kind="write",
    title="No number without an end",
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
WORDS = ("limit", "rows", "page", "depth", "seats", "year")


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
) -> None:
    """Require these sentences. `of` has the reasons for single parameters, by name."""
    tried = box.attempt("boxoffice.lint:find_unbounded", document)
    item = next(iter(document["paths"].values()))
    both = [*item.get("parameters", []), *next(iter(item.values()))["parameters"]]
    require(
        not tried.error,
        expected="a list of sentences",
        got="\n".join([*tried.lines[-2:], f"with the parameters {json.dumps(both)}"])[:420],
        why="A rule must get through any document. A key can be missing, and a value can be of "
        "another type than the one you have in mind: `.get` asks without a crash.",
        where=PARAMETERS,
    )
    found = tried.value
    require(
        isinstance(found, list),
        expected="a list of sentences",
        got=repr(found)[:200],
        why="The linter puts the findings of all its rules together, so each gives a list.",
        where=LINTER,
    )
    given = sorted(map(str, found))
    require(
        given == sorted(right)
        or [one.lower() for one in given] != [one.lower() for one in sorted(right)],
        expected=str(sorted(right)),
        got=str(given)[:400],
        why="The method stands in capitals, as in the sentence of the task: `method.upper()`.",
        where=LINTER,
    )
    wrong = [one for one in both if is_wrong(document, one["name"], given, right)]
    shown = f"\nfor the parameter {show(document, wrong[0])}" if wrong else ""
    require(
        given == sorted(right),
        expected=str(sorted(right)),
        got=str(given)[:400] + shown,
        why=(of or {}).get(wrong[0]["name"], why) if wrong else why,
        where=PARAMETERS,
    )


def is_wrong(document: dict[str, Any], name: str, given: list[str], right: list[str]) -> bool:
    """Whether a sentence on this parameter is missing, or is there too often."""
    said = [
        sentence(f"{method.upper()} {path}", name)
        for path, item in document["paths"].items()
        for method in item
    ]
    return any(given.count(one) != right.count(one) for one in said)


def show(document: dict[str, Any], parameter: dict[str, Any]) -> str:
    """A parameter as the document has it, and what its `$ref` points to."""
    ref = parameter["schema"].get("$ref")
    behind = f"; {ref} is {json.dumps(resolve(document, {'$ref': ref}))}" if ref else ""
    return json.dumps(parameter) + behind


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
          "sends people round in circles.")  # fmt: skip


@BOUND.item(1, "`maximum` and `exclusiveMaximum` are both a bound, even if they are 0.")
def bounds(box: Sandbox) -> None:
    names = random.sample(WORDS, 3)
    parameters = [
        query(names[0], {"type": "integer", "exclusiveMaximum": random.randint(1, 50)}),
        query(names[1], {"type": "integer", "maximum": 0}),
        query(names[2], {"type": "integer", "exclusiveMaximum": 0}),
    ]
    document, _ = one_operation(parameters)
    finds(box, document, [], "A bound of 0 is a bound: ask if the key is there, not if its value "
          "is true. And `exclusiveMaximum` is an end as well.")  # fmt: skip


@BOUND.item(1, "A number that may be `null`, or stands behind a `$ref`, is looked at too.")
def hidden(box: Sandbox) -> None:
    names = random.sample(WORDS, 5)
    integer: dict[str, Any] = {"type": "integer"}
    bounded = {"type": "integer", "maximum": 9}
    document, operation = one_operation(
        [
            query(names[0], {"anyOf": [integer, {"type": "null"}]}),
            query(names[1], {"anyOf": [bounded, {"type": "null"}]}),
            query(names[2], {"$ref": "#/components/schemas/Count"}),
            query(names[3], {"$ref": "#/components/schemas/Few"}),
            query(names[4], {"type": ["integer", "null"]}),
        ]
    )
    document["components"]["schemas"] = {"Count": integer, "Few": bounded}
    right = [sentence(operation, names[i]) for i in (0, 2, 4)]
    finds(box, document, right, "`int | None` becomes an `anyOf` with two parts, and a shared "
          "type becomes a `$ref`. The number and its bound stand inside.",
          {names[4]: 'A `type` can be a list of words too. `["integer", "null"]` is an integer '
           "that may be `null`."})  # fmt: skip


@BOUND.item(1, "A bound beside an `anyOf` holds for all its parts.")
def beside_parts(box: Sandbox) -> None:
    names = random.sample(WORDS, 2)
    either = [{"type": "integer"}, {"type": "null"}]
    random.shuffle(either)
    document, operation = one_operation(
        [
            query(names[0], {"anyOf": either, "maximum": random.randint(1, 90)}),
            query(names[1], {"anyOf": either, "minimum": 1}),
        ]
    )
    finds(box, document, [sentence(operation, names[1])], "A value must fit the schema and one "
          "part of its `anyOf`. So what stands beside the `anyOf` counts too.")  # fmt: skip


@BOUND.item(1, "Parameters that stand beside the methods of a path count for each of them.")
def beside(box: Sandbox) -> None:
    own, shared = random.sample(WORDS, 2)
    document, operation = one_operation(
        [query(own, {"type": "integer"})], [query(shared, {"type": "integer"})]
    )
    right = [sentence(operation, own), sentence(operation, shared)]
    finds(box, document, right, "A path may hold `parameters` for all its methods. They are not "
          "in the operation, but a client sends them all the same.")  # fmt: skip


@BOUND.item(1, "Texts, headers, schemas without a type and our own document are left alone.")
def alone(box: Sandbox) -> None:
    names = random.sample(WORDS, 4)
    document, _ = one_operation(
        [
            query(names[3], {"enum": ["short", "long"]}),
            query(names[0], {"type": "string"}),
            query(names[1], {"type": "integer"}, "header"),
            query(names[2], {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ]
    )
    why = "The rule is for integers in a query. A rule that cries at other things gets turned off."
    finds(box, document, [], why)
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
        "`/` in it becomes `%2F`. In the end, names that no parameter took are a mistake of the "
        "caller, and so is a `{…}` that is left in the URL.",
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


def build(box: Sandbox, operation_id: str, values: dict[str, Any], body: Any = None) -> Any:
    spec = read_document(box)
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
        why="All that is asked for here stands in the document, so nothing is to be refused. Some "
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
    return call


def send(box: Sandbox, call: dict[str, Any]) -> httpx.Response:
    """Send what was built."""
    known = {"method", "url", "params", "headers", "json"}
    extra = sorted(set(call) - known)
    require(
        not extra, expected="no other keys than " + ", ".join(sorted(known)),
        got=f"also {', '.join(extra)}", why="httpx does not know them.", where=CALLS,
    )  # fmt: skip
    try:
        return box.api.request(**call)
    except (TypeError, ValueError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise NotYet(
            "a call that httpx can send",
            f"{call}: {error}"[:300],
            "The dict goes to httpx as it is.",
            CALLS,
        ) from None


def shows_of(box: Sandbox) -> list[dict[str, Any]]:
    return box.json(box.api.get("/v1/shows", params={"limit": 100}), "items", list)


@CALL.item(2, "The values go where the document says: into the path, the query or a header.")
def goes_there(box: Sandbox) -> None:
    show = random.choice(shows_of(box))
    answer = send(box, build(box, "read_show", {"show_id": show["id"]}))
    why = "Each parameter has an `in`. A value in the wrong place is one that nobody reads."
    require(
        answer.status_code == 200 and box.json(answer, "id") == show["id"],
        expected=f"the show {show['title']!r}", got=box.said(answer), why=why, where=CALLS,
    )  # fmt: skip
    limit = random.randint(1, 3)
    answer = send(box, build(box, "list_shows", {"limit": limit, "genre": show["genre"]}))
    genres = [one["genre"] for one in box.json(answer, "items", list)]
    require(
        0 < len(genres) <= limit and set(genres) == {show["genre"]},
        expected=f"at most {limit} shows, all {show['genre']}", got=str(genres), why=why,
        where=CALLS,
    )  # fmt: skip
    call = build(box, "read_show", {"show_id": show["id"], "if-none-match": '"1"'})
    answer = send(box, call)
    require(
        answer.status_code == 304, expected="304: the header says that we have it",
        got=box.said(answer), why=why, where=CALLS,
    )  # fmt: skip


@CALL.item(1, "A value in the path cannot leave its place: `/`, `?` and blanks are escaped.")
def escaped(box: Sandbox) -> None:
    value = random.choice(["a/b?c", "../venues", "x y/z", "1?limit=2"])
    url = str(build(box, "read_show", {"show_id": value})["url"])
    plain = httpx.URL("http://box.office").join(url)
    right = httpx.URL("http://box.office/v1/shows/" + escape(value))
    require(
        plain.raw_path == right.raw_path,
        expected=right.raw_path.decode(),
        got=url[:200],
        why="A `/` or `?` in a value makes another URL of it. The caller asks for one thing and "
        "the server is asked for another.",
        where=CALLS,
    )


def escape(value: str) -> str:
    kept = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(c if c in kept else f"%{ord(c):02X}" for c in value)


@CALL.item(1, "A value can be a number as well as a text.")
def numbers(box: Sandbox) -> None:
    number = random.randint(2, 999)
    url = str(build(box, "read_show", {"show_id": number})["url"])
    require(
        url.endswith(f"/v1/shows/{number}"),
        expected=f"/v1/shows/{number}", got=url[:200],
        why="The number stands in the path as it is written.", where=CALLS,
    )  # fmt: skip
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
    spec = read_document(box)
    tried = box.attempt("boxoffice.calls:build_call", spec, "list_venues", {}, body)
    sent = tried.value.get("json") if isinstance(tried.value, dict) else None
    require(
        tried.error == "ValueError" or sent is None,
        expected="no body, though the caller gives one: `list_venues` has no `requestBody`",
        got=repr(sent)[:200],
        why="The document says which operations take a body. What it does not know is not sent.",
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
            got=tried.error or repr(tried.value)[:200],
            why="A slip in a name should stop here, where it was made. A call that goes out "
            "without it gets an answer to another question.",
            where=CALLS,
        )
