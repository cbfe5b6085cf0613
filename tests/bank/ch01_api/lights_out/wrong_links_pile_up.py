# says: The links of earlier calls are on it
# %%build middleware/deprecation.py::Deprecation
from collections.abc import Callable
from datetime import UTC, datetime

from starlette.responses import JSONResponse
from starlette.types import Message


class Deprecation:
    """Tells callers of /v1 when it ends, counts them by name, and ends it in time."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        deprecated_at: datetime,
        sunset_at: datetime,
        callers: Callers,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.app = app
        self.callers = callers
        self.sunset_at = sunset_at
        self.clock = clock
        self.headers = [
            (b"deprecation", f"@{int(deprecated_at.timestamp())}".encode()),
            (b"sunset", format_datetime(sunset_at.astimezone(UTC), usegmt=True).encode()),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if "NotImplementedError" in self.serve.__code__.co_names:  # not written yet
            await self.app(scope, receive, send)
        else:
            await self.serve(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What `__call__` of the lesson does, and the end of /v1."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self.app(scope, receive, send)
            return
        self.callers.count(read_client(scope))
        successor = scope["raw_path"].replace(b"/v1/", b"/v2/", 1)
        link = b"<" + successor + b'>; rel="successor-version"'

        async def send_with_dates(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.headers.append((b"link", link))
                message["headers"] += self.headers
            await send(message)

        app = self.app
        # Asked here and not in __init__: a server may be started before the sunset and run on.
        if self.clock() >= self.sunset_at:
            # A response is an app, too. It sends through the same door, so it has the headers.
            body = {"code": "version_gone", "detail": "Version 1 has ended. Use /v2."}
            app = JSONResponse(body, 410)
        await app(scope, receive, send_with_dates)
