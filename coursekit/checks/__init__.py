"""The checks of the exercises: how one is declared, and how it is found.

A check is an `exercise` with items. An item is a function of a `Sandbox` that returns when the
learner's code behaves, and says what it expected and got (`require`) when it does not.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Literal, NamedTuple

from coursekit.errors import UnknownName
from coursekit.sandbox import Answers, Called, Ran, Sandbox
from coursekit.verdict import NotYet

__all__ = [
    "Answers", "Called", "Exercise", "Item", "NotYet", "Ran", "Sandbox", "exercise",
    "exercises", "find", "require", "rung",
]  # fmt: skip

Kind = Literal["predict", "complete", "mend", "write", "stretch"]
Database = Literal[True, False, "empty"]
KINDS = ("predict", "complete", "mend", "write", "stretch")
Look = Callable[[Sandbox], None]


@dataclass(frozen=True)
class Item:
    """One sentence of the task, what it is worth, and the function that looks."""

    points: float
    title: str
    look: Look
    sessions: int = 1
    """How many sessions of its database it needs at the same time."""


@dataclass(frozen=True)
class Exercise:
    """One graded exercise. `limit` is the seconds that its whole check may take.

    Two items are looked at side by side, unless they are to be looked at `one_by_one`. Each has a
    `database` of its own where Box Office knows how to set one up (`boxoffice.database:set_up`);
    "empty" gives one without tables, False none.
    """

    id: str
    lesson: str
    kind: Kind
    title: str
    answers: tuple[str, ...]
    hints: tuple[str, ...]
    limit: float = 10
    one_by_one: bool = False
    database: Database = True
    items: list[Item] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The id without its chapter; also the cell's nbgrader id."""
        return self.id.partition(".")[2]

    @property
    def points(self) -> float:
        return sum(item.points for item in self.items)

    def item(self, points: float, title: str, *, sessions: int = 1) -> Callable[[Look], Look]:
        """Add an item: `title` is a sentence of the task.

        One that holds transactions of several `sessions` open at once is for computers only.
        """
        if points <= 0:
            raise ValueError(f"{self.id}: an item is worth something, not {points}")

        def add(look: Look) -> Look:
            self.items.append(Item(points, title, look, sessions))
            return look

        return add


class Needs(NamedTuple):
    """What an item will ask of its sandbox, as far as its code tells; a guess, to be early."""

    api: bool
    calls: bool
    database: bool
    modules: frozenset[str]


DATABASE = {"connect", "database_url", "plan", "sql"}
API = {"api", "clients", "race", "restart", "url"}
CALLS = {"attempt", "call", "evaluate"}


def needs(item: Item) -> Needs:
    """Look through the names and texts of an item's function, and of the helpers it uses."""
    names: set[str] = set()
    texts: set[str] = set()
    _read(item.look, names, texts, set())
    modules = {found for text in texts for found in re.findall(r"\bboxoffice(?:\.\w+)+", text)}
    return Needs(
        bool(names & API), bool(names & CALLS), bool(names & DATABASE), frozenset(modules)
    )  # fmt: skip


def _read(thing: object, names: set[str], texts: set[str], seen: set[int]) -> None:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, str):
        texts.add(thing)
    elif isinstance(thing, FunctionType):
        code: list[object] = [thing.__code__]
        for part in code:
            if isinstance(part, CodeType):
                names.update(part.co_names)
                code += part.co_consts
                for name in part.co_names:
                    if thing.__module__ == getattr(
                        value := thing.__globals__.get(name), "__module__", thing.__module__
                    ):
                        _read(value, names, texts, seen)
            elif isinstance(part, str):
                texts.add(part)


_known: dict[str, Exercise] = {}
_faults: dict[str, str] = {}
_loaded = False


def exercise(
    id: str,
    *,
    lesson: str,
    kind: Kind,
    title: str,
    answers: tuple[str, ...],
    hints: tuple[str, ...],
    limit: float = 10,
    one_by_one: bool = False,
    database: Database = True,
) -> Exercise:
    """Declare an exercise; its items follow with `@NAME.item(points, sentence)`.

    `answers` are the `%%build` targets that the learner writes.
    """
    if not re.fullmatch(r"ch\d\d\.[a-z0-9_]+", id):
        raise ValueError(f"{id!r} is not of the form ch01.short_name")
    if id in _known:
        raise ValueError(f"{id} is declared twice")
    if kind not in KINDS:
        raise ValueError(f"{id}: no kind {kind!r}")
    if not answers or isinstance(answers, str):
        raise ValueError(f"{id}: answers is a tuple of %%build targets")
    made = Exercise(
        id, lesson, kind, title, tuple(answers), tuple(hints), limit, one_by_one, database
    )  # fmt: skip
    _known[id] = made
    return made


def require(condition: object, *, expected: str, got: str, why: str = "", where: str = "") -> None:
    """Go on if the condition holds; else the item does not hold yet, for this reason."""
    if not condition:
        raise NotYet(expected, got, why, where)


def exercises() -> dict[str, Exercise]:
    """All exercises by id, in the order in which they are declared."""
    global _loaded
    if not _loaded:
        for module in sorted(pkgutil.walk_packages(__path__, "coursekit.checks."), key=str):
            _import(module.name)
        for path in filter(None, os.environ.get("COURSEKIT_CHECKS", "").split(os.pathsep)):
            _import(path)
        _loaded = True  # at last: an Interrupt meanwhile shall not leave some of them unknown
    return dict(_known)


def faults() -> dict[str, str]:
    """Modules of checks that could not be imported, and why."""
    exercises()
    return dict(_faults)


def load(path: Path) -> None:
    """Add the exercises of a file outside this package. Twice does no harm."""
    name = f"coursekit_checks_{path.stem}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _import(name: str) -> None:
    """One module; if it fails, the other exercises stay usable."""
    before = dict(_known)
    try:
        if name.endswith(".py"):
            load(Path(name))
        else:
            importlib.import_module(name)
    except BaseException as error:
        _known.clear()
        _known.update(before)
        if not isinstance(error, Exception):
            raise
        _faults[name] = f"{type(error).__name__}: {error}"


def find(id: str) -> Exercise:
    """The exercise of that id. Raises UnknownName with the nearest one."""
    known = exercises()
    if id in known:
        return known[id]
    near = difflib.get_close_matches(str(id), known, n=1, cutoff=0.5)
    by_name = [k for k in known if k.partition(".")[2] == str(id).rpartition(".")[2]]
    guess = (by_name or near)[:1]
    hint = f' Did you mean "{guess[0]}"?' if guess else ""
    broken = f" ({'; '.join(f'{m}: {why}' for m, why in _faults.items())})" if _faults else ""
    raise UnknownName(f'There is no exercise "{id}".{hint}{broken}')


class Rung(NamedTuple):
    """Hint `number` of `of`."""

    number: int
    of: int
    text: str


def rung(id: str, number: int) -> Rung:
    """The hint of that number, from 1; past the last one it stays the last one."""
    hints = find(id).hints
    place = min(max(number, 1), len(hints))
    return Rung(place, len(hints), hints[place - 1])
