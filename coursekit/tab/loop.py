"""An event loop inside an event loop: what waits runs to its end in the middle of a plain call.

A tab has one thread, and its own loop runs already. So an application of the learner's gets a loop
of its own, which goes on only while somebody waits for it, and which does what others leave to
threads at once, in its own task.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import functools
import importlib
import importlib.abc
import importlib.util
import sys
from asyncio import base_events, events, tasks
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, TypeVar

from coursekit.tab import clock

T = TypeVar("T")


class _Nothing:
    """A selector without anything to select from: waiting is sleeping."""

    def select(self, timeout: float | None) -> list[object]:
        clock.look()
        if timeout is None:
            raise Stuck("Everything waits for something that will never come.")
        if timeout > 0:
            clock.sleep(timeout)
        return []

    def close(self) -> None: ...


class Stuck(RuntimeError):
    """No task can go on, and no time will change that."""


class Inline:
    """The part of a loop that others give to threads."""

    def run_in_executor(
        self, executor: object, func: Callable[..., T], *args: object
    ) -> asyncio.Future[T]:
        """Run it here and now."""
        future: asyncio.Future[T] = self.create_future()  # type: ignore[attr-defined]
        try:
            future.set_result(elsewhere(func, *args))
        except Exception as error:
            future.set_exception(error)
        return future


class InlineLoop(Inline, base_events.BaseEventLoop):
    """A loop without input and output: tasks, timers and futures alone."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Nothing()

    def _process_events(self, event_list: Sequence[object]) -> None: ...

    def _write_to_self(self) -> None: ...


_make: Callable[[], asyncio.AbstractEventLoop] = InlineLoop
_everywhere = False


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop that may run inside another one."""
    return _make()


@contextlib.contextmanager
def outside() -> Iterator[None]:
    """As if no event loop were running here; new ones are such as may run inside another."""
    running = events._get_running_loop()
    task = tasks.current_task(running) if running else None
    made = events.new_event_loop
    if running is not None and task is not None:
        tasks._leave_task(running, task)
    events._set_running_loop(None)
    events.new_event_loop = asyncio.new_event_loop = new_loop
    try:
        yield
    finally:
        events.new_event_loop = asyncio.new_event_loop = made
        events._set_running_loop(running)
        if running is not None and task is not None:
            tasks._enter_task(running, task)


def run_inline(coro: Awaitable[T], loop: asyncio.AbstractEventLoop | None = None) -> T:
    """Run a coroutine to its end now, also inside a running loop."""
    with outside():
        if loop is not None:
            return loop.run_until_complete(coro)
        loop = new_loop()
        try:
            return loop.run_until_complete(coro)
        finally:
            close(loop)


def close(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what a loop still has to do, and close it."""
    with outside(), contextlib.suppress(Exception):
        left = tasks.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def elsewhere(func: Callable[..., T], *args: object) -> T:
    """Call a function as a thread of its own would: no loop runs, and what it sets stays there."""
    with outside():
        return contextvars.copy_context().run(func, *args)


def is_inline() -> bool:
    """Whether what wants a thread gets none here."""
    return _everywhere or isinstance(events._get_running_loop(), Inline) or _inside > 0


_inside = 0


@contextlib.contextmanager
def inside() -> Iterator[None]:
    """A part of the program that has no threads, even where the machine has."""
    global _inside
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1


# --- anyio and Starlette ----------------------------------------------------------------------


class Portal:
    """`anyio.from_thread.BlockingPortal` without the thread: each call runs its loop a while."""

    def __init__(self) -> None:
        self._loop = new_loop()

    def call(self, func: Callable[..., Any], *args: object) -> Any:
        async def main() -> Any:
            result = func(*args)
            return await result if isinstance(result, Awaitable) else result

        return run_inline(main(), self._loop)

    def start_task_soon(
        self, func: Callable[..., Any], *args: object, name: object = None
    ) -> Promise:
        return Promise(self._loop, func, args)

    def start_task(
        self, func: Callable[..., Any], *args: object, name: object = None
    ) -> tuple[Promise, Any]:
        started: asyncio.Future[Any] = self._loop.create_future()
        promise = Promise(self._loop, functools.partial(func, task_status=_Status(started)), args)

        def over(_: object) -> None:
            if not started.done():
                error = None if promise.cancelled() else promise.exception(0)
                started.set_exception(error or RuntimeError("the task ended before it had begun"))

        promise.add_done_callback(over)
        return promise, run_inline(_awaited(started), self._loop)

    @contextlib.contextmanager
    def wrap_async_context_manager(self, manager: Any) -> Iterator[Any]:
        value = self.call(manager.__aenter__)
        try:
            yield value
        except BaseException as error:
            if not self.call(manager.__aexit__, type(error), error, error.__traceback__):
                raise
        else:
            self.call(manager.__aexit__, None, None, None)

    def stop(self, cancel_remaining: bool = False) -> None: ...

    def close(self) -> None:
        close(self._loop)


class _Status:
    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future

    def started(self, value: object = None) -> None:
        if not self._future.done():
            self._future.set_result(value)


class Promise(concurrent.futures.Future[Any]):
    """The future of a task on such a loop: who asks for the result runs the loop meanwhile."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, func: Callable[..., Any], args: Sequence[object]
    ) -> None:
        super().__init__()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        with outside():
            self._task = loop.create_task(self._main(func, args))

    async def _main(self, func: Callable[..., Any], args: Sequence[object]) -> None:
        try:
            self.set_result(await func(*args))
        except asyncio.CancelledError:
            super().cancel()
            self.set_running_or_notify_cancel()
            raise
        except BaseException as error:
            self.set_exception(error)

    def pump(self) -> None:
        """Run the loop until the task is over."""
        if not self.done() and self._task is not None:
            run_inline(asyncio.wait([self._task]), self._loop)

    def cancel(self) -> bool:
        return self._task is not None and self._task.cancel()

    def result(self, timeout: float | None = None) -> Any:
        self.pump()
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self.pump()
        return super().exception(0)


async def _awaited(future: Awaitable[T]) -> T:
    return await future


@contextlib.contextmanager
def _portal() -> Iterator[Portal]:
    portal = Portal()
    try:
        yield portal
    finally:
        portal.close()


def _patch_backend(module: ModuleType) -> None:
    backend = module.AsyncIOBackend
    threaded = backend.run_sync_in_worker_thread.__func__

    async def run(
        cls: Any, /, func: Callable[..., T], args: Sequence[object], *rest: object, **how: object
    ) -> T:
        if not is_inline():
            result: T = await threaded(cls, func, args, *rest, **how)
            return result
        await cls.checkpoint()
        with module.CancelScope(shield=True):
            return elsewhere(func, *args)

    backend.run_sync_in_worker_thread = classmethod(run)


def _patch_from_thread(module: ModuleType) -> None:
    threaded = (module.run, module.run_sync, module.start_blocking_portal, module.check_cancelled)

    def run(func: Callable[..., Any], *args: object, **how: object) -> Any:
        return run_inline(func(*args)) if is_inline() else threaded[0](func, *args, **how)

    def run_sync(func: Callable[..., Any], *args: object, **how: object) -> Any:
        return func(*args) if is_inline() else threaded[1](func, *args, **how)

    def start_blocking_portal(*args: object, **how: object) -> Any:
        return _portal() if is_inline() else threaded[2](*args, **how)

    def check_cancelled() -> None:
        if not is_inline():
            threaded[3]()

    module.run, module.run_sync = run, run_sync  # type: ignore[attr-defined]
    module.start_blocking_portal = start_blocking_portal  # type: ignore[attr-defined]
    module.check_cancelled = check_cancelled  # type: ignore[attr-defined]


def _patch_testclient(module: ModuleType) -> None:
    threaded = module.wait_futures

    def wait_futures(futures: Sequence[Any], *args: object, **how: object) -> object:
        for future in futures:
            if isinstance(future, Promise):
                future.pump()
        return threaded(futures, *args, **how)

    module.wait_futures = wait_futures  # type: ignore[attr-defined]


PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "anyio._backends._asyncio": _patch_backend,
    "anyio.from_thread": _patch_from_thread,
    "starlette.testclient": _patch_testclient,
}


class _After(importlib.abc.MetaPathFinder):
    """Has a module patched as soon as it is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        patch = PATCHES.get(name)
        spec = PathFinder.find_spec(name, path) if patch else None
        if patch is None or spec is None or spec.loader is None:
            return None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            patch(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def load() -> None:
    """Import what is to be patched now: pytest imports modules past any finder but its own."""
    for name in PATCHES:
        if importlib.util.find_spec(name.partition(".")[0]) is not None:
            importlib.import_module(name)


def install(
    make: Callable[[], asyncio.AbstractEventLoop] = InlineLoop, *, everywhere: bool = False
) -> None:
    """Have anyio and Starlette's test client do without threads. Twice does no harm.

    They do so on loops of ours alone, or (`everywhere`) in the whole process, where there are no
    threads. `make` makes our loops.
    """
    global _make, _everywhere
    _make, _everywhere = make, everywhere
    if any(isinstance(finder, _After) for finder in sys.meta_path):
        return
    for name, patch in PATCHES.items():
        if name in sys.modules:
            patch(sys.modules[name])
    sys.meta_path.insert(0, _After())
