"""PostgreSQL in the page: psycopg's way to it, and its databases.

PGlite runs in the same thread: what is sent is answered before the call returns. `pglite.js` gives
every database a PostgreSQL of its own with one session, which all connections to it share,
transaction by transaction.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coursekit.tab.pq import Wire


class _Binding(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives psycopg our `pq` in place of the one that loads libpq."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "psycopg.pq.pq_ctypes":
            return None
        return importlib.util.spec_from_loader(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        from coursekit.tab import pq

        return pq

    def exec_module(self, module: ModuleType) -> None: ...


def bind() -> None:
    """Have psycopg, which must not be imported yet, work without libpq."""
    os.environ["PSYCOPG_IMPL"] = "python"
    if not any(isinstance(finder, _Binding) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Binding())
