"""What an item of a check sees: the learner's files, their API, and ways to call them.

The learner's code runs in confined processes only (`confine.py`); everything here is on the
judge's side, and turns what can go wrong there into `NotYet` or `CouldNotFinish`.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import secrets
import shlex
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, LiteralString, TypeVar, overload

import httpx
import psycopg
from psycopg.rows import dict_row

from coursekit import server, tool
from coursekit.confine import Confined
from coursekit.ground import Ground, Role
from coursekit.supply import Supply
from coursekit.verdict import CouldNotFinish, NotYet
from coursekit.warm import Channel

T = TypeVar("T")
Connection = psycopg.Connection[dict[str, Any]]
ANSWER_SECONDS = 5.0
ANSWER_BYTES = 8 << 20
MEMORY = "your code used more than 512 MB of memory."


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


@dataclass(frozen=True)
class Ran:
    """A tool that ran to its end."""

    code: int
    output: str


class Sandbox:
    """The learner's Box Office for one item of a check, in a folder of its own."""

    def __init__(
        self, ground: Ground, name: str, *, patience: float = ANSWER_SECONDS,
        supply: Supply | None = None,
    ) -> None:  # fmt: skip
        self._ground = ground
        self._name = name
        self._supply = supply
        self._database: str | None = None
        self._connections: list[Connection] = []
        self._watch = ground.watch
        self._patience = patience
        self._place = ground.place(name)
        self._is_own = False
        self._is_used = False
        self._served: _Served | None = None
        self._worker: Confined | None = None
        self._clients: list[httpx.Client] = []
        self._starting = threading.RLock()

    @property
    def files(self) -> Path:
        """The folder that holds boxoffice/, for this item alone."""
        with self._starting:
            if not self._is_own:
                self._is_own = True
                if not self._is_used:  # what was started ahead knows other files
                    self.close()
                self._ground.copy(self._place)
            return self._place

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

    def prefetch(self, api: bool, calls: bool, database: bool = False) -> None:
        """Start already what the item will need, without waiting for it."""
        with self._starting:
            if self._supply is not None and (api or calls or database):
                self.database_url  # noqa: B018
            if api and self._served is None:
                self._served = _Served(self)
            if calls and self._worker is None:
                self._worker = self._confine("work")

    def _ready(self) -> _Served:
        with self._starting:
            self._is_used = True
            self.prefetch(api=True, calls=False)
            assert self._served is not None
            self._served.wait()
            return self._served

    def _client(self) -> httpx.Client:
        served = self._ready()
        return httpx.Client(
            base_url=served.url, transport=_Transport(self, served), timeout=self.patience(),
            trust_env=False,
        )  # fmt: skip

    def _stop_api(self) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self._served is not None:
            self._end(self._served.process)
            self._served = None

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

    def connect(self) -> Connection:
        """A psycopg connection of our own (autocommit, rows are dicts), closed with the box.

        A statement that waits longer than an answer may take is cancelled.
        """
        url = self.database_url
        limit = f"-c statement_timeout={max(100, int(self.patience() * 1000))}"
        made = psycopg.connect(
            url, autocommit=True, connect_timeout=5, row_factory=dict_row, options=limit,
            application_name="check",
        )  # fmt: skip
        self._connections.append(made)
        return made

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

    def _asking(self) -> Connection:
        return self._connections[0] if self._connections else self.connect()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
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
                f"they were locked for {_seconds(self.patience())}, or the query did not end",
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
        return self._ask(call=function, args=args, named=named)

    def evaluate(self, code: str, **names: object) -> Any:
        """Run the check's own `code` in the sandbox, with these names; gives its `result`.

        For what JSON cannot carry: building a store, passing objects to the learner's function.
        """
        return self._value(self._ask(code=inspect.cleandoc(code), named=names), "your function")

    def _ask(self, **request: object) -> Called:
        with self._starting:
            self._is_used = True
            self.prefetch(api=False, calls=True)
        assert self._worker is not None
        mark = secrets.token_hex(8)
        seconds = self.patience()
        self._worker.send(id=mark, **request)
        try:
            answer = self._worker.receive(seconds)
        except TimeoutError:
            raise self._slow(self._worker, seconds) from None
        if answer is None:
            raise self._gone(self._worker, "the call")
        if answer.get("id") != mark:
            raise NotYet("one answer to one call", "something else on the same line")
        lines = answer.get("lines")
        called = Called(
            answer.get("value"), str(answer.get("error", "")), str(answer.get("message", "")),
            tuple(map(str, lines)) if isinstance(lines, list) else (),
        )  # fmt: skip
        if called.error == "MemoryError":
            raise CouldNotFinish(MEMORY)
        if called.error:
            self._look(self._worker)
        return called

    @staticmethod
    def _look(process: Confined) -> None:
        """Whether an error came of a limit that nobody had seen it break yet."""
        process.look()
        if process.breach:
            raise CouldNotFinish(_yours(process.breach))

    @staticmethod
    def _value(called: Called, what: str) -> Any:
        if called.error:
            raise NotYet(f"{what} gives a result", "\n".join(called.lines[-2:]) or called.error)
        return called.value

    def run(self, command: str, seconds: float = 60) -> Ran:
        """Run a Python tool (`pytest …`, `python file.py`, …) in the sandbox's folder."""
        words = shlex.split(command)
        folder = self.files
        process = Confined(
            lambda channel: tool.run(channel, command=words), folder, variables=self._variables(),
            limits=self._ground.limits, namespace=self._ground.namespace,
        )  # fmt: skip
        self._watch.add(process)
        seconds = min(seconds, max(self._watch.left(), 0.1))
        try:
            message = process.receive(seconds)
        except TimeoutError:
            raise self._slow(process, seconds) from None
        end = process.ended(0.5) if message is None else None
        if process.breach:
            raise CouldNotFinish(f"{_yours(process.breach)} (`{words[0]}`)")
        code = message.get("code") if message else (end.code if end else None)
        output = process.output()
        self._end(process)
        return Ran(code if isinstance(code, int) else 1, output)

    def race(
        self,
        callers: int | Sequence[Callable[[], httpx.Response]],
        call: Callable[..., httpx.Response] | None = None,
    ) -> Answers:
        """Real threads, released at once. `call` takes no argument, or the caller's number."""
        calls: list[Callable[[], httpx.Response]]
        if isinstance(callers, int):
            if call is None:
                raise TypeError("race(n, call) needs a call")
            numbered = bool(inspect.signature(call).parameters)
            calls = [partial(call, n) if numbered else call for n in range(callers)]
        else:
            calls = [*callers]
        self._ready()
        answers: list[httpx.Response | None] = [None] * len(calls)
        errors: list[BaseException] = []
        barrier = threading.Barrier(len(calls))

        def run(number: int) -> None:
            try:
                barrier.wait(10)
                answers[number] = calls[number]()
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(calls))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise next((e for e in errors if isinstance(e, CouldNotFinish)), errors[0])
        return Answers(answer for answer in answers if answer is not None)

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
        return max(0.1, min(self._patience, self._watch.left()))

    def hurry(self, seconds: float) -> None:
        """Wait less long from now on."""
        self._patience = min(self._patience, seconds)

    def crash(self) -> list[str]:
        """The learner's lines of the last error that their API let escape."""
        return self._served.crash() if self._served else []

    def close(self) -> None:
        """End all processes and connections of this sandbox."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._stop_api()
        if self._worker is not None:
            self._end(self._worker)
            self._worker = None

    def _confine(self, role: str, listener: socket.socket | None = None) -> Confined:
        return self._ground.start(
            role, self._place, alone=self._is_own, listener=listener,
            modules=["boxoffice.app"] if role == "serve" else [], variables=self._variables(),
        )  # fmt: skip

    def _variables(self) -> dict[str, str]:
        return {"DATABASE_URL": self.database_url} if self._supply is not None else {}

    def _end(self, process: Confined) -> None:
        self._watch.forget(process)
        process.end()

    def _slow(self, process: Confined, seconds: float) -> CouldNotFinish:
        if process.breach:
            return CouldNotFinish(_yours(process.breach))
        return CouldNotFinish(
            f"your code did not answer within {_seconds(seconds)}. Is there a loop that never ends?"
        )

    def _gone(self, process: Confined, what: str) -> Exception:
        """Why a process no longer answers."""
        end = process.ended(1.0)
        if process.breach:
            return CouldNotFinish(_yours(process.breach))
        if end is not None:
            return CouldNotFinish(_yours(str(end)))
        return NotYet(f"a whole answer to {what}", "the connection broke off in the middle")


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


def _yours(fact: str) -> str:
    return "your code " + fact.removeprefix("it ") + "."


def _seconds(seconds: float) -> str:
    whole = max(1, round(seconds))
    return f"{whole} second" + ("s" if whole > 1 else "")


def _no_way_on(lines: Sequence[str]) -> None:
    """Raise CouldNotFinish where the learner's error is an end of the process, or of memory."""
    last = lines[-1] if lines else ""
    if last.startswith("SystemExit"):
        code = last.partition(": ")[2] or "0"
        raise CouldNotFinish(f"your code ended itself (exit code {code}).")
    if last.startswith("MemoryError"):
        raise CouldNotFinish(MEMORY)


def _short(function: str) -> str:
    return function.rpartition(":")[2]


class _Served:
    """The API of a sandbox: a process, its port, and what it reports."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        self._is_ready = False
        self._failure: Exception | None = None
        self._crash: list[str] = []
        self._reading = threading.Lock()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1024)
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self.process = box._confine("serve", listener)

    def wait(self) -> None:
        """Until it answers. Raises NotYet where it does not start."""
        if self._failure is not None:
            raise self._failure
        if not self._is_ready:
            try:
                self._wait()
            except (NotYet, CouldNotFinish) as error:
                self._failure = error
                raise
            self._is_ready = True

    def _wait(self) -> None:
        seconds = self._box.patience()
        try:
            message = self.process.receive(seconds)
        except TimeoutError:
            raise self._box._slow(self.process, seconds) from None
        if message is None:
            raise self._box._gone(self.process, "the start")
        if message.get("event") == "ready":
            return
        told = message.get("lines")
        lines = [str(line) for line in told] if isinstance(told, list) else []
        _no_way_on(lines)
        raise NotYet(
            "your API starts",
            "\n".join(lines[-2:]),
            "Python stopped while it loaded your code, so no request could be answered.",
        )

    def crash(self, seconds: float = 0) -> list[str]:
        with self._reading, contextlib.suppress(TimeoutError):
            while message := self.process.receive(seconds):
                if message.get("event") == "crash" and isinstance(message.get("lines"), list):
                    self._crash = [str(line) for line in message["lines"]]  # type: ignore[attr-defined]
                    return self._crash
        return self._crash


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks https, and reading all certificates takes longer than most answers."""


class _Transport(httpx.BaseTransport):
    """HTTP to the learner's API: every way to fail has a sentence, and no answer is endless."""

    def __init__(self, box: Sandbox, served: _Served) -> None:
        self._box = box
        self._served = served
        self._inner = httpx.HTTPTransport(
            verify=_NO_TLS, trust_env=False, limits=httpx.Limits(max_connections=1000)
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        with self._explained(what):
            response = self._inner.handle_request(request)
        if response.status_code >= 500:
            crash = self._served.crash(0.2)
            _no_way_on(crash)
            self._box._look(self._served.process)
        assert isinstance(response.stream, httpx.SyncByteStream)
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Measured(self, response.stream, what, self._box.patience()),
            extensions=response.extensions,
        )

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except httpx.TimeoutException:
            raise self._box._slow(self._served.process, self._box.patience()) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            raise self._box._gone(self._served.process, what) from None

    def close(self) -> None:
        self._inner.close()


class _Measured(httpx.SyncByteStream):
    def __init__(
        self, transport: _Transport, stream: httpx.SyncByteStream, what: str, seconds: float
    ) -> None:
        self._transport, self._stream, self._what = transport, stream, what
        self._seconds = seconds

    def __iter__(self) -> Iterator[bytes]:
        size, start = 0, time.monotonic()
        with self._transport._explained(self._what):
            for chunk in self._stream:
                size += len(chunk)
                if size > ANSWER_BYTES:
                    raise CouldNotFinish(f"your code sent more than 8 MB to {self._what}.")
                if time.monotonic() - start > self._seconds:
                    raise CouldNotFinish(
                        f"your code did not come to the end of its answer to {self._what} within "
                        f"{_seconds(self._seconds)}."
                    )
                yield chunk

    def close(self) -> None:
        self._stream.close()


# --- in the confined process ----------------------------------------------------------------


def _work(channel: Channel, folder: Path) -> None:
    """Answer calls until the other end goes away."""
    connection = channel._connection
    reader = connection.makefile("rb")
    for line in reader:
        request = json.loads(line)
        channel.send(id=request["id"], **_answer(request, folder))


def _answer(request: dict[str, Any], folder: Path) -> dict[str, object]:
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


ROLES: dict[str, Role] = {"serve": server.serve, "work": _work}
"""What the processes of a sandbox do."""
