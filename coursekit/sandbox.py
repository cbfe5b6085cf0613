"""What an item of a check sees: the learner's files, their API, and ways to call them.

What is the same wherever the learner's code runs stands here: the ways to ask, and what becomes of
an answer. Where it runs is for two kinds of sandboxes to say: `confined` has processes that cannot
outlive us, `tab.sandbox` has this very interpreter alone.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import sys
import threading
import time
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString, Protocol, TypeVar, overload

import httpx

from coursekit import server
from coursekit.verdict import CouldNotFinish, NotYet

if TYPE_CHECKING:
    import psycopg

    Connection = psycopg.Connection[dict[str, Any]]

T = TypeVar("T")
ANSWER_SECONDS = 5.0
ANSWER_BYTES = 8 << 20
MEMORY = "your code used more than 512 MB of memory."
STARTS = "your API starts"


class Answers(list[httpx.Response]):
    """The responses of a race, in the order of the callers."""

    @property
    def codes(self) -> dict[int, int]:
        """Status code → how many callers got it."""
        return dict(sorted(Counter(answer.status_code for answer in self).items()))

    @property
    def winners(self) -> list[httpx.Response]:
        return [answer for answer in self if answer.is_success]

    @property
    def losers(self) -> list[httpx.Response]:
        return [answer for answer in self if not answer.is_success]


@dataclass(frozen=True)
class Called:
    """What a call came to: its value, or the error with the learner's own lines."""

    value: Any = None
    error: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()
    unawaited: tuple[str, ...] = ()
    """The learner's lines with a call that nobody awaited."""

    @classmethod
    def of(cls, told: Mapping[str, object]) -> Called:
        """What `answer` told. Raises CouldNotFinish where the memory did not do."""

        def texts(name: str) -> tuple[str, ...]:
            found = told.get(name)
            return tuple(map(str, found)) if isinstance(found, list) else ()

        called = cls(
            told.get("value"), str(told.get("error", "")), str(told.get("message", "")),
            texts("lines"), texts("unawaited"),
        )  # fmt: skip
        if called.error == "MemoryError":
            raise CouldNotFinish(MEMORY)
        return called


@dataclass(frozen=True)
class Ran:
    """A tool that ran to its end."""

    code: int
    output: str


class Supply(Protocol):
    """Where databases come from."""

    def take(self, name: str) -> str:
        """The address of a fresh database. Raises NotYet where the learner's tables fail."""


class Sandbox(ABC):
    """The learner's Box Office for one item of a check, in a folder of its own."""

    def __init__(
        self, name: str, place: Path, *, deadline: Callable[[], float],
        patience: float = ANSWER_SECONDS, supply: Supply | None = None,
    ) -> None:  # fmt: skip
        self._name = name
        self._place = place
        self._left = deadline
        self._patience = patience
        self._supply = supply
        self._database: str | None = None
        self._connections: list[Connection] = []
        self._clients: list[httpx.Client] = []
        self._unawaited: list[str] = []
        self._is_own = False
        self._is_used = False
        self._starting = threading.RLock()

    @property
    def files(self) -> Path:
        """The folder that holds boxoffice/, for this item alone."""
        with self._starting:
            if not self._is_own:
                self._is_own = True
                if not self._is_used:  # what was started ahead knows other files
                    self.close()
                self._copy()
            return self._place

    # --- what the kinds of sandboxes do in their own ways

    def _judges_url(self) -> str:
        """Where the check's own SQL goes."""
        return self.database_url

    def administer(self, query: LiteralString) -> None:
        """Run what only the owner of the server may, as an event trigger. Names no user's data."""
        self.sql(query)

    @abstractmethod
    def _copy(self) -> None:
        """Give the working folder a boxoffice/ of its own."""

    @abstractmethod
    def _served(self) -> Api:
        """The learner's API, started."""

    @abstractmethod
    def _stop_api(self) -> None: ...

    @abstractmethod
    def _ask(self, **request: object) -> Called:
        """Have `answer` answer a request, among the learner's modules."""

    @abstractmethod
    def run(self, command: str, seconds: float = 60) -> Ran:
        """Run a Python tool (`pytest …`, `python file.py`, …) in the sandbox's folder."""

    @abstractmethod
    def race(
        self,
        callers: int | Sequence[Callable[[], httpx.Response]],
        call: Callable[..., httpx.Response] | None = None,
    ) -> Answers:
        """Real callers, released at once. `call` takes no argument, or the caller's number."""

    @abstractmethod
    def crash(self) -> list[str]:
        """The learner's lines of the last error that their API let escape."""

    @abstractmethod
    def _served_unawaited(self) -> list[str]:
        """The lines of the learner's API with a call that nobody awaited."""

    # --- the API

    @property
    def api(self) -> httpx.Client:
        """A client of the learner's API, which is started at the first use."""
        with self._starting:
            self._ready()
            if not self._clients:
                self._clients.append(self._client())
            return self._clients[0]

    @property
    def url(self) -> str:
        """Where the API answers, for tools that are told an address."""
        return self._ready().url

    def clients(self, count: int) -> list[httpx.Client]:
        """Clients apart from each other (cookies, connections) of the same running API."""
        self._ready()
        made = [self._client() for _ in range(count)]
        self._clients += made
        return made

    def restart(self) -> httpx.Client:
        """A client of a fresh process of the same files: what was in memory only is gone."""
        self._stop_api()
        return self.api

    def _ready(self) -> Api:
        with self._starting:
            self._is_used = True
            return self._served()

    def _client(self) -> httpx.Client:
        api = self._ready()
        return httpx.Client(
            base_url=api.url, transport=Transport(self, api), timeout=self.patience(),
            trust_env=False,
        )  # fmt: skip

    def _close_clients(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()

    # --- the database

    @property
    def database_url(self) -> str:
        """Where this item's own database is; the learner's code finds it in DATABASE_URL."""
        with self._starting:
            if self._supply is None:
                raise RuntimeError("this exercise has no database")
            if self._database is None:
                self._database = self._supply.take(self._name)
            return self._database

    def connect(self) -> psycopg.Connection[dict[str, Any]]:
        """A psycopg connection of our own (autocommit, rows are dicts), closed with the box.

        A statement that waits longer than an answer may take is cancelled.
        """
        made = self._open(self._judges_url(), max(100, int(self.patience() * 1000)))
        self._connections.append(made)
        return made

    def _open(self, url: str, milliseconds: int) -> Connection:
        """A connection whose statements are cancelled after that time."""
        import psycopg
        from psycopg.rows import dict_row

        return psycopg.connect(
            url, autocommit=True, connect_timeout=5, row_factory=dict_row,
            options=f"-c statement_timeout={milliseconds}", application_name="check",
        )  # fmt: skip

    def sql(self, query: LiteralString, *params: object) -> list[dict[str, Any]]:
        """The rows of a query on the item's database; placeholders are `%s`.

        A table or column that is not there, and rows that stay locked, are a `NotYet`. What a
        constraint refuses comes through, as `psycopg.IntegrityError`.
        """
        with self._explained():
            cursor = self._asking().execute(query, params or None)
            return cursor.fetchall() if cursor.description else []

    def plan(self, query: LiteralString, *params: object) -> dict[str, Any]:
        """The top node of the plan that really ran (`explain (analyze, buffers)`).

        What the query changes is rolled back.
        """
        with self._explained(), self._asking().transaction(force_rollback=True):
            asked = "explain (analyze, buffers, format json) " + query
            row = self._asking().execute(asked, params or None).fetchone()
        assert row is not None
        plan: dict[str, Any] = row["QUERY PLAN"][0]["Plan"]
        return plan

    def _asking(self) -> psycopg.Connection[dict[str, Any]]:
        return self._connections[0] if self._connections else self.connect()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
            raise NotYet(
                "the tables and columns that the task names",
                f"PostgreSQL says: {error.diag.message_primary}",
            ) from None
        except psycopg.errors.QueryCanceled:
            raise NotYet(
                "the rows can be read and written by others",
                f"they were locked for {in_seconds(self.patience())}, or the query did not end",
                "A transaction that is left open keeps its locks.",
            ) from None

    # --- calls

    def call(self, function: str, *args: object, **named: object) -> Any:
        """Call "module:function" in the sandbox; arguments and result travel as JSON.

        A coroutine is awaited. An error of the learner's code is a `NotYet`.
        """
        return self._value(self.attempt(function, *args, **named), f"{_short(function)}(…)")

    def attempt(self, function: str, *args: object, **named: object) -> Called:
        """Like `call`, but an error is returned: for functions that must raise one."""
        return self._noted(self._ask(call=function, args=args, named=named))

    def evaluate(self, code: str, **names: object) -> Any:
        """Run the check's own `code` in the sandbox, with these names; gives its `result`.

        For what JSON cannot carry: building a store, passing objects to the learner's function.
        """
        called = self._noted(self._ask(code=inspect.cleandoc(code), named=names))
        return self._value(called, "your function")

    def _noted(self, called: Called) -> Called:
        self._unawaited += called.unawaited
        return called

    def unawaited(self) -> list[str]:
        """The learner's lines, so far, with a call that nobody awaited."""
        return [*self._unawaited, *self._served_unawaited()]

    @staticmethod
    def _value(called: Called, what: str) -> Any:
        if called.error:
            raise NotYet(f"{what} gives a result", "\n".join(called.lines[-2:]) or called.error)
        return called.value

    # --- reading answers

    @overload
    def json(self, answer: httpx.Response) -> Any: ...
    @overload
    def json(self, answer: httpx.Response, path: str) -> Any: ...
    @overload
    def json(self, answer: httpx.Response, path: str, kind: type[T]) -> T: ...
    def json(self, answer: httpx.Response, path: str = "", kind: type[Any] = object) -> Any:
        """What stands at `path` ("items.0.id") of a JSON answer, or a `NotYet` saying it is not.

        `kind` is the Python type it must have: `list`, `dict`, `str`, `int`, `bool`, …
        """
        wanted = "a JSON answer" + (f" with `{path}`" if path else "")
        if kind is not object:
            wanted += f" ({_KINDS.get(kind, kind.__name__)})"
        got = said(answer)
        try:
            value = answer.json()
        except ValueError:
            raise NotYet(wanted, got) from None
        for step in filter(None, path.split(".")):
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                raise NotYet(wanted, got)
        if not isinstance(value, kind) or (kind in (int, float) and isinstance(value, bool)):
            raise NotYet(wanted, got)
        return value

    def said(self, answer: httpx.Response) -> str:
        """An answer in one line, for `got`."""
        return said(answer)

    # --- the judge's side

    def patience(self) -> float:
        """Seconds to wait for one answer."""
        return max(0.1, min(self._patience, self._left()))

    def hurry(self, seconds: float) -> None:
        """Wait less long from now on."""
        self._patience = min(self._patience, seconds)

    def leave(self) -> None:
        """The item is through with it; need not wait for the end."""
        self.close()

    def close(self) -> None:
        """End all that runs, and all connections, of this sandbox."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._stop_api()

    def _variables(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url} if self._supply is not None else {}


def said(answer: httpx.Response) -> str:
    """An answer in one line: "404 Not Found, {"code": …}"."""
    body = " ".join(answer.text.split())
    if len(body) > 140:
        body = body[:140] + "…"
    start = f"{answer.status_code} {answer.reason_phrase}"
    if body == answer.reason_phrase:  # what a server says when it has nothing to say
        return start
    return start + (f", {body}" if body else ", no body")


_KINDS: Mapping[type[Any], str] = {
    list: "a list", dict: "an object", str: "a string", int: "a whole number",
    bool: "true or false", float: "a number", type(None): "null",
}  # fmt: skip


def yours(fact: str) -> str:
    return "your code " + fact.removeprefix("it ") + "."


def in_seconds(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} second" + ("s" if whole > 1 else "")


def no_way_on(lines: Sequence[str]) -> None:
    """Raise CouldNotFinish where the learner's error is an end of the process, or of memory."""
    last = lines[-1] if lines else ""
    if last.startswith("SystemExit"):
        code = last.partition(": ")[2] or "0"
        raise CouldNotFinish(f"your code ended itself (exit code {code}).")
    if last.startswith("MemoryError"):
        raise CouldNotFinish(MEMORY)


def _short(function: str) -> str:
    return function.rpartition(":")[2]


def not_started(lines: Sequence[str]) -> NotYet:
    """The API does not start. Raises CouldNotFinish where the code ended itself."""
    no_way_on(lines)
    return NotYet(
        STARTS,
        "\n".join(lines[-2:]),
        "Python stopped while it loaded your code, so no request could be answered.",
    )


def slow(seconds: float) -> CouldNotFinish:
    """There was no answer in time."""
    return CouldNotFinish(
        f"your code did not answer within {in_seconds(seconds)}. Is there a loop that never ends?"
    )


class Api(Protocol):
    """A running API of the learner's, as a transport needs it."""

    @property
    def url(self) -> str: ...

    def ask(self, request: httpx.Request) -> httpx.Response: ...

    def crash(self, seconds: float = 0) -> list[str]: ...

    def explained(self, what: str) -> contextlib.AbstractContextManager[None]:
        """Say what went wrong, as NotYet or CouldNotFinish, where no answer comes."""

    def look(self) -> None:
        """Raise CouldNotFinish where a limit was broken."""


class Transport(httpx.BaseTransport):
    """HTTP to the learner's API: every way to fail has a sentence, and no answer is endless."""

    def __init__(self, box: Sandbox, api: Api) -> None:
        self._box = box
        self._api = api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        with self._api.explained(what):
            response = self._api.ask(request)
        if response.status_code >= 500:
            seconds = 0.2 if response.status_code == 500 else 0  # a 503 is meant, as a rule
            no_way_on(self._api.crash(seconds))
            self._api.look()
        assert isinstance(response.stream, httpx.SyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Measured(self._api, response.stream, what, self._box.patience()),
            extensions=response.extensions,
        )


class _Measured(httpx.SyncByteStream):
    def __init__(self, api: Api, stream: httpx.SyncByteStream, what: str, seconds: float) -> None:
        self._api, self._stream, self._what = api, stream, what
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        size, start = 0, time.monotonic()
        with self._api.explained(self._what):
            for chunk in self._stream:
                size += len(chunk)
                if size > ANSWER_BYTES:
                    raise CouldNotFinish(f"your code sent more than 8 MB to {self._what}.")
                if time.monotonic() - start > self._seconds:
                    raise CouldNotFinish(
                        f"your code did not come to the end of its answer to {self._what} within "
                        f"{in_seconds(self._seconds)}."
                    )
                yield chunk

    def close(self) -> None:
        self._stream.close()


# --- where the learner's modules are ------------------------------------------------------------


def answer(request: Mapping[str, Any], folder: Path) -> dict[str, object]:
    """Among the learner's modules: call what is asked for; its `value`, or `error` and `lines`.

    `unawaited` has the lines with a call that nobody awaited.
    """
    unawaited: list[str] = []
    depth = sys.get_coroutine_origin_tracking_depth()
    with warnings.catch_warnings():
        warnings.simplefilter("always", RuntimeWarning)
        server.watch_awaits(folder, unawaited.append)
        try:
            return {**_answer(request, folder), "unawaited": unawaited}
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)


def _answer(request: Mapping[str, Any], folder: Path) -> dict[str, object]:
    from fastapi.encoders import jsonable_encoder

    try:
        if "code" in request:
            names: dict[str, Any] = dict(request["named"])
            exec(compile(request["code"], "<check>", "exec"), names)
            value = names.get("result")
        else:
            module, _, name = request["call"].partition(":")
            function = getattr(importlib.import_module(module), name)
            value = function(*request["args"], **request["named"])
        if inspect.iscoroutine(value):
            import asyncio

            value = asyncio.run(value)
        value = json.loads(json.dumps(jsonable_encoder(value)))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        lines = server.own_frames(error, folder)
        message = str(error)[:2000]
        return {"error": type(error).__name__, "message": message, "lines": lines}
    return {"value": value}
