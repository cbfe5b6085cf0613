"""What learners were told, grouped: sentences that differ only in what varies are one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from coursekit.verdict import ItemResult

AGAIN = {"the same as above", "it does not, as above", "they cannot, as above"}
OTHER_ITEM = "item of this check"
Guard = Callable[[str], str]
"""Takes the names of learners out of a text."""

SLOT = re.compile(
    r"`[^`\n]*`|\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<![\w.])-?\d[\d.,:]*(?:T[\d:.]+)?(?<![.,:])"
)
FRAME = re.compile(r", line \d+, in ")
LONGEST = 300


def split(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What stands fast in a sentence, and what may vary from learner to learner, in turns."""
    text = " ".join(text.split())
    return tuple(SLOT.split(text)), tuple(SLOT.findall(text))


def shown(text: str, guard: Guard | None, *, is_free: bool = False) -> str:
    """A text of bearable length; with a `guard`, and if `is_free`, without what was typed."""
    if guard:
        text = guard("…".join(split(text)[0]) if is_free else text)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def told(item: ItemResult) -> str:
    """The sentence of an item: its reason, or what was expected and what came.

    Empty where it only points to another item, which says what is wrong.
    """
    if item.why in AGAIN or item.got in AGAIN or OTHER_ITEM in item.where:
        return ""
    if item.why:
        return item.why
    lines = [line.strip() for line in item.got.splitlines() if line.strip()]
    if not lines:
        return ""
    # Of an error's way through the code the last line says what it is.
    return f"Expected: {item.expected}. Got: {lines[-1 if FRAME.search(lines[0]) else 0]}"


@dataclass
class Group:
    """Sentences that differ only in what varies."""

    fast: tuple[str, ...]
    slots: list[set[str]]
    learners: set[str] = field(default_factory=set)
    still: set[str] = field(default_factory=set)
    exercises: dict[str, None] = field(default_factory=dict)
    items: Counter[str] = field(default_factory=Counter)
    reteach: Counter[str] = field(default_factory=Counter)
    is_free: bool = False
    """Whether it may hold words that a learner wrote."""

    def text(self, guard: Guard | None) -> str:
        """The sentence; `…` for what varies and, for a page without names, for what was typed."""
        words = [self.fast[0]]
        for slot, piece in zip(self.slots, self.fast[1:], strict=True):
            varies = len(slot) > 1 or (guard is not None and self.is_free)
            words += ["…" if varies else next(iter(slot)), piece]
        return shown("".join(words), guard)


class Sentences:
    """Collects what was said, and groups it."""

    def __init__(self) -> None:
        self.groups: dict[object, Group] = {}

    def add(
        self,
        text: str,
        *,
        learner: str,
        exercise: str,
        item: str,
        reteach: str,
        is_free: bool,
        still: bool,
    ) -> object:
        """Count what one learner was told once; the key of its group."""
        fast, slots = split(text)
        # Without anything that varies the same words mean the same thing wherever they are said.
        key: object = (fast, exercise, item) if slots else fast
        group = self.groups.setdefault(key, Group(fast, [set() for _ in slots]))
        for seen, slot in zip(group.slots, slots, strict=True):
            seen.add(slot)
        group.learners.add(learner)
        if still:
            group.still.add(learner)
        group.exercises[exercise] = None
        group.items[item] += 1
        group.reteach[reteach] += 1
        group.is_free |= is_free
        return key
