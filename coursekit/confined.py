"""Sandboxes of processes that cannot outlive us: one for the API, one for calls, one for a tool."""

from __future__ import annotations

import contextlib
import inspect
import json
import secrets
import shlex
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, LiteralString

import httpx
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from coursekit import forking, sandbox, server, services, tool
from coursekit.confine import Confined
from coursekit.ground import Ground, Role
from coursekit.sandbox import (
    ANSWER_SECONDS,
    Answers,
    Called,
    Ran,
    Sandbox,
    not_started,
    slow,
    yours,
)  # fmt: skip
from coursekit.supply import Supply
from coursekit.verdict import CouldNotFinish, NotYet
from coursekit.warm import Channel

PATH = "-c search_path=public,pg_temp"
"""No schema of an answer's, and none of its temporary tables, stands before the real ones."""


class JudgesConnection(psycopg.Connection[dict[str, Any]]):
    """A session whose settings are the check's: what a trigger set in it is gone again."""

    def __init__(self, *given: Any, **how: Any) -> None:
        super().__init__(*given, **how)
        self._settings: list[str] = ["reset role", "reset all"]

    def execute(  # type: ignore[override]
        self, query: str, params: Sequence[object] | None = None, **how: Any
    ) -> psycopg.Cursor[dict[str, Any]]:
        """See psycopg."""
        if self.info.transaction_status in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
            super().execute("; ".join(self._settings))
        if query.lstrip().lower().startswith("set "):
            self._settings.append(query)
        return super().execute(query, params, **how)


class ConfinedSandbox(Sandbox):
    """See `sandbox.Sandbox`. What its processes share comes from a ground."""

    def __init__(
        self, ground: Ground, name: str, *, patience: float = ANSWER_SECONDS,
        supply: Supply | None = None, ended: Callable[[ConfinedSandbox], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            name, ground.place(name), deadline=ground.watch.left, patience=patience, supply=supply
        )
        self._databases = supply
        self._ground = ground
        self._watch = ground.watch
        self._api: _Served | None = None
        self._worker: Confined | None = None
        self._ended = ended

    def _judges_url(self) -> str:
        self.database_url  # noqa: B018  (made, where it is not yet)
        assert self._databases is not None
        return self._databases.judges_url(self._name)

    def _open(self, url: str, milliseconds: int) -> psycopg.Connection[dict[str, Any]]:
        with forking.QUIET:
            return JudgesConnection.connect(
                url, autocommit=True, connect_timeout=services.CONNECT_SECONDS,
                row_factory=dict_row, prepare_threshold=None,
                options=f"{PATH} -c statement_timeout={milliseconds}", application_name="check",
            )  # fmt: skip

    def administer(self, query: LiteralString) -> None:
        self.database_url  # noqa: B018
        assert self._databases is not None
        url = self._databases.owners_url(self._name)
        with services.connect(url) as server:
            server.execute(f"set {PATH.removeprefix('-c ')}".encode())
            server.execute(query)

    def _copy(self) -> None:
        self._ground.copy(self._place)

    def prefetch(self, api: bool, calls: bool, database: bool = False) -> None:
        """Start already what the item will need, without waiting for it."""
        with self._starting:
            if self._supply is not None and (api or calls or database):
                self.database_url  # noqa: B018
            if api and self._api is None:
                self._api = _Served(self)
            if calls and self._worker is None:
                self._worker = self._confine("work")

    def _served(self) -> _Served:
        self.prefetch(api=True, calls=False)
        assert self._api is not None
        self._api.wait()
        return self._api

    def _stop_api(self) -> None:
        self._close_clients()
        if self._api is not None:
            self._end(self._api.process)
            self._api = None

    # --- calls

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
        called = Called.of(answer)
        if called.error:
            self._look(self._worker)
        return called

    @staticmethod
    def _look(process: Confined) -> None:
        """Whether an error came of a limit that nobody had seen it break yet."""
        process.look()
        if process.breach:
            raise CouldNotFinish(yours(process.breach))

    def run(self, command: str, seconds: float = 60) -> Ran:
        words = shlex.split(command)
        folder = self.files
        process = Confined(
            lambda channel: tool.run(channel, command=words), folder, variables=self._variables(),
            limits=self._ground.limits, namespace=self._ground.namespace,
            cell=self._ground.cell(folder, ports=self._ports()),
        )  # fmt: skip
        self._watch.add(process)
        seconds = min(seconds, max(self._watch.left(), 0.1))
        try:
            message = process.receive(seconds)
        except TimeoutError:
            raise self._slow(process, seconds) from None
        end = process.ended(0.5) if message is None else None
        if process.breach:
            raise CouldNotFinish(f"{yours(process.breach)} (`{words[0]}`)")
        code = message.get("code") if message else (end.code if end else None)
        output = process.output()
        self._end(process)
        return Ran(code if isinstance(code, int) else 1, output)

    def _ports(self) -> list[int]:
        """The ports that a tool may call: the API's, where it runs."""
        return [self._api.port] if self._api is not None else []

    def race(
        self,
        callers: int | Sequence[Callable[[], httpx.Response]],
        call: Callable[..., httpx.Response] | None = None,
    ) -> Answers:
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

    # --- the judge's side

    def crash(self) -> list[str]:
        return self._api.crash() if self._api else []

    def _served_unawaited(self) -> list[str]:
        return self._api.unawaited() if self._api else []

    def leave(self) -> None:
        if self._ended is not None:
            self._ended(self)

    def close(self) -> None:
        super().close()
        if self._worker is not None:
            self._end(self._worker)
            self._worker = None

    def _confine(self, role: str, listener: socket.socket | None = None) -> Confined:
        return self._ground.start(
            role, self._place, alone=self._is_own, listener=listener,
            modules=["boxoffice.app"] if role == "serve" else [], variables=self._variables(),
        )  # fmt: skip

    def _end(self, process: Confined) -> None:
        self._watch.forget(process)
        process.end()

    def _slow(self, process: Confined, seconds: float) -> CouldNotFinish:
        return CouldNotFinish(yours(process.breach)) if process.breach else slow(seconds)

    def _gone(self, process: Confined, what: str) -> Exception:
        """Why a process no longer answers."""
        end = process.ended(1.0)
        if process.breach:
            return CouldNotFinish(yours(process.breach))
        if process.has_failed:
            return RuntimeError("its process could not be confined")
        if end is not None:
            return CouldNotFinish(yours(str(end)))
        return NotYet(f"a whole answer to {what}", "the connection broke off in the middle")


_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks https, and reading all certificates takes longer than most answers."""


class _Served:
    """The API of a sandbox: a process, its port, and what it reports."""

    def __init__(self, box: ConfinedSandbox) -> None:
        self._box = box
        self._is_ready = False
        self._failure: Exception | None = None
        self._crash: list[str] = []
        self._unawaited: list[str] = []
        self._reading = threading.Lock()
        self._wire = httpx.HTTPTransport(
            verify=_NO_TLS, trust_env=False, limits=httpx.Limits(max_connections=1000)
        )
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen(1024)
            self.port: int = listener.getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}"
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
        raise not_started(lines)

    def crash(self, seconds: float = 0) -> list[str]:
        """The lines of the latest crash; waits so long for the next one."""
        with self._reading, contextlib.suppress(TimeoutError):
            while message := self.process.receive(seconds):
                if self._note(message) == "crash":
                    break
        return self._crash

    def unawaited(self) -> list[str]:
        with self._reading, contextlib.suppress(TimeoutError):
            while message := self.process.receive(0):
                self._note(message)
        return self._unawaited

    def _note(self, message: Mapping[str, object]) -> object:
        """Remember what the API reports; what it is about."""
        lines = message.get("lines")
        if message.get("event") == "crash" and isinstance(lines, list):
            self._crash = [str(line) for line in lines]
            return "crash"
        if message.get("event") == "unawaited":
            self._unawaited.append(str(message.get("line")))
        return message.get("event")

    def ask(self, request: httpx.Request) -> httpx.Response:
        return self._wire.handle_request(request)

    def look(self) -> None:
        self._box._look(self.process)

    @contextlib.contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Say what went wrong, as NotYet or CouldNotFinish, where no answer comes."""
        try:
            yield
        except httpx.TimeoutException:
            raise self._box._slow(self.process, self._box.patience()) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            raise self._box._gone(self.process, what) from None


# --- in the confined process ----------------------------------------------------------------


def _work(channel: Channel, folder: Path) -> None:
    """Answer calls until the other end goes away."""
    connection = channel._connection
    reader = connection.makefile("rb")
    for line in reader:
        request = json.loads(line)
        channel.send(id=request["id"], **sandbox.answer(request, folder))


ROLES: dict[str, Role] = {"serve": server.serve, "work": _work}
"""What the processes of a sandbox do."""
