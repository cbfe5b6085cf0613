"""What a check found: plain data that travels as JSON, and its plain-text form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """The five things that can come of a check."""

    PASSED = "passed"
    NOT_YET = "not yet"
    NOT_ATTEMPTED = "not attempted"
    COULD_NOT_FINISH = "could not finish"
    COULD_NOT_BE_GRADED = "could not be graded"


SIGNS = {
    Outcome.PASSED: "✓",
    Outcome.NOT_YET: "✗",
    Outcome.NOT_ATTEMPTED: "·",
    Outcome.COULD_NOT_FINISH: "✗",
    Outcome.COULD_NOT_BE_GRADED: "!",
}


class NotYet(Exception):
    """An item of a check that does not hold yet, in words for the learner."""

    def __init__(self, expected: str, got: str, why: str = "", where: str = "") -> None:
        super().__init__(f"expected {expected}; got {got}")
        self.expected, self.got, self.why, self.where = expected, got, why, where


class CouldNotFinish(Exception):
    """The learner's code did not come to an end that can be judged; the message says how."""


class NeedsComputer(Exception):
    """An item that can be looked at on a computer only; the message says what it needs there."""


@dataclass(frozen=True)
class ItemResult:
    """One item: full points or none.

    `ran` is False where it was not reached, or (`why` says so) needs more than a browser tab has.
    """

    title: str
    points: float
    earned: float = 0
    expected: str = ""
    got: str = ""
    why: str = ""
    where: str = ""
    ran: bool = True

    @property
    def passed(self) -> bool:
        return self.ran and self.earned >= self.points

    def text(self) -> str:
        sign = "✓" if self.passed else "✗" if self.ran else "·"
        lines = [f"{sign} {self.title} ({self.earned:g} of {self.points:g})"]
        if not self.passed:
            for label in ("expected", "got", "why", "where"):
                words = str(getattr(self, label)).strip()
                if words:
                    lines.append(f"  {label + ':':<9} " + words.replace("\n", "\n" + " " * 12))
        return "\n".join(lines)


def say_once(items: Iterable[ItemResult]) -> tuple[ItemResult, ...]:
    """The same items; what stands further up already is not told again."""
    told: set[str] = set()
    found = []
    for item in items:
        if item.why and item.why in told:
            # Of an error's way through the code, told once, the first line stays.
            got = item.got.partition("\n")[0] if item.got in told else item.got
            item = replace(item, got=got, why="the same as above", where="")
        elif not item.why and item.got and item.got in told:
            item = replace(item, got="the same as above")
        told |= {item.why, item.got}
        found.append(item)
    return tuple(found)


@dataclass(frozen=True)
class Verdict:
    """What came of one exercise."""

    id: str
    title: str
    outcome: Outcome
    points: float
    items: tuple[ItemResult, ...] = ()
    message: str = ""
    seconds: float = 0

    @property
    def earned(self) -> float:
        return sum(item.earned for item in self.items)

    @property
    def passed(self) -> bool:
        return self.outcome is Outcome.PASSED

    def text(self) -> str:
        """The verdict for a terminal, and for whoever cannot see the card."""
        score = f"{self.earned:g} of {self.points:g} points"
        lines = [f"{SIGNS[self.outcome]} {self.outcome} · {self.title} · {score}"]
        if self.message:
            lines.append(self.message)
        lines += [item.text() for item in self.items]
        if self.outcome not in {Outcome.PASSED, Outcome.COULD_NOT_BE_GRADED}:
            lines.append(f'Stuck? hint("{self.id}")')
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "earned": self.earned}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Verdict:
        fields = {name: value for name, value in data.items() if name != "earned"}
        fields["outcome"] = Outcome(fields["outcome"])
        fields["items"] = tuple(ItemResult(**item) for item in fields["items"])
        return cls(**fields)

    def timed(self, seconds: float) -> Verdict:
        return replace(self, seconds=round(seconds, 3))
