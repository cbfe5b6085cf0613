"""Callers that go at the same moment, and what each of them got."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import cast

Call = Callable[[], object]


def in_threads(calls: Sequence[Call]) -> list[object]:
    """Each caller in a thread of its own; an exception is that caller's answer."""
    answers: list[object] = [None] * len(calls)
    barrier = threading.Barrier(len(calls))

    def run(number: int) -> None:
        try:
            barrier.wait(30)
            answers[number] = _finished(calls[number]())
        except BaseException as error:
            answers[number] = error

    threads = [threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(calls))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        barrier.abort()
    return answers


def _finished(answer: object) -> object:
    """What an `async` lambda or partial promised, when a thread has called it."""
    return asyncio.run(_awaited(answer)) if inspect.isawaitable(answer) else answer


async def _awaited(answer: Awaitable[object]) -> object:
    return await answer


class Tasks:
    """All calls as tasks of one event loop."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._tasks: list[asyncio.Future[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.answers: list[object] = [None] * len(calls)

    async def go(self) -> None:
        """Let them go, and wait for all."""
        go = asyncio.Event()
        self._loop = asyncio.get_running_loop()

        async def run(number: int) -> None:
            await go.wait()
            try:
                self.answers[number] = await cast(Awaitable[object], self._calls[number]())
            except (SystemExit, KeyboardInterrupt) as error:
                self.answers[number] = error

        self._tasks = [asyncio.ensure_future(run(n)) for n in range(len(self._calls))]
        await asyncio.sleep(0)
        go.set()
        for number, ended in enumerate(await asyncio.gather(*self._tasks, return_exceptions=True)):
            if ended is not None:
                self.answers[number] = ended

    def cancel(self) -> None:
        """From another thread: end them."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(_cancel, self._tasks)


def in_one_loop(calls: Sequence[Call]) -> list[object]:
    """Tasks of a loop in a thread of its own: the notebook's own loop is running."""
    tasks = Tasks(calls)
    thread = threading.Thread(target=lambda: asyncio.run(tasks.go()), daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        tasks.cancel()
        raise
    return tasks.answers


def _cancel(tasks: Iterable[asyncio.Future[None]]) -> None:
    for task in tasks:
        task.cancel()
