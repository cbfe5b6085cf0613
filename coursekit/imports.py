"""Imports that a cell leaves out, and where they can be had."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from coursekit import build


def lend(
    text: str, lenders: Iterable[str], wanted: str, known: str | None = None
) -> tuple[str, list[str]]:
    """`text` with those imports of the lenders whose names `wanted` uses and `known` (else `text`)
    does not bind; and these names, sorted."""
    try:
        tree = ast.parse(text)
        used = {node.id for node in ast.walk(ast.parse(wanted)) if isinstance(node, ast.Name)}
        missing = used - _bound(tree) - _bound(ast.parse(known or ""))
    except (SyntaxError, ValueError):
        return text, []
    lent: dict[str, ast.stmt] = {}
    for lender in lenders:
        with suppress(SyntaxError, ValueError):
            for name, node in _imports(ast.parse(lender)):
                if name in missing:
                    lent.setdefault(name, node)
    if not lent:
        return text, []
    leading = build._leading_imports(tree)
    return build._with_imports(text, [*leading, *lent.values()], leading), sorted(lent)


def _bound(tree: ast.Module) -> set[str]:
    """The names that a module binds at its top level."""
    names = {name for node in tree.body if (name := build.defined_name(node))}
    return names | {name for name, _ in _imports(tree)}


def _imports(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Each name that a module imports at its top level, with a statement for it alone."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.asname or alias.name.split(".")[0], ast.Import([alias])
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                single = ast.ImportFrom(node.module, [alias], node.level)
                yield alias.asname or alias.name, single


def find(name: str, package: Path) -> str:
    """The line that imports a name in some other file of Box Office; "" where none does."""
    for path in sorted(package.rglob("*.py")):
        with suppress(OSError, ValueError, SyntaxError):
            text = path.read_text(encoding="utf-8")
            if name in text:
                for bound, node in _imports(ast.parse(text)):
                    if bound == name:
                        return ast.unparse(node)
    return ""
