"""What a `%%check` says when an assert does not hold, and what `%%expect` accepts."""

from __future__ import annotations

import pytest

from coursekit import cells
from coursekit.errors import BuildRefused, CourseError


def check(source: str, **space: object) -> tuple[bool, list[str]]:
    passed, shown = cells.check("it works", source, dict(space))
    return passed, shown.text.splitlines()


def test_what_holds_passes() -> None:
    assert check("assert 1\nassert [1] == [1], 'why'\n2") == (True, ["✓ it works"])


@pytest.mark.parametrize(
    ("source", "expected", "got"),
    [
        ("assert answer == 409", "409", "201"),
        ("assert answer != 201", "!= 201", "201"),
        ("assert answer < 3", "< 3", "201"),
        ("assert answer in [1, 2]", "something in [1, 2]", "201"),
        ("assert answer not in [201]", "something that is not in [201]", "201"),
        ("assert answer is None", "None", "201"),
        ("assert nothing", "something in `nothing`", "None"),
        ("assert nothing, 'Why.'", "something in `nothing`", "None"),
        ("assert double(answer) == 3", "3", "402"),
        ("assert {'a': answer}['a'] == 3", "3", "201"),
        ("for n in [1, 2]:\n    assert n == 1", "1", "2"),
        ("def look():\n    assert answer == 1\nlook()", "1", "201"),
    ],
)
def test_a_comparison_says_expected_and_got(source: str, expected: str, got: str) -> None:
    passed, lines = check(source, answer=201, nothing=None, double=lambda n: 2 * n)
    assert not passed
    assert lines[0] == "✗ it works"
    assert lines[1].split(maxsplit=1) == ["expected", expected]
    assert lines[2].split(maxsplit=1) == ["got", got]
    assert lines[-1].startswith("  where     `assert")


@pytest.mark.parametrize(
    "source",
    ["assert not answer", "assert answer > 1 and answer < 9", "assert f(answer)", "assert 0"],
)
def test_any_other_assert_shows_itself(source: str) -> None:
    passed, lines = check(source, answer=201, f=lambda _: False)
    assert not passed
    assert lines[1] == f"  expected  `{source.removeprefix('assert ')}`"
    assert lines[2].startswith("  got ")


def test_the_message_is_the_why() -> None:
    for message in ("'two clicks, one seat'", "f'{1 + 1} clicks, one seat'"):
        _, lines = check(f"assert answer == 1, {message}", answer=2)
        assert next(line for line in lines if "clicks, one seat" in line).split()[0] == "why"
    _, lines = check("assert not answer, 'because'", answer=2)
    assert "  why       because" in lines


def test_an_assert_over_many_lines() -> None:
    _, lines = check("assert answer == [\n    1,\n    2,\n], 'both'", answer=[1])
    assert lines[1:4] == ["  expected  [1, 2]", "  got       [1]", "  why       both"]


def test_what_is_long_is_cut() -> None:
    _, lines = check("assert answer == []", answer=list(range(5000)))
    assert max(map(len, lines)) < 400
    assert lines[2].endswith(" …")


def test_an_exception_inside_is_told_with_its_line() -> None:
    passed, lines = check("x = 1\nassert 1 / 0 == 2")
    assert not passed
    assert "ZeroDivisionError: division by zero" in lines[1]
    assert "`assert 1 / 0 == 2`" in lines[2]
    passed, lines = check("assert answer['title'] == 'x'", answer={})
    assert "KeyError: 'title'" in lines[1]


def test_a_sentence_of_the_course_is_shown_as_it_is() -> None:
    def fail() -> None:
        raise CourseError("Your API did not start.")

    assert check("fail()", fail=fail)[1][1] == "  got  Your API did not start."


def test_what_is_not_python_is_told() -> None:
    for source in ("assert (", "assert 1 ==", "  x = 1\n y"):
        passed, lines = check(source)
        assert not passed
        assert "is not Python" in lines[1]


def test_a_value_that_cannot_be_shown() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    _, lines = check("assert odd == 1", odd=Odd())
    assert lines[2].split() == ["got", "<Odd>"]


def test_an_interrupt_is_no_answer() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cells.check("t", "stop()", {"stop": stop})
    with pytest.raises(KeyboardInterrupt):
        cells.expect("ValueError", "stop()", {"stop": stop})


def test_names_of_the_cell_stay_in_the_kernel() -> None:
    space: dict[str, object] = {}
    cells.check("t", "answer = 3\nassert answer == 3", space)
    assert space["answer"] == 3


def test_pytests_own_asserts_are_as_before() -> None:
    from _pytest.assertion import util

    before = util._reprcompare
    check("assert 1 == 2")
    assert util._reprcompare is before


@pytest.mark.parametrize(
    ("words", "source", "passed"),
    [
        ("ValueError", "int('x')", True),
        ("ValueError invalid literal", "int('x')", True),
        ('ValueError "invalid literal"', "int('x')", True),
        ("Exception", "int('x')", True),
        ("BuildRefused", "raise BuildRefused('no')", True),
        ("errors.BuildRefused", "raise BuildRefused('no')", True),
        ("SyntaxError", "x = (", True),
        ("SystemExit", "raise SystemExit(2)", True),
        ("KeyError", "int('x')", False),
        ('ValueError "seat"', "int('x')", False),
        ("ValueError", "1 + 1", False),
    ],
)
def test_expect(words: str, source: str, passed: bool) -> None:
    shown = cells.expect(words, source, {"BuildRefused": BuildRefused})
    assert shown.text.startswith("✓" if passed else "✗")


def test_expect_says_what_came_instead() -> None:
    assert "got  ValueError: invalid literal" in cells.expect("KeyError", "int('x')", {}).text
    assert "nothing failed" in cells.expect("KeyError", "1", {}).text
    with pytest.raises(CourseError, match="Say which error must come"):
        cells.expect(" ", "1", {})
