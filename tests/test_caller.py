"""Races: real callers at once, and what each got."""

from __future__ import annotations

import asyncio
import functools
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import httpx
import pytest

from coursekit import caller, session
from coursekit.errors import CourseError


class NoLesson:
    """A session in which nothing is served."""

    served: dict[str, object] = {}  # noqa: RUF012


@pytest.fixture(autouse=True)
def _lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "current", NoLesson)


def test_all_callers_go_at_once() -> None:
    together = threading.Barrier(40)

    def call() -> int:
        return together.wait(10)

    answers = caller.race(40, call)
    assert sorted(answers) == list(range(40))


def test_callers_keep_their_order_and_may_know_their_number() -> None:
    def call(number: int) -> int:
        time.sleep(0.001 * (20 - number))
        return number

    assert caller.race(20, call) == list(range(20))
    assert caller.race(3, lambda number=7: number) == [7, 7, 7]
    assert caller.race(2, dict) == [{}, {}]


def test_different_calls() -> None:
    assert caller.race([lambda: "a", lambda: "b"]) == ["a", "b"]
    assert caller.race((lambda: "a",)) == ["a"]


def response(status: int) -> httpx.Response:
    return httpx.Response(status, request=httpx.Request("GET", "http://x/"))


def test_answers_are_counted_with_the_exceptions() -> None:
    def call(number: int) -> httpx.Response:
        if number == 2:
            raise KeyError("no seat")
        return response(201 if number == 0 else 409)

    answers = caller.race(5, call)
    assert answers.codes == {201: 1, 409: 3, "KeyError": 1}
    assert list(answers.codes) == [201, 409, "KeyError"]
    assert [a.status_code for a in answers.winners] == [201]
    assert [a.status_code for a in answers.losers] == [409, 409, 409]
    assert repr(answers).splitlines()[0] == "5 callers at once"
    html = answers._repr_mimebundle_()["text/html"]
    for fact in ("5 callers at once", "201", "409", "KeyError"):
        assert fact in html
        assert fact in repr(answers)


def test_an_exit_in_a_caller_is_an_answer_too() -> None:
    def leave() -> None:
        raise SystemExit

    assert caller.race(2, leave).codes == {"SystemExit": 2}


@pytest.mark.parametrize("count", [1, 1000])
def test_the_smallest_and_the_largest_race(count: int) -> None:
    assert caller.race(count, lambda number: number) == list(range(count))


@pytest.mark.parametrize("callers", [0, -1, 1001])
def test_a_race_of_no_one_or_too_many(callers: int) -> None:
    with pytest.raises(CourseError, match="A race has 1 to 1000 callers"):
        caller.race(callers, lambda: None)


@pytest.mark.parametrize("wrong", ["abc", [1, 2], {"a": 1}])
def test_what_cannot_be_called_is_refused(wrong: object) -> None:
    with pytest.raises(CourseError, match="cannot be called"):
        caller.race(wrong)  # type: ignore[arg-type]


def test_a_race_needs_something_to_call() -> None:
    with pytest.raises(CourseError, match="needs to know what to call"):
        caller.race(50)
    with pytest.raises(CourseError, match="cannot be called"):
        caller.race(50, response(200))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call", [print, len, lambda: 1, lambda n: n, lambda n=1: n, lambda *a: a, lambda **k: k]
)
def test_any_function_can_race(call: Callable[..., object]) -> None:
    assert len(caller.race(2, call)) == 2


# --- calls that are async -----------------------------------------------------------------


def test_async_calls_run_as_tasks_of_one_loop() -> None:
    threads: set[int] = set()
    waiting = 0

    async def call(number: int) -> int:
        nonlocal waiting
        threads.add(threading.get_ident())
        waiting += 1
        while waiting < 200:
            await asyncio.sleep(0)
        return number

    assert caller.race(200, call) == list(range(200))
    assert len(threads) == 1
    assert threads != {threading.get_ident()}


def test_async_exceptions_are_answers_and_keep_their_order() -> None:
    async def call(number: int) -> int:
        await asyncio.sleep(0.001 * (9 - number))
        if number % 3 == 0:
            raise KeyError(number)
        if number == 4:
            raise SystemExit
        return number

    answers = caller.race(9, call)
    assert [type(answer).__name__ for answer in answers] == [
        "KeyError", "int", "int", "KeyError", "SystemExit", "int", "KeyError", "int", "int",
    ]  # fmt: skip
    assert answers.codes["KeyError"] == 3


def test_async_calls_of_every_shape() -> None:
    async def one(word: str = "a") -> str:
        return word

    class Buyer:
        async def __call__(self) -> str:
            return "d"

    different = [one, functools.partial(one, "b"), functools.partial(functools.partial(one), "c")]
    assert caller.race([*different, Buyer()]) == ["a", "b", "c", "d"]
    assert caller.race(2, lambda: one("x")) == ["x", "x"]
    assert caller.race([lambda: "plain", one]) == ["plain", "a"]


def test_an_async_race_inside_a_running_loop() -> None:
    async def notebook() -> list[object]:
        async def call() -> int:
            return 1

        return caller.race(3, call)

    assert asyncio.run(notebook()) == [1, 1, 1]


def test_what_is_shown_holds_no_ids() -> None:
    async def call(number: int) -> object:
        return object() if number else ("sold", uuid4())

    shown = caller.race(3, call)
    assert shown.codes == {"('sold', UUID('…'))": 1, "<object>": 2}
    assert "0x" not in repr(shown)
