"""What a cohort's hand-ins amount to: progress, failure rates, sentences, and who is stuck."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from coursekit import checks, course
from coursekit.report.cohort import Cohort, HandIn
from coursekit.report.sentences import Guard, Sentences, shown, told
from coursekit.report.shelf import Shelf
from coursekit.verdict import ItemResult, Outcome, Verdict

ATTEMPTED = {Outcome.PASSED, Outcome.NOT_YET, Outcome.COULD_NOT_FINISH}


class State(StrEnum):
    """Where a learner stands with an exercise, in the words of the page."""

    PASSED = "passed"
    OPEN = "not passed yet"
    UNTRIED = "handed in, not tried"
    UNGRADED = "could not be graded"
    MISSING = "not handed in"


@dataclass(frozen=True)
class Try:
    """What came of an exercise in one hand-in."""

    at: datetime
    verdict: Verdict


@dataclass(frozen=True)
class Record:
    """One learner and one exercise, from the first hand-in to the newest."""

    learner: str
    exercise: str
    tries: tuple[Try, ...]
    by_hand: float | None = None

    @property
    def newest(self) -> Verdict:
        return self.tries[-1].verdict

    @property
    def earned(self) -> float:
        return self.newest.earned if self.by_hand is None else self.by_hand

    @property
    def state(self) -> State:
        if self.by_hand is not None:
            return State.PASSED if self.by_hand >= self.newest.points else State.OPEN
        if self.newest.passed:
            return State.PASSED
        if self.newest.outcome is Outcome.COULD_NOT_BE_GRADED:
            return State.UNGRADED
        return State.OPEN if self.newest.outcome in ATTEMPTED else State.UNTRIED

    @property
    def attempts(self) -> list[Try]:
        return [one for one in self.tries if one.verdict.outcome in ATTEMPTED]

    def stuck(self) -> list[Try]:
        """The attempts since it was last passed; none where it is passed or was never tried."""
        if self.state is not State.OPEN:
            return []
        row: list[Try] = []
        for one in self.attempts:
            row = [] if one.verdict.passed else [*row, one]
        return row


@dataclass(frozen=True)
class Stuck:
    """One exercise that a learner tried and has not passed, and what was said last."""

    learner: str
    exercise: Exercise
    since: datetime
    tries: int
    lasts: timedelta
    items: tuple[str, ...]
    sentence: str


@dataclass
class Item:
    """How many learners an item was looked at for, and how many missed it, now and at any time."""

    title: str
    points: float
    looked: int = 0
    missed: int = 0
    ever: int = 0
    sentence: str = ""
    reteach: str = ""

    @property
    def rate(self) -> float:
        return self.missed / self.looked if self.looked else 0

    @property
    def rate_ever(self) -> float:
        return self.ever / self.looked if self.looked else 0


@dataclass
class Exercise:
    """One exercise over all learners. `number` is that of its lesson and its place there."""

    id: str
    number: str
    title: str
    lesson: str
    chapter: str
    reteach: str
    points: float = 0
    states: Counter[State] = field(default_factory=Counter)
    ever_open: int = 0
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def tried(self) -> int:
        return self.states[State.PASSED] + self.states[State.OPEN]

    @property
    def rate(self) -> float:
        """The share that has not passed, of those who tried."""
        return self.states[State.OPEN] / self.tried if self.tried else 0


@dataclass(frozen=True)
class Sentence:
    """What learners were told when something did not hold: a misconception, in our own words."""

    text: str
    exercises: tuple[Exercise, ...]
    items: tuple[str, ...]
    learners: int
    still: int
    reteach: str


@dataclass(frozen=True)
class Learner:
    """One row of the grid."""

    id: str
    name: str
    records: Mapping[str, Record]
    hand_ins: int
    first: datetime | None
    last: datetime | None
    stuck: tuple[Stuck, ...]

    @property
    def passed(self) -> int:
        return sum(record.state is State.PASSED for record in self.records.values())

    @property
    def tried(self) -> int:
        states = (record.state for record in self.records.values())
        return sum(state in {State.PASSED, State.OPEN} for state in states)

    @property
    def earned(self) -> float:
        return sum(record.earned for record in self.records.values())


@dataclass(frozen=True)
class Lesson:
    """A lesson's exercises, and how many learners are how far with it."""

    id: str
    title: str
    chapter: str
    exercises: tuple[Exercise, ...]
    all_passed: int
    some_passed: int
    none_passed: int
    nothing: int


@dataclass(frozen=True)
class Fault:
    """A notebook or an exercise that could not be graded."""

    learner: str
    what: str
    at: datetime
    why: str


@dataclass(frozen=True)
class Figures:
    """All that the page and the tables show."""

    now: datetime
    learners: tuple[Learner, ...]
    lessons: tuple[Lesson, ...]
    exercises: tuple[Exercise, ...]
    sentences: tuple[Sentence, ...]
    stuck: tuple[Stuck, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    hand_ins: int
    last: datetime | None
    without_names: bool = False

    @property
    def absent(self) -> list[Learner]:
        return [learner for learner in self.learners if not learner.hand_ins]

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)


# --- all of it --------------------------------------------------------------------------------


class _Count:
    """One pass over the records of a cohort."""

    def __init__(self, cohort: Cohort, now: datetime, guard: Guard | None) -> None:
        self.cohort, self.now, self.guard = cohort, now, guard
        self.shelf = Shelf()
        self.sentences = Sentences()
        self.records = _records(cohort)
        self.exercises = self._exercises()
        self.said: dict[tuple[str, str], Counter[object]] = defaultdict(Counter)
        """Exercise and item → what was said, and to how many learners."""

    def _exercises(self) -> dict[str, Exercise]:
        """In reading order: those of the chapters that are assigned, then what nobody knows."""
        found: dict[str, Exercise] = {}
        known = checks.exercises()
        for lesson in self.shelf.lessons(self.cohort.assigned):
            for place, id in enumerate(lesson.exercises, 1):
                if id in known:
                    check = known[id]
                    items = {item.title: Item(item.title, item.points) for item in check.items}
                    found[id] = Exercise(
                        id, f"{lesson.id}.{place}", check.title, lesson.id, lesson.chapter,
                        self.shelf.of_exercise(check), check.points, items=items,
                    )  # fmt: skip
        for learner in self.records.values():
            for id, record in learner.items():
                if id not in found:
                    verdict = record.newest
                    found[id] = Exercise(id, id, verdict.title, "", "", "", verdict.points)
        return found

    def count(self) -> None:
        for learner in self.cohort.names:
            records = self.records.get(learner, {})
            for id, exercise in self.exercises.items():
                record = records.get(id)
                exercise.states[record.state if record else State.MISSING] += 1
                if record:
                    self._count_record(exercise, record)
        for exercise in self.exercises.values():
            for item in exercise.items.values():
                said = self.said[exercise.id, item.title]
                if said:
                    group = self.sentences.groups[said.most_common(1)[0][0]]
                    item.sentence = group.text(self.guard)
                    item.reteach = group.reteach.most_common(1)[0][0]

    def _count_record(self, exercise: Exercise, record: Record) -> None:
        attempts = record.attempts
        exercise.ever_open += any(not one.verdict.passed for one in attempts)
        looked: dict[str, float] = {}
        missed: set[str] = set()
        heard: set[tuple[str, object]] = set()
        for one in attempts:
            newest = one is record.tries[-1] and record.state is State.OPEN
            seen = [item for item in one.verdict.items if item.ran]
            looked |= {item.title: item.points for item in seen}
            for item in seen:
                if not item.passed:
                    missed.add(item.title)
                    heard.add((item.title, self._say(exercise, record, item, newest)))
            if one.verdict.message and not seen:
                self.sentences.add(
                    one.verdict.message.splitlines()[0], learner=record.learner,
                    exercise=exercise.id, item="before the first item", reteach=exercise.reteach,
                    is_free=True, still=newest,
                )  # fmt: skip
        for title, key in heard - {(title, None) for title in missed}:
            self.said[exercise.id, title][key] += 1
        now = {item.title for item in _open_items(record)}
        for title, points in looked.items():
            figures = exercise.items.setdefault(title, Item(title, points))
            figures.looked += 1
            figures.ever += title in missed
            figures.missed += title in now

    def _say(self, exercise: Exercise, record: Record, item: ItemResult, newest: bool) -> object:
        """Count what was said of an item; the key of its group, None where it was nothing."""
        text = told(item)
        if not text:
            return None
        reteach = self.shelf.of_words(item.where, exercise.lesson) or exercise.reteach
        return self.sentences.add(
            text, learner=record.learner, exercise=exercise.id, item=item.title, reteach=reteach,
            is_free=not item.why, still=newest,
        )  # fmt: skip

    def misconceptions(self) -> tuple[Sentence, ...]:
        found = [
            Sentence(
                group.text(self.guard), tuple(self.exercises[id] for id in group.exercises),
                tuple(title for title, _ in group.items.most_common()), len(group.learners),
                len(group.still), group.reteach.most_common(1)[0][0],
            )
            for group in self.sentences.groups.values()
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda one: (-one.learners, -one.still, one.text)))

    def stuck(self, learner: str) -> tuple[Stuck, ...]:
        found = []
        for id, record in self.records.get(learner, {}).items():
            row = record.stuck()
            if row:
                items = _open_items(record)
                found.append(
                    Stuck(
                        learner, self.exercises[id], row[0].at, len(row), self.now - row[0].at,
                        tuple(item.title for item in items), self._last_told(record, items),
                    )
                )  # fmt: skip
        return tuple(sorted(found, key=lambda one: (one.since, one.exercise.number)))

    def _last_told(self, record: Record, items: Iterable[ItemResult]) -> str:
        """The first sentence of the newest hand-in."""
        said = next((item for item in items if told(item)), None)
        text = told(said) if said else record.newest.message.partition("\n")[0]
        return shown(text, self.guard, is_free=said is None or not said.why)


def _open_items(record: Record) -> list[ItemResult]:
    """The items that the newest hand-in misses; none where a person has given full marks."""
    if record.state is not State.OPEN:
        return []
    return [item for item in record.newest.items if item.ran and not item.passed]


def _records(cohort: Cohort) -> dict[str, dict[str, Record]]:
    tries: dict[tuple[str, str], list[Try]] = defaultdict(list)
    for hand_in in cohort.hand_ins:
        for verdict in hand_in.verdicts:
            tries[hand_in.learner, verdict.id].append(Try(hand_in.submitted, verdict))
    found: dict[str, dict[str, Record]] = defaultdict(dict)
    for (learner, id), row in tries.items():
        mark = cohort.marks.get((learner, id.partition(".")[2]))
        found[learner][id] = Record(learner, id, tuple(row), mark)
    return found


def count(
    cohort: Cohort,
    now: datetime,
    names: Mapping[str, str],
    guard: Guard | None = None,
) -> Figures:
    """All figures. `names` is what each learner is called; `guard` takes names out of texts."""
    counting = _Count(cohort, now, guard)
    counting.count()
    by_learner: dict[str, list[HandIn]] = defaultdict(list)
    for hand_in in cohort.hand_ins:
        by_learner[hand_in.learner].append(hand_in)
    learners = []
    for id in sorted(cohort.names, key=lambda id: (names[id].casefold(), id)):
        mine = by_learner[id]
        times = sorted({one.submitted for one in mine})
        learners.append(
            Learner(
                id, names[id], counting.records.get(id, {}), len(times),
                times[0] if times else None, times[-1] if times else None, counting.stuck(id),
            )
        )  # fmt: skip
    stuck = sorted((one for learner in learners for one in learner.stuck), key=lambda s: s.since)
    times = [one.submitted for one in cohort.hand_ins]
    return Figures(
        now, tuple(learners), _lessons(counting, learners), tuple(counting.exercises.values()),
        counting.misconceptions(), tuple(stuck), tuple(_faults(cohort, counting, guard)),
        tuple(map(guard, cohort.notes) if guard else cohort.notes),
        len({(one.learner, one.submitted) for one in cohort.hand_ins}),
        max(times, default=None), guard is not None,
    )  # fmt: skip


def _lessons(counting: _Count, learners: Sequence[Learner]) -> tuple[Lesson, ...]:
    by_lesson: dict[str, list[Exercise]] = defaultdict(list)
    for exercise in counting.exercises.values():
        by_lesson[exercise.lesson].append(exercise)
    found = []
    for id, exercises in by_lesson.items():
        tally = Counter(_stage(learner, exercises) for learner in learners)
        title = course.find(id).title if id else "Exercises that this course does not know"
        found.append(
            Lesson(
                id, title, exercises[0].chapter, tuple(exercises),
                tally["all"], tally["some"], tally["none"], tally["nothing"],
            )
        )  # fmt: skip
    return tuple(found)


def _stage(learner: Learner, exercises: Iterable[Exercise]) -> str:
    states = [
        learner.records[e.id].state if e.id in learner.records else State.MISSING
        for e in exercises
    ]  # fmt: skip
    if all(state is State.PASSED for state in states):
        return "all"
    if State.PASSED in states:
        return "some"
    return "nothing" if set(states) <= {State.MISSING, State.UNTRIED} else "none"


def _faults(cohort: Cohort, counting: _Count, guard: Guard | None) -> Iterable[Fault]:
    """Of each notebook the newest hand-in that could not be graded, in whole or in part."""
    say = guard or (lambda text: text)
    newest: dict[tuple[str, str, str], HandIn] = {}
    for hand_in in cohort.hand_ins:
        newest[hand_in.learner, hand_in.assignment, hand_in.notebook] = hand_in
    for hand_in in newest.values():
        where = say(f"{hand_in.assignment}/{hand_in.notebook}")
        if hand_in.problem:
            yield Fault(hand_in.learner, where, hand_in.submitted, say(hand_in.problem))
        for verdict in hand_in.verdicts:
            name = verdict.id.partition(".")[2]
            is_settled = (hand_in.learner, name) in cohort.marks
            if verdict.outcome is Outcome.COULD_NOT_BE_GRADED and not is_settled:
                exercise = counting.exercises[verdict.id]
                what = f"{exercise.number} {exercise.title}"
                yield Fault(hand_in.learner, what, hand_in.submitted, say(verdict.message))
