"""The learner's application in this very interpreter: HTTP without a socket, a process or a thread.

What uvicorn does on a computer is done here, one request after the other: the lifespan, a scope
for each request, headers, a 500 where the application let an error escape.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import time
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import httpx

from coursekit import server
from coursekit.errors import AppFailed, CourseError
from coursekit.server import App, Scope
from coursekit.tab import clock, loop
from coursekit.tab.world import TooMuch, World

STARTUP_SECONDS = 10.0
ANSWER_SECONDS = 10.0
STREAM_SECONDS = 60.0
END_SECONDS = 1.0
FIRST_PORT = 8000
FILES = {".py", ".json", ".toml", ".env", ".graphql"}
EARLY_SECONDS = 0.05
"""After the first part of an answer: how long it may take until we hand over what there is."""
HELD_PARTS = 64
GONE = "Server disconnected without sending a response."
CUT = "peer closed connection without sending complete message body (incomplete chunked read)"


class Answering(Protocol):
    """What has an address of this tab."""

    def answer(self, request: httpx.Request) -> httpx.Response: ...


_ports = itertools.count(FIRST_PORT)
_running: weakref.WeakValueDictionary[int, Answering] = weakref.WeakValueDictionary()


def announce(one: Answering) -> str:
    """Give it an address, at which programs of this tab find it while it lives."""
    port = next(_ports)
    _running[port] = one
    return f"http://127.0.0.1:{port}"


class Application:
    """See `runtime.Served`. `folder` holds boxoffice/, or `scratch` is the file to serve."""

    def __init__(
        self, folder: Path, variables: Mapping[str, str], scratch: Path | None = None
    ) -> None:
        self._folder = folder
        self._scratch = scratch
        self._world = World(folder, variables)
        self._app: Running | None = None
        self._seen: object = None
        self._closed = False
        self._url = announce(self)

    @property
    def url(self) -> str:
        return self._url

    def transport(self) -> httpx.BaseTransport:
        return _Transport(self)

    def ensure(self) -> None:
        """Have the current files served. Raises AppFailed with the learner's own lines."""
        if self._closed:
            raise CourseError(
                "This client belongs to a lesson that this kernel has left. Make a new one: "
                "`client()`."
            )
        now = self._files()
        if self._app is not None and self._app.is_alive and now == self._seen:
            return
        self.recover()
        self._seen = now
        self._world.forget()
        running = Running(self._world, self._folder, self._scratch)
        try:
            running.start(STARTUP_SECONDS)
        except Failed as failure:
            running.end()
            shown = "\n  ".join(failure.lines)
            raise AppFailed(
                f"Your API did not start.\n  {shown or 'It ended without a word.'}"
            ) from None
        except clock.Expired:
            running.end()
            raise AppFailed(
                f"Your API did not start within {STARTUP_SECONDS:.0f} seconds. Something at the "
                "top of a file, or in the start-up, waits or loops."
            ) from None
        self._app = running

    def _files(self) -> object:
        root = self._scratch.parent if self._scratch else self._folder / "boxoffice"
        found = []
        for folder, _, names in os.walk(root):  # pathlib is slower, and each request asks
            for name in names:
                if os.path.splitext(name)[1] in FILES:
                    path = f"{folder}/{name}"
                    with contextlib.suppress(OSError):
                        stat = os.stat(path)
                        found.append((path, stat.st_mtime_ns, stat.st_size))
        return sorted(found)

    def touch(self) -> None:
        self._seen = None

    def recover(self) -> None:
        if self._app is not None:
            self._app.end()
            self._app = None

    def crash(self) -> list[str]:
        return self._app.crash() if self._app is not None else []

    def printed(self) -> str:
        return "" if self._closed else self._world.output.fresh()[:20_000]

    def close(self) -> None:
        self.recover()
        self._closed = True

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request. Raises httpx's errors, as a connection would."""
        self.ensure()
        assert self._app is not None
        return self._app.answer(request, _seconds(request))


class Failed(Exception):
    """An application did not start; `lines` are for the learner."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class Running:
    """One application from its start to its end, on an event loop of its own."""

    def __init__(self, world: World, folder: Path, scratch: Path | None = None) -> None:
        self.world = world
        self.is_alive = True
        self._folder = folder
        self._scratch = scratch
        self._loop = loop.new_loop()
        self._loop.set_exception_handler(lambda *_: None)  # what matters is told by the request
        self._app: App | None = None
        self._lifespan: _Lifespan | None = None
        self._lines: list[str] = []
        self.unawaited: list[str] = []
        """The learner's lines with a call that nobody awaited."""
        self._starting = ["The application stopped while it was starting up."]

    def start(self, seconds: float) -> None:
        """Import it, and run what it does at its start. Raises Failed or Expired."""
        with self._inside(seconds):
            try:
                scratch = str(self._scratch) if self._scratch else None
                app = server.load_app(self._folder, scratch)
            except server.NoApp as error:
                raise Failed([str(error)]) from None
            except (clock.Expired, TooMuch):
                raise
            except BaseException as error:
                raise Failed(server.own_frames(error, self._folder)) from None
            self._app = server.reporting(app, self._report)
            self._lifespan = _Lifespan(self._app)
            try:
                good = self._loop.run_until_complete(self._lifespan.begin())
            except (SystemExit, KeyboardInterrupt) as error:
                raise Failed(server.own_frames(error, self._folder)) from None
        if not good:
            raise Failed(self._starting)

    @contextlib.contextmanager
    def _inside(self, seconds: float) -> Iterator[None]:
        """In the application's world; Expired comes out, whatever the code made of it."""
        with self.world.entered(seconds) as limit:
            server.watch_awaits(self._folder, self.unawaited.append)
            asyncio.set_event_loop(None)
            try:
                yield
            finally:
                if limit.is_over:
                    self.is_alive = False
            if limit.is_over:
                raise clock.Expired

    def _report(self, scope: str, error: BaseException) -> None:
        if isinstance(error, (clock.Expired, TooMuch)):
            return
        lines = server.own_frames(error, self._folder)
        if scope == "lifespan":
            self._starting = lines
        else:
            self._lines = lines

    def crash(self) -> list[str]:
        """The learner's lines of the latest error that no handler caught, once."""
        lines, self._lines = self._lines, []
        return lines

    def answer(self, request: httpx.Request, seconds: float) -> httpx.Response:
        """The answer to one request. Raises httpx's errors, as a connection would."""
        assert self._app is not None
        body = b"".join(request.stream)  # type: ignore[arg-type]
        state = dict(self._lifespan.state) if self._lifespan else {}
        exchange = _Exchange(self._app, _scope(request, state), body)
        self.run(exchange.proceed, seconds)
        if exchange.status is None:
            raise httpx.RemoteProtocolError(GONE)
        return httpx.Response(
            exchange.status or 500, headers=exchange.headers(),
            stream=_Stream(self, exchange, seconds),
            extensions={"http_version": b"HTTP/1.1"}, request=request,
        )  # fmt: skip

    def run(self, step: Any, seconds: float) -> None:
        """Let an exchange go on. Raises ReadTimeout where it takes too long."""
        try:
            with self._inside(seconds):
                self._loop.run_until_complete(step())
        except clock.Expired:
            self.is_alive = False
            raise httpx.ReadTimeout("timed out") from None
        except (SystemExit, KeyboardInterrupt, TooMuch) as error:
            self.is_alive = False
            if not isinstance(error, TooMuch) and not self._lines:
                self._lines = server.own_frames(error, self._folder)
            raise httpx.RemoteProtocolError(GONE) from None
        except loop.Stuck:
            raise httpx.ReadTimeout("timed out") from None

    def end(self) -> None:
        """Run what it does at its end, and let go of everything."""
        was_alive, self.is_alive = self.is_alive, False
        with contextlib.suppress(BaseException), self._inside(END_SECONDS):
            if was_alive and self._lifespan is not None:
                self._loop.run_until_complete(self._lifespan.finish())
        with contextlib.suppress(BaseException), self._inside(END_SECONDS):
            loop.close(self._loop)
        if not self._loop.is_closed():
            with contextlib.suppress(Exception):
                self._loop.close()
        self._app = self._lifespan = None
        if not was_alive:
            gc.collect()  # sessions in the middle of something, which nobody closes now


class _Lifespan:
    """What an application does at its start and at its end."""

    def __init__(self, app: App) -> None:
        self._app = app
        self.state: dict[str, object] = {}
        self._told: deque[str] = deque()
        self._is_failed = False

    async def begin(self) -> bool:
        """Whether the start went well, or the application knows no lifespan."""
        self._started, self._leave, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._run())
        await self._started.wait()
        return not self._is_failed

    async def finish(self) -> None:
        self._leave.set()
        await self._ended.wait()

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }  # fmt: skip
        try:
            await self._app(scope, self._receive, self._send)
        except Exception:
            pass  # it is reported; an application without a lifespan is served all the same
        finally:
            self._started.set()
            self._ended.set()

    async def _receive(self) -> dict[str, str]:
        if not self._told:
            self._told.append("startup")
            return {"type": "lifespan.startup"}
        await self._leave.wait()
        return {"type": "lifespan.shutdown"}

    async def _send(self, message: Scope) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._started.set()
        elif message["type"] == "lifespan.startup.failed":
            self._is_failed = True
            self._started.set()
        elif message["type"].startswith("lifespan.shutdown."):
            self._ended.set()


class _Exchange:
    """One request and its answer, part by part."""

    def __init__(self, app: App, scope: Scope, body: bytes) -> None:
        self._app = app
        self._scope = scope
        self._body: bytes | None = body
        self._parts: deque[bytes] = deque()
        self._headers: list[tuple[bytes, bytes]] = []
        self._task: asyncio.Task[None] | None = None
        self._end_of_all: BaseException | None = None
        self.status: int | None = None
        self.is_whole = False

    @property
    def is_over(self) -> bool:
        return self._task is not None and self._task.done()

    async def proceed(self) -> None:
        """Go on until the end, or until there is something to hand over and more takes long."""
        if self._task is None:
            self._changed, self._room, self._end = (asyncio.Event() for _ in range(3))
            self._task = asyncio.get_running_loop().create_task(self._run())
        self._room.set()
        begun = time.monotonic()
        while not self._task.done():
            wait = EARLY_SECONDS if self._parts and not self.is_whole else None
            self._changed.clear()
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait({changed, self._task}, timeout=wait, return_when="FIRST_COMPLETED")
            changed.cancel()
            late = self._parts and time.monotonic() - begun > EARLY_SECONDS
            if (late and not self.is_whole) or len(self._parts) >= HELD_PARTS:
                return
        if self._end_of_all is not None:
            raise self._end_of_all

    async def leave(self) -> None:
        """The one who asked went away."""
        assert self._task is not None
        self._end.set()
        self._room.set()
        await asyncio.wait({self._task}, timeout=END_SECONDS)
        self._task.cancel()
        await asyncio.wait({self._task}, timeout=END_SECONDS)

    def take(self) -> bytes | None:
        return self._parts.popleft() if self._parts else None

    def headers(self) -> list[tuple[bytes, bytes]]:
        first = [(b"date", formatdate(usegmt=True).encode()), (b"server", b"uvicorn")]
        names = {name for name, _ in self._headers}
        has_no_body = self.status in (204, 304) or self._scope["method"] == "HEAD"
        chunked = b"content-length" not in names and not has_no_body
        return [*first, *self._headers, *([(b"transfer-encoding", b"chunked")] if chunked else [])]

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except asyncio.CancelledError:
            raise
        except Exception:
            pass  # it is reported
        except BaseException as error:  # SystemExit, or the clock's
            self._end_of_all = error
            return
        if self.status is None:
            await self._fail()

    async def _fail(self) -> None:
        """What uvicorn says where the application says nothing."""
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21")]
        await self._send({"type": "http.response.start", "status": 500, "headers": headers})
        await self._send({"type": "http.response.body", "body": b"Internal Server Error"})

    async def _receive(self) -> dict[str, object]:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._end.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Scope) -> None:
        kind = message["type"]
        if kind == "http.response.start":
            if self.status is not None:
                raise RuntimeError("Expected ASGI message 'http.response.body', but got a start.")
            self.status = int(message["status"])
            self._headers = [
                (bytes(name).lower(), bytes(value)) for name, value in message.get("headers", [])
            ]
        elif kind == "http.response.body":
            if self.status is None:
                raise RuntimeError(
                    "Expected ASGI message 'http.response.start', but got 'http.response.body'."
                )
            if self.is_whole:
                raise RuntimeError("Unexpected ASGI message: the answer was complete already.")
            if body := bytes(message.get("body", b"")):
                self._parts.append(body)
            self.is_whole = not message.get("more_body", False)
            if not self.is_whole:
                await self._take_turns()
        self._changed.set()
        if self.is_whole:
            self._end.set()

    async def _take_turns(self) -> None:
        """An answer without end waits here for the one who reads it."""
        if len(self._parts) >= HELD_PARTS and not self._end.is_set():
            self._room.clear()
            self._changed.set()
            await self._room.wait()


class _Stream(httpx.SyncByteStream):
    """The body of an answer; what is not there yet is waited for."""

    def __init__(self, running: Running, exchange: _Exchange, seconds: float) -> None:
        self._running, self._exchange, self._seconds = running, exchange, seconds

    def __iter__(self) -> Iterator[bytes]:
        exchange = self._exchange
        silent = exchange._scope["method"] == "HEAD"
        deadline = time.monotonic() + STREAM_SECONDS
        while True:
            part = exchange.take()
            if part is not None:
                if not silent:
                    yield part
            elif exchange.is_over:
                break
            elif time.monotonic() > deadline:
                raise httpx.ReadTimeout("timed out")
            else:
                self._running.run(exchange.proceed, self._seconds)
        if not exchange.is_whole:
            raise httpx.RemoteProtocolError(CUT)

    def close(self) -> None:
        if not self._exchange.is_over and self._running.is_alive:
            with contextlib.suppress(httpx.HTTPError):
                self._running.run(self._exchange.leave, 3 * END_SECONDS)


class _Transport(httpx.BaseTransport):
    def __init__(self, application: Application) -> None:
        self._application = application

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._application.answer(request)


def _seconds(request: httpx.Request) -> float:
    found = request.extensions.get("timeout", {}).get("read")
    return float(found) if found else ANSWER_SECONDS


def _scope(request: httpx.Request, state: dict[str, object]) -> Scope:
    url = request.url
    path, _, query = url.raw_path.partition(b"?")
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
        "server": ("127.0.0.1", url.port or FIRST_PORT), "client": ("127.0.0.1", 50000),
        "scheme": "http", "method": request.method, "root_path": "",
        "path": unquote(path.decode("ascii")), "raw_path": path, "query_string": query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "state": state,
    }  # fmt: skip


def route() -> None:
    """Have httpx find the applications that run here at their addresses. Twice does no harm.

    For the learner's own programs, which make clients of their own.
    """
    if getattr(httpx.HTTPTransport, "_finds_applications", False):
        return
    by_wire = httpx.HTTPTransport.handle_request
    by_wire_async = httpx.AsyncHTTPTransport.handle_async_request

    def handle(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        application = _found(request)
        return application.answer(request) if application else by_wire(self, request)

    async def handle_async(
        self: httpx.AsyncHTTPTransport, request: httpx.Request
    ) -> httpx.Response:
        application = _found(request)
        if application is None:
            return await by_wire_async(self, request)
        await request.aread()
        answer = application.answer(request)
        answer.stream = httpx.ByteStream(b"".join(answer.iter_raw()))
        return answer

    httpx.HTTPTransport.handle_request = handle  # type: ignore[method-assign]
    httpx.AsyncHTTPTransport.handle_async_request = handle_async  # type: ignore[method-assign]
    httpx.HTTPTransport._finds_applications = True  # type: ignore[attr-defined]


def _found(request: httpx.Request) -> Answering | None:
    here = request.url.host in ("127.0.0.1", "localhost")
    return _running.get(request.url.port or 80) if here else None
