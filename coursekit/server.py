"""The learner's API in a process of its own: uvicorn on a socket that the kernel holds."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import importlib.util
import linecache
import logging
import os
import re
import socket
import sys
import traceback
import warnings
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursekit import imports

if TYPE_CHECKING:
    from coursekit.warm import Channel

Scope = MutableMapping[str, Any]
App = Callable[
    [Scope, Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]
]


PASSES_ON = re.compile(r"(middleware/\w+|migrate|migrations/env)\.py$")
"""Files of Box Office that every request, or every migration, only passes through."""


class NoApp(Exception):
    """There is no application where one should be; the message says what was looked for."""


@contextlib.contextmanager
def no_collection() -> Iterator[None]:
    """Meanwhile nobody looks for garbage: an import makes much, and all of it stays."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def load_app(folder: Path, scratch: str | None = None) -> App:
    """The application of the files in `folder`: `create_app()` or `app` of `boxoffice.app`.

    `scratch` names a file whose `app` is served instead. Errors of the learner's code pass through.
    """
    if scratch:
        if not Path(scratch).exists():
            raise NoApp(
                f"There is no scratch/{Path(scratch).name} yet. Run the cell that builds it first."
            )
        # A name of its own, so that a scratch file httpx.py hides nothing.
        spec = importlib.util.spec_from_file_location(f"scratch_{Path(scratch).stem}", scratch)
        if spec is None or spec.loader is None:
            raise NoApp(f"{Path(scratch).name} is not a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        where = Path(scratch).name
    else:
        if not (folder / "boxoffice" / "app.py").exists():
            raise NoApp("There is no app.py yet. Run the cell that builds it first.")
        module = importlib.import_module("boxoffice.app")
        where = "app.py"
        factory = getattr(module, "create_app", None)
        if factory is not None:
            made = factory()
            if not callable(made):
                raise NoApp(
                    "create_app() in app.py returned no application. Does it end in `return app`?"
                )
            return made  # type: ignore[no-any-return]
    app = getattr(module, "app", None)
    if not callable(app):
        raise NoApp(
            f"{where} defines no `app` and no `create_app()`, so there is nothing to serve."
        )
    return app  # type: ignore[no-any-return]


def own_frames(error: BaseException, folder: Path) -> list[str]:
    """The error as the learner should read it: lines of files below `folder`, then the error."""
    root = str(folder.resolve())
    found: list[tuple[str, str]] = []
    for frame in traceback.extract_tb(error.__traceback__):
        path = str(Path(frame.filename).resolve()) if frame.filename[:1] != "<" else ""
        if path.startswith(root) or "/scratch/" in path:
            name = _name(path)
            source = (frame.line or linecache.getline(path, frame.lineno or 0)).strip()
            found.append((name, f"{name}, line {frame.lineno}, in {frame.name}:  {source}"))
    ends = [number for number, (name, _) in enumerate(found) if not PASSES_ON.match(name)]
    cause = ends[-1] if ends else 0
    lines = [
        line for number, (name, line) in enumerate(found)
        if number >= cause or not PASSES_ON.match(name)
    ]  # fmt: skip
    if isinstance(error, SyntaxError) and error.filename:
        name = error.filename.split("/boxoffice/")[-1]
        lines.append(f"{name}, line {error.lineno}:  {(error.text or '').strip()}")
    message = _words(error).replace(f"{root}{os.sep}boxoffice{os.sep}", "").replace(root, ".")
    words = f"{type(error).__name__}: {message}" if message else type(error).__name__
    lines.append(words + _hint(error, message, root))
    advice = _advice(error, message)
    return [*lines, advice] if advice else lines


def _words(error: BaseException) -> str:
    """What the error says; of a wrong answer to FastAPI's promise, the first thing that is."""
    errors = getattr(error, "errors", None)
    if type(error).__name__ == "ResponseValidationError" and callable(errors):
        first = errors()[0]
        place = ".".join(map(str, first.get("loc", ())))
        name, file = (getattr(error, f"endpoint_{part}", None) for part in ("function", "file"))
        what = "the function"
        if name and file:
            what = f"`{name}` ({_name(file)}, line {getattr(error, 'endpoint_line', '?')})"
        return (
            f"what {what} returned is not what it promises ({place}: {first.get('msg')}; "
            f"it returned {str(first.get('input'))[:80]})"
        )
    words = str(error).split("\n\nFor further information")[0]
    # SQLAlchemy adds the whole statement, its parameters and a link: the lines above tell as much.
    words = re.sub(r"\n\[SQL: .*", "", words, flags=re.DOTALL)
    return re.sub(r"\s*\(Background on this error at: \S+\)$", "", words)


def _hint(error: BaseException, message: str, root: str) -> str:
    """What to add to the error's own words, on their line."""
    if type(error) is NameError and error.name:
        line = imports.find(error.name, Path(root, "boxoffice"))
        if line and error.name.islower():  # a module; or a value that has to come from somewhere
            return f". Does it get a value before this line? Or is `{line}` missing at the top?"
        if line:
            return f". Is `{line}` missing at the top of your cell?"
        return ", nor imported, in this file"
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, KeyError) and frames and "alembic" in Path(frames[-1].filename).parts:
        return (
            f". No migration has the revision {message}, which another one names as the one "
            "before it. Run the cell that builds it."
        )
    if "Can't generate DDL for NullType" in message:
        return ' Does its `ForeignKey("…")` name a table and a column that there are?'
    return ""


def _advice(error: BaseException, message: str) -> str:
    """A sentence for the errors that say least to a beginner."""
    if isinstance(error, NotImplementedError):
        return "That line keeps the place of an answer: write that cell, and run it."
    if "coroutine" in message:
        return "Is an `await` missing? An `async def` gives its result only when it is awaited."
    if "of type 'module'" in message or "'module' object is not" in message:
        return "This name is a module here, a file. Ask one of its functions, or a name inside it."
    missing = re.search(r"cannot import name '(\w+)' from '(boxoffice(?:\.\w+)*)'", message)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith("boxoffice."):
        path = "/".join(str(error.name).split(".")[1:])
        return f"There is no {path}.py yet. Run the cell that builds it."
    if missing:
        path = "/".join(missing[2].split(".")[1:])
        return (
            f"There is no `{missing[1]}` in {path or 'boxoffice'} yet. Run the cell that builds it."
        )
    return ""


ORIGIN = re.compile(r'File "(?P<path>.+)", line (?P<line>\d+), in (?P<name>.+)\n\s*(?P<code>.*)')
"""Where a coroutine was made, as Python tells it."""


def watch_awaits(folder: Path, tell: Callable[[str], None] = lambda line: None) -> None:
    """From now on print warnings as the learner should read them.

    Of a call that nobody awaited, `tell` gets the line below `folder` that made it.
    """
    root = str(folder.resolve())

    def show(message: Warning | str, *_: object, **__: object) -> None:
        words, origin = [*str(message).split("\n", 1), ""][:2]
        if "was never awaited" in words:
            words += ": an `await` is missing in front of its call"
            made = ORIGIN.search(origin)
            if made and (made["path"].startswith(root) or "/scratch/" in made["path"]):
                name = _name(made["path"])
                line = f"{name}, line {made['line']}, in {made['name']}:  {made['code'].strip()}"
                tell(line)
                words += f"\n  {line}"
        print(f"warning: {words}", flush=True)

    sys.set_coroutine_origin_tracking_depth(1)
    warnings.showwarning = show


def _name(path: str) -> str:
    """A file of the learner's as the course calls it: "api/shows.py"."""
    return path.split("/boxoffice/")[-1] if "/boxoffice/" in path else Path(path).name


def reporting(app: App, report: Callable[[str, BaseException], None]) -> App:
    """The same application; what it lets escape is reported, before a 500 is complete.

    The error is raised further only where no whole answer left: else uvicorn would cut the
    connection, perhaps under the client's next request.
    """

    async def wrapped(
        scope: Scope,
        receive: Callable[..., Awaitable[Any]],
        send: Callable[..., Awaitable[None]],
    ) -> None:
        status, answered = 0, False
        held: Scope | None = None

        async def sending(message: Scope) -> None:
            nonlocal status, answered, held
            if message["type"] == "http.response.start":
                status = message["status"]
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True
                if status >= 500:
                    held = message
                    return
            await send(message)

        try:
            await app(scope, receive, sending)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            report(str(scope["type"]), error)
            if not (answered and isinstance(error, Exception)):
                raise
        if held is not None:
            await send(held)

    return wrapped


def quiet() -> None:
    """Have uvicorn say nothing: what an application lets escape is told in our words.

    The warm parent does it once for all: each change of a level empties what all loggers know.
    """
    for name in ("uvicorn.error", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        if logger.level != logging.CRITICAL:
            logger.setLevel(logging.CRITICAL)


def serve(
    channel: Channel, *, scratch: str | None = None, socket_index: int = 2,
    folder: Path | None = None,
) -> None:  # fmt: skip
    """Run uvicorn until the leash is let go. Tells `ready`, `failed` and `crash` (with lines), and
    `unawaited` (with the line of the call).

    `folder` holds boxoffice/ where it is not the working folder.
    """
    import uvicorn

    folder = folder or Path.cwd()
    quiet()
    watch_awaits(folder, lambda line: channel.send(event="unawaited", line=line))

    starting = ["The application stopped while it was starting up."]

    def report(scope: str, error: BaseException) -> None:
        # An application that knows no lifespan raises there, and is served all the same.
        if scope == "lifespan":
            starting[:] = own_frames(error, folder)
        else:
            channel.send(event="crash", lines=own_frames(error, folder))

    try:
        with no_collection():
            app = load_app(folder, scratch)
    except NoApp as error:
        channel.send(event="failed", lines=[str(error)])
        return
    except BaseException as error:
        channel.send(event="failed", lines=own_frames(error, folder))
        return
    listener = socket.socket(fileno=channel.files[socket_index])
    config = uvicorn.Config(
        reporting(app, report), loop="asyncio", log_config=None, log_level=None,
        access_log=False, lifespan="auto", timeout_graceful_shutdown=1,
    )  # fmt: skip

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started and not self.should_exit:
                channel.send(event="ready", pid=os.getpid())

    server = Announcing(config)
    with contextlib.suppress(SystemExit):  # uvicorn's way to say that the start-up failed
        server.run(sockets=[listener])
    if not server.started:
        channel.send(event="failed", lines=starting)
