# package: rpds-py
# version: 2026.9.1
"""The three persistent collections that `referencing` and `jsonschema` use, in plain Python.

A change gives a new collection and copies the old one: schemas are small.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

__all__ = ["HashTrieMap", "HashTrieSet", "List"]


class HashTrieMap(Mapping[Any, Any]):
    """A mapping that never changes."""

    def __init__(self, value: Any = (), **named: Any) -> None:
        self._held: dict[Any, Any] = dict(value, **named)

    @classmethod
    def convert(cls, value: Any) -> HashTrieMap:
        return value if isinstance(value, cls) else cls(value)

    @classmethod
    def fromkeys(cls, keys: Iterable[Any], value: Any = None) -> HashTrieMap:
        return cls(dict.fromkeys(keys, value))

    def __getitem__(self, key: Any) -> Any:
        return self._held[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __hash__(self) -> int:
        return hash(frozenset(self._held.items()))

    def __repr__(self) -> str:
        return f"HashTrieMap({self._held!r})"

    def insert(self, key: Any, value: Any) -> HashTrieMap:
        return HashTrieMap({**self._held, key: value})

    def remove(self, key: Any) -> HashTrieMap:
        self._held[key]
        return self.discard(key)

    def discard(self, key: Any) -> HashTrieMap:
        return HashTrieMap({one: value for one, value in self._held.items() if one != key})

    def update(self, *others: Any, **named: Any) -> HashTrieMap:
        held = dict(self._held)
        for other in others:
            held.update(other)
        return HashTrieMap(held, **named)


class HashTrieSet(frozenset[Any]):
    """A set that never changes."""

    def __repr__(self) -> str:
        return f"HashTrieSet({{{', '.join(map(repr, self))}}})"

    def insert(self, value: Hashable) -> HashTrieSet:
        return HashTrieSet(self | {value})

    def remove(self, value: Hashable) -> HashTrieSet:
        if value not in self:
            raise KeyError(value)
        return self.discard(value)

    def discard(self, value: Hashable) -> HashTrieSet:
        return HashTrieSet(self - {value})

    def update(self, *others: Iterable[Any]) -> HashTrieSet:
        return HashTrieSet(self.union(*others))


class List(Iterable[Any]):
    """A list that grows and shrinks at its front, and never changes."""

    def __init__(self, value: Iterable[Any] = (), *more: Any) -> None:
        self._held = (*value, *more)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, List) and self._held == other._held

    def __hash__(self) -> int:
        return hash(self._held)

    def __repr__(self) -> str:
        return f"List({list(self._held)!r})"

    @property
    def first(self) -> Any:
        return self._held[0]

    @property
    def rest(self) -> List:
        return List(self._held[1:])

    def push_front(self, value: Any) -> List:
        return List((value, *self._held))

    def drop_first(self) -> List:
        return self.rest
