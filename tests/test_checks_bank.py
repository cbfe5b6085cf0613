"""Every exercise against its bank: right answers pass, wrong ones get the sentence meant for them.

A bank is `tests/bank/<chapter>/<exercise>/` with `right_*.py` and `wrong_*.py`; the starter comes
from `exercises/`, the official solution from `solutions/`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from itertools import chain, combinations
from pathlib import Path

import pytest

from coursekit import build, checks, course, grade, judge, places
from coursekit.checks import KINDS, Exercise
from coursekit.judge import Entry, plain
from coursekit.verdict import ItemResult, Outcome, Verdict

pytestmark = pytest.mark.usefixtures("presence")

BANK = Path(__file__).parent / "bank"
KNOWN = checks.exercises()
LESSONS = sorted({exercise.lesson for exercise in KNOWN.values()})
WORDS = 160
GRADE = 9.0


def bank_of(exercise: Exercise) -> Path:
    chapter = course.find(exercise.lesson).chapter
    return BANK / chapter / exercise.name


def entries(kind: str) -> list[object]:
    """The files of all banks, as parameters named "exercise/file"."""
    names = {exercise.name: id for id, exercise in KNOWN.items()}
    return [
        pytest.param(names[path.parent.name], path, id=f"{path.parent.name}/{path.stem}")
        for path in sorted(BANK.glob(f"*/*/{kind}_*.py"))
        if path.parent.name in names
    ]


@cache
def entry(path: Path) -> Entry:
    return judge.read_entry(path)


@cache
def verdict_on(id: str, path: Path, sabotaged: int | None = None) -> Verdict:
    return judge.judge(id, entry(path).answers, sabotaged=sabotaged)


def cells_of(exercise: Exercise, kind: str) -> list[dict[str, object]]:
    return course.read_cells(judge.notebook_of(exercise, kind))


def answers_in(exercise: Exercise, kind: str) -> dict[str, str]:
    """The last cell of each target of the exercise in its notebook."""
    bodies = grade.bodies_in(cells_of(exercise, kind))
    missing = [t for t in exercise.answers if judge.normal(t) not in bodies]
    assert not missing, f"{kind}: no %%build cell for {missing}"
    return {target: bodies[judge.normal(target)][-1] for target in exercise.answers}


def nbgrader_of(exercise: Exercise, grade_id: str) -> dict[str, object]:
    found = [
        data
        for cell in cells_of(exercise, "solutions")
        if isinstance(metadata := cell.get("metadata"), dict)
        and isinstance(data := metadata.get("nbgrader"), dict)
        and data.get("grade_id") == grade_id
    ]
    assert len(found) == 1, f"{len(found)} cells with grade_id {grade_id!r}"
    return found[0]


every = pytest.mark.parametrize("id", KNOWN)


# --- what a bank must have --------------------------------------------------------------------


def test_all_modules_of_checks_can_be_imported() -> None:
    assert checks.faults() == {}


def test_there_are_no_banks_without_an_exercise() -> None:
    known = {bank_of(exercise) for exercise in KNOWN.values()}
    stray = [p for p in BANK.glob("ch*/*") if p not in known and p.name != "__pycache__"]
    assert not stray


@every
def test_bank_is_large_enough(id: str) -> None:
    names = [path.name for path in bank_of(KNOWN[id]).glob("*.py")]
    assert sum(name.startswith("right_") for name in names) >= 2, names
    assert sum(name.startswith("wrong_") for name in names) >= 5, names
    assert all(name.startswith(("right_", "wrong_")) for name in names), names


@pytest.mark.parametrize(("id", "path"), [*entries("right"), *entries("wrong")])
def test_entry_answers_the_exercise(id: str, path: Path) -> None:
    assert set(entry(path).answers) <= {judge.normal(target) for target in KNOWN[id].answers}
    assert bool(entry(path).says) == path.name.startswith("wrong_")


@every
def test_right_answers_differ_from_each_other_and_the_solution(id: str) -> None:
    solution = {judge.normal(t): c for t, c in answers_in(KNOWN[id], "solutions").items()}
    right = [entry(path).answers for path in sorted(bank_of(KNOWN[id]).glob("right_*.py"))]
    for one, other in combinations([solution, *right], 2):
        same = [judge.same_code(one[t], other[t]) for t in one.keys() & other.keys()]
        assert not all(same)


# --- verdicts ---------------------------------------------------------------------------------


@every
def test_starter_is_not_attempted(id: str) -> None:
    verdict = judge.judge(id, answers_in(KNOWN[id], "exercises"))
    assert verdict.outcome is Outcome.NOT_ATTEMPTED, verdict.text()


@every
def test_solution_passes(id: str) -> None:
    verdict = judge.judge(id, answers_in(KNOWN[id], "solutions"))
    assert verdict.outcome is Outcome.PASSED, verdict.text()
    assert verdict.earned == verdict.points


@pytest.mark.parametrize(("id", "path"), entries("right"))
def test_right_answer_passes(id: str, path: Path) -> None:
    verdict = verdict_on(id, path)
    assert verdict.outcome is Outcome.PASSED, verdict.text()


@pytest.mark.parametrize(("id", "path"), entries("wrong"))
def test_wrong_answer_gets_the_sentence_meant_for_it(id: str, path: Path) -> None:
    verdict = verdict_on(id, path)
    assert verdict.outcome in {Outcome.NOT_YET, Outcome.COULD_NOT_FINISH}, verdict.text()
    assert verdict.earned < verdict.points, verdict.text()
    assert missing(path, verdict) == [], verdict.text()
    for item in verdict.items:
        assert len(item.text().split()) <= WORDS, item.text()


def missing(path: Path, verdict: Verdict) -> list[str]:
    """The fragments that the verdict on an entry should have, and has not."""
    return [says for says in entry(path).says if plain(says) not in plain(verdict.text())]


@pytest.mark.parametrize(
    ("id", "number"),
    [
        pytest.param(id, number, id=f"{exercise.name}/{number}")
        for id, exercise in KNOWN.items()
        for number in range(len(exercise.items))
    ],
)
def test_bank_notices_an_item_that_is_always_true(id: str, number: int) -> None:
    paths = sorted(bank_of(KNOWN[id]).glob("wrong_*.py"))
    failing = [p for p in paths if not _item(verdict_on(id, p), number)]
    failing.sort(key=lambda path: sum(not i.passed for i in verdict_on(id, path).items))
    for path in failing:
        verdict = held(verdict_on(id, path), number) or verdict_on(id, path, number)
        if verdict.passed or missing(path, verdict):
            return
    title = KNOWN[id].items[number].title
    pytest.fail(f'no wrong answer of the bank would notice that "{title}" always holds')


def held(verdict: Verdict, number: int) -> Verdict | None:
    """The verdict if that item had held: items look in sandboxes of their own, so the others stay.

    None where only a look tells: an item was cut short, or points to what another one said.
    """
    items = list(verdict.items)
    told = " ".join(f"{item.got} {item.why}" for item in items)
    if verdict.outcome is not Outcome.NOT_YET or verdict.message or "as above" in told:
        return None
    items[number] = ItemResult(items[number].title, items[number].points, items[number].points)
    passed = all(item.passed for item in items)
    return replace(
        verdict, items=tuple(items), outcome=Outcome.PASSED if passed else Outcome.NOT_YET
    )


@pytest.mark.parametrize("id", [min(KNOWN), max(KNOWN)])
def test_holding_an_item_is_what_a_sabotaged_check_comes_to(id: str) -> None:
    compared = 0
    for path in sorted(bank_of(KNOWN[id]).glob("wrong_*.py")):
        verdict = verdict_on(id, path)
        number = next((n for n, item in enumerate(verdict.items) if not item.passed), 0)
        if supposed := held(verdict, number):
            real = verdict_on(id, path, number)
            assert supposed.outcome is real.outcome
            said = [(item.passed, item.why) for item in supposed.items]
            assert said == [(item.passed, item.why) for item in real.items]
            compared += 1
    assert compared


def _item(verdict: Verdict, number: int) -> bool:
    """Whether the item held; one that was not reached tells nothing, so it counts as held."""
    item = verdict.items[number]
    return item.passed or not item.ran


# --- what surrounds the check -----------------------------------------------------------------


@every
def test_hint_ladder(id: str) -> None:
    hints = KNOWN[id].hints
    assert len(hints) in (3, 4)
    assert all(0 < len(hint.split()) <= WORDS for hint in hints)
    assert len(set(hints)) == len(hints)
    assert re.search(r"^( {4}|```)|`[^`]*[(=][^`]*`", hints[-1], re.M), "the last hint has no code"


@every
def test_words_are_easy_to_read(id: str) -> None:
    said = list(KNOWN[id].hints)
    for path in sorted(bank_of(KNOWN[id]).glob("wrong_*.py")):
        said += [item.why for item in verdict_on(id, path).items if item.why]
    assert reading_grade(said) <= GRADE


def reading_grade(texts: list[str]) -> float:
    """Flesch and Kincaid's grade of the prose; code counts as one short word."""
    prose = []
    for text in texts:
        text = re.sub(r"```.*?```|^ {4}.*$", "", text, flags=re.S if "```" in text else re.M)
        prose.append(re.sub(r"`[^`]*`", "it", text).strip().rstrip(".:;") + ".")
    whole = " ".join(prose)
    sentences = max(1, len(re.findall(r"[.!?:;]+(?=\s|$)", whole)))
    words = re.findall(r"[A-Za-z']+", whole)
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / max(1, len(words)) - 15.59


def _syllables(word: str) -> int:
    word = re.sub(r"(?<=[^l])e$|es$|(?<=[^td])ed$", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def test_reading_grade_tells_easy_from_hard() -> None:
    easy = ["The seat is gone. Two people asked at once, and both were told yes."]
    hard = [
        "Concurrent transactional interleavings necessitate serialization guarantees whose "
        "absence inevitably materializes as inconsistent persistent representations."
    ]
    assert reading_grade(easy) < 4 < GRADE < reading_grade(hard)


@every
def test_every_item_is_a_sentence_of_the_task(id: str) -> None:
    task = plain(
        "\n".join(
            course.source_of(cell)
            for cell in cells_of(KNOWN[id], "solutions")
            if cell.get("cell_type") == "markdown"
        )
    )
    assert [i.title for i in KNOWN[id].items if plain(i.title).rstrip(".") not in task] == []


@every
def test_notebook_and_check_agree(id: str) -> None:
    exercise = KNOWN[id]
    checked = nbgrader_of(exercise, exercise.name)
    assert checked.get("grade") is True
    assert checked.get("locked") is True
    assert checked.get("points") == exercise.points
    first = nbgrader_of(exercise, f"{exercise.name}_answer")
    assert first.get("solution") is True
    assert first.get("locked") is False
    assert id in course.exercise_names(judge.notebook_of(exercise, "solutions"))


@pytest.mark.parametrize("lesson", LESSONS)
def test_exercises_of_a_lesson(lesson: str) -> None:
    here = [exercise for exercise in KNOWN.values() if exercise.lesson == lesson]
    assert len(here) >= 3
    order = course.exercise_names(judge.notebook_of(here[0]))
    here.sort(key=lambda exercise: order.index(exercise.id))
    kinds = [exercise.kind for exercise in here]
    assert kinds == sorted(kinds, key=KINDS.index)
    assert {"complete", "mend"} <= set(kinds)
    assert {"write", "stretch"} & set(kinds)


@pytest.mark.parametrize("lesson", LESSONS)
def test_answers_of_a_lesson_do_not_overlap(lesson: str) -> None:
    targets = [
        build.parse_target(target)
        for target in chain.from_iterable(e.answers for e in KNOWN.values() if e.lesson == lesson)
    ]
    for one, other in combinations(targets, 2):
        assert one.path != other.path or (one.name and other.name and one.name != other.name), (
            f"{one} and {other}"
        )


def test_released_notebooks_hold_no_solution() -> None:
    for path in places.checkout().glob("exercises/**/*.ipynb"):
        assert "BEGIN SOLUTION" not in json.dumps(course.read_cells(path)), path.name
