"""An HTTP client on the learner's own running API, and the race of many callers."""

from __future__ import annotations

import functools
import inspect
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import httpx

from coursekit import display, runtime, session
from coursekit.errors import AppFailed, CourseError, Interrupted, interruptible

TIMEOUT_SECONDS = 10.0
RACE_LIMIT = 1000


class Client(httpx.Client):
    """`httpx.Client` that has the current files served before each request."""

    latest: ClassVar[httpx.Response | None] = None
    """The answer that came last to any client of this kernel."""

    def __init__(self, served: runtime.Served, **settings: Any) -> None:
        settings.setdefault("timeout", TIMEOUT_SECONDS)
        super().__init__(base_url=served.url, transport=served.transport(), **settings)
        self.served = served
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "<client of your running API>"

    def send(self, request: httpx.Request, **settings: Any) -> httpx.Response:
        """See `httpx.Client.send`. Raises AppFailed where the API does not start or answer."""
        if not _racing.is_set():
            with self._lock:
                self.served.ensure()
        what = f"{request.method} {request.url.path}"
        try:
            with interruptible():
                response = super().send(request, **settings)
        except Interrupted:
            self.served.recover()  # it may be stuck in this very request
            raise
        except httpx.TimeoutException:
            why = (
                "Is there a loop that never ends, or a wait inside an `async def` that stops "
                "everyone?"
            )
            if not _racing.is_set():  # before it is restarted, and then waits no more
                url = session.current().environment.database_url
                why = runtime.current().blocked(url, "api") or why
            self.served.recover()
            raise AppFailed(
                f"Your API gave no answer to {what} in time. {why} It will be restarted."
            ) from None
        except httpx.TransportError as error:
            self.served.recover()
            raise AppFailed(
                f"Your API went away during {what} ({error}). It will be restarted."
            ) from None
        Client.latest = response
        if response.status_code >= 500:
            crash = self.served.crash()
            if any("OperationalError" in line for line in crash):
                crash += filter(None, [runtime.current().revived()])
            response.extensions["coursekit_crash"] = crash
        if not _racing.is_set():
            printed = self.served.printed()
            if printed:
                response.extensions["coursekit_printed"] = printed
        return response


_racing = threading.Event()
_making = threading.Lock()


def client(scratch: str | None = None, **settings: Any) -> Client:
    """A client of the learner's API, which runs in a process of its own under uvicorn.

    The API is started at the first request and restarted after a change of its files.
    `client("scratch/rpc.py")` serves the `app` of that scratch file instead. `settings` are those
    of `httpx.Client`, as in `client(headers={"X-Client": "kiosk"})`.
    """
    with _making:
        served = session.current().serve(scratch)
        if _racing.is_set():  # the callers of a race look no more
            served.ensure()
    return Client(served, **settings)


class Answers(list[Any]):
    """What each caller of a race got, in the order of the callers: responses or exceptions."""

    @property
    def codes(self) -> dict[int | str, int]:
        """Status code (or the name of the exception) → how many callers got it."""
        counted = Counter(
            answer.status_code if isinstance(answer, httpx.Response) else _name(answer)
            for answer in self
        )
        return dict(sorted(counted.items(), key=lambda pair: str(pair[0])))

    @property
    def winners(self) -> list[httpx.Response]:
        return [a for a in self if isinstance(a, httpx.Response) and a.is_success]

    @property
    def losers(self) -> list[httpx.Response]:
        return [a for a in self if isinstance(a, httpx.Response) and not a.is_success]

    def _table(self) -> display.Shown:
        rows = [
            [answer, f"{count:>3}  {'█' * min(count, 60)}"] for answer, count in self.codes.items()
        ]
        who = f"{len(self)} callers at once"
        table = display.table(["answer", "callers"], rows, caption=who)
        causes = [display.card("✗", *cause) for cause in self._causes()]
        return display.Shown(
            "\n".join([table.text, *(card.text for card in causes)]),
            table.html + "".join(card.html for card in causes),
        )

    def _causes(self) -> list[tuple[str, str]]:
        """The first exception that came in place of an answer, and the first behind a 500."""
        found = []
        for answer in self:
            if isinstance(answer, BaseException):
                words = f"{type(answer).__name__}: {answer}" if str(answer) else repr(answer)
                found.append((f"The first exception: {words}", "fail"))
                break
        crashes = [
            answer.extensions["coursekit_crash"]
            for answer in self
            if isinstance(answer, httpx.Response) and answer.extensions.get("coursekit_crash")
        ]
        if crashes:
            lines = next(
                (lines for lines in crashes if lines[-1].startswith("PostgreSQL")), crashes[0]
            )
            words = "The first error behind a 500, in your files:"
            found.append(("\n  ".join([words, *lines]), "fail"))
        return found

    def __repr__(self) -> str:
        return self._table().text

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return self._table()._repr_mimebundle_()


IDS = re.compile(
    r"( object)? at 0x[0-9a-f]+|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
)


def _name(answer: object) -> str:
    """An answer as it is counted: without the ids that differ from caller to caller."""
    if isinstance(answer, BaseException):
        return type(answer).__name__
    return IDS.sub(lambda found: "" if "0x" in found[0] else "…", repr(answer))


def race(
    callers: int | Sequence[Callable[[], object]], call: Callable[..., object] | None = None
) -> Answers:
    """Let real concurrent callers go at the same moment, and return what each got.

    `race(50, call)` lets 50 threads call `call()`, or `call(number)` where it takes an argument;
    `race([first, second])` lets different calls go. Calls that are `async def` are tasks of one
    event loop instead. An exception counts as that caller's answer.
    """
    calls = _calls(callers, call)
    for served in session.current().served.values():
        served.ensure()
    _racing.set()
    try:
        with interruptible():
            return Answers(runtime.current().race(calls, in_one_loop=_are_async(calls)))
    finally:
        _racing.clear()


def _calls(
    callers: int | Sequence[Callable[[], object]], call: Callable[..., object] | None
) -> list[Callable[[], object]]:
    """What each caller calls."""
    if isinstance(callers, int):
        if call is None:
            raise CourseError("race(50, call) needs to know what to call.")
        _need_callable(call)
        calls = [_numbered(call, number) for number in range(callers)]
    else:
        calls = list(callers)
        for one in calls:
            _need_callable(one)
    if not 1 <= len(calls) <= RACE_LIMIT:
        raise CourseError(f"A race has 1 to {RACE_LIMIT} callers; this one has {len(calls)}.")
    return calls


def _are_async(calls: Sequence[Callable[[], object]]) -> bool:
    return all(inspect.iscoroutinefunction(_unwrapped(call)) for call in calls)


def _unwrapped(call: Callable[..., object]) -> Callable[..., object]:
    """The function behind a partial, and behind an object that can be called."""
    while isinstance(call, functools.partial):
        call = call.func
    if inspect.isfunction(call) or inspect.ismethod(call):
        return call
    own = getattr(call, "__call__", call)  # noqa: B004
    return own if inspect.ismethod(own) else call


def _need_callable(call: object) -> None:
    if not callable(call):
        raise CourseError(
            f"A race calls a function for each caller, and {type(call).__name__} cannot be called. "
            "Write a lambda, as in `race(50, lambda: api.get(…))`."
        )


def _numbered(call: Callable[..., object], number: int) -> Callable[[], object]:
    try:
        wants = [
            p
            for p in inspect.signature(call).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
    except (TypeError, ValueError):
        wants = []
    return functools.partial(call, number) if wants else call
