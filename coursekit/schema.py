"""`diagram`: the tables of the learner's models and how they belong together, as a drawing."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit import display
from coursekit.errors import AppFailed, CourseError, UnknownName

if TYPE_CHECKING:
    from coursekit.warm import Channel


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    key: bool
    """Part of the primary key."""
    foreign: bool
    null: bool
    unique: bool

    @property
    def marks(self) -> str:
        kinds = (("PK", self.key), ("FK", self.foreign), ("U", self.unique))
        return " ".join(mark for mark, is_so in kinds if is_so)


@dataclass(frozen=True)
class Relation:
    """A foreign key: `columns` of the table `child` name one row of the table `parent`."""

    child: str
    columns: tuple[str, ...]
    parent: str
    optional: bool
    """Whether a child may have no parent."""
    single: bool
    """Whether a parent has at most one child."""

    @property
    def at_parent(self) -> str:
        return "0..1" if self.optional else "1"

    @property
    def at_child(self) -> str:
        return "0..1" if self.single else "n"

    def __str__(self) -> str:
        owner = f"one {self.parent} or none" if self.optional else f"one {self.parent}"
        others = "no two rows" if self.single else "any number of rows"
        return (
            f"each row of {self.child} names {owner}, by {', '.join(self.columns)}; "
            f"{others} may name the same"
        )


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[Column, ...]
    relations: tuple[Relation, ...]
    """Of this table to its parents."""
    rules: tuple[str, ...]
    """Constraints beside keys: unique pairs, checks, exclusions."""


class Diagram(display.Shown):
    """Tables as a drawing and as text."""

    def __init__(self, tables: Sequence[Table]) -> None:
        from coursekit.drawing import svg

        self.tables = tuple(tables)
        self.svg = svg(tables)
        text = in_words(tables)
        folded = (
            '<details style="margin-top:.4em"><summary>The same in words</summary>'
            f"{display.pre(text)}</details>"
        )
        scroll = f'<div tabindex="0" style="overflow-x:auto">{self.svg}</div>'
        html = f'<div class="bx-diagram" style="margin:.35em 0">{scroll}{LEGEND}{folded}</div>'
        super().__init__(text, html)


LEGEND = (
    '<div style="font-size:.9em">PK primary key · FK foreign key · U unique · ? may be null · '
    "a line leads from one row (1) to those that name it (n)</div>"
)


def diagram(*tables: str) -> Diagram:
    """Draw the tables of your models; with names, these tables and their neighbours.

    Raises UnknownName for a table that is not there, AppFailed with your own line where the
    models cannot be imported.
    """
    from coursekit import session

    known = read(session.current().workspace.backend)
    if not known:
        raise CourseError(
            "There are no tables to draw yet: boxoffice/models holds no class with a "
            "__tablename__. Run the cells that build the models."
        )
    return Diagram(_chosen(known, tables))


def _chosen(known: Sequence[Table], names: Sequence[str]) -> list[Table]:
    if not names:
        return list(known)
    there = [table.name for table in known]
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(str(name).lower(), there, 1, 0.5)
            advice = f'Did you mean "{near[0]}"?' if near else f"There are {', '.join(there)}."
            raise UnknownName(f'Your models have no table "{name}". {advice}')
    edges = [(link.child, link.parent) for table in known for link in table.relations]
    wanted = {*names, *(a for a, b in edges if b in names), *(b for a, b in edges if a in names)}
    return [table for table in known if table.name in wanted]


def read(folder: Path) -> tuple[Table, ...]:
    """The tables of the models of the Box Office in `folder`, by name; none where none are.

    Raises AppFailed with the learner's own lines where they cannot be imported.
    """
    from coursekit import runtime

    if not (folder / "boxoffice" / "models").is_dir():
        return ()
    answer = runtime.current().call("coursekit.schema:tell", {}, folder)
    if "tables" not in answer:
        lines = answer.get("lines", ["no answer came"])
        assert isinstance(lines, list)
        raise AppFailed("Your models cannot be read.\n  " + "\n  ".join(map(str, lines)))
    tables = answer["tables"]
    assert isinstance(tables, list)
    return tuple(_table(entry) for entry in tables)


def _table(data: Mapping[str, object]) -> Table:
    columns, relations, rules = data["columns"], data["relations"], data["rules"]
    assert isinstance(columns, list)
    assert isinstance(relations, list)
    assert isinstance(rules, list)
    return Table(
        name=str(data["name"]),
        columns=tuple(Column(**column) for column in columns),
        relations=tuple(
            Relation(**{**relation, "columns": tuple(relation["columns"])})
            for relation in relations
        ),
        rules=tuple(map(str, rules)),
    )


def in_words(tables: Iterable[Table]) -> str:
    """The same as the drawing, for those who read or listen."""
    parts = []
    for table in tables:
        width = max(len(column.name) for column in table.columns)
        kinds = max(len(_kind(column)) for column in table.columns)
        lines = [table.name]
        for column in table.columns:
            row = f"  {column.name:<{width}}  {_kind(column):<{kinds}}  {column.marks}"
            lines.append(row.rstrip())
        lines += [f"  rule: {rule}" for rule in table.rules]
        lines += [
            f"  {table.name} {link.at_child} ── {link.at_parent} {link.parent}: {link}"
            for link in table.relations
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _kind(column: Column) -> str:
    return column.type + ("?" if column.null else "")


# --- in the process that has the models -------------------------------------------------------


def tell(channel: Channel) -> None:
    """Send `tables`, or `lines`, why the models cannot be imported."""
    from coursekit.server import own_frames

    try:
        tables = _described()
    except BaseException as error:
        channel.send(lines=own_frames(error, Path.cwd()))
        return
    channel.send(tables=tables)


def _described() -> list[dict[str, object]]:
    from sqlalchemy import Table as Mapped
    from sqlalchemy.orm import DeclarativeBase

    package = importlib.import_module("boxoffice.models")
    for module in pkgutil.walk_packages(package.__path__, "boxoffice.models."):
        importlib.import_module(module.name)
    found: dict[str, Mapped] = {}
    for base in DeclarativeBase.__subclasses__():
        if base.__module__.startswith("boxoffice"):
            found.update(base.metadata.tables)
    for table in found.values():
        for foreign in table.foreign_keys:
            _ = foreign.column  # a table that is not there is named by SQLAlchemy itself
    return [_describe(found[name]) for name in sorted(found)]


def _describe(table: object) -> dict[str, object]:
    from sqlalchemy import Enum, UniqueConstraint
    from sqlalchemy import Table as Mapped
    from sqlalchemy.dialects import postgresql

    assert isinstance(table, Mapped)
    alone = {
        constraint.columns.keys()[0]
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint) and len(constraint.columns) == 1
    } | {index.columns.keys()[0] for index in table.indexes if _is_key(index, 1)}
    columns = []
    for column in table.columns:
        kind = column.type.compile(dialect=postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
        kind = (
            kind.partition(" collate ")[0]
            .replace("timestamp with time zone", "timestamptz")
            .replace("timestamp without time zone", "timestamp")
        )
        if isinstance(column.type, Enum):
            kind = str(column.type.name or kind)
        columns.append(
            {
                "name": column.name, "type": kind, "key": column.primary_key,
                "foreign": bool(column.foreign_keys), "null": bool(column.nullable),
                "unique": column.name in alone or bool(column.unique),
            }
        )  # fmt: skip
    return {
        "name": table.name, "columns": columns, "relations": _relations(table),
        "rules": _rules(table),
    }  # fmt: skip


def _is_key(index: object, width: int = 0) -> bool:
    """Whether an index allows each value once in the whole table."""
    from sqlalchemy import Index

    assert isinstance(index, Index)
    partial = index.dialect_options["postgresql"].get("where") is not None
    plain = len(index.columns) == len(index.expressions)
    return bool(index.unique) and not partial and plain and width in {0, len(index.columns)}


def _relations(table: object) -> list[dict[str, object]]:
    from sqlalchemy import Table as Mapped
    from sqlalchemy import UniqueConstraint

    assert isinstance(table, Mapped)
    keys = [set(table.primary_key.columns.keys())]
    keys += [
        set(constraint.columns.keys())
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    keys += [set(index.columns.keys()) for index in table.indexes if _is_key(index)]
    order = list(table.columns.keys())
    links = []
    for foreign in table.foreign_key_constraints:
        columns = list(foreign.columns.keys())
        links.append(
            {
                "child": table.name, "columns": columns,
                "parent": foreign.elements[0].target_fullname.rsplit(".", 2)[-2],
                "optional": any(foreign.columns[name].nullable for name in columns),
                "single": any(key and key <= set(columns) for key in keys),
            }
        )  # fmt: skip
    return sorted(links, key=lambda link: [order.index(name) for name in list(link["columns"])])  # type: ignore[call-overload]


def _rules(table: object) -> list[str]:
    """Unique groups of columns, checks and exclusions, in words."""
    from sqlalchemy import CheckConstraint, Enum, UniqueConstraint
    from sqlalchemy import Table as Mapped
    from sqlalchemy.dialects.postgresql import ExcludeConstraint

    assert isinstance(table, Mapped)
    rules = []
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and len(constraint.columns) > 1:
            rules.append(f"{', '.join(constraint.columns.keys())} together are unique")
        elif isinstance(constraint, ExcludeConstraint):
            rules.append(f"{constraint.name}: no two rows may clash")
        elif isinstance(constraint, CheckConstraint):
            rules.append(f"check {constraint.sqltext}")
    for column in table.columns:
        if isinstance(column.type, Enum):
            rules.append(f"{column.name} is one of {', '.join(column.type.enums)}")
    return sorted(rules)
