"""The diagram of the learner's models: what it says, and that the drawing is clean."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from textwrap import dedent

import pytest

from coursekit import diagram, drawing, schema, session
from coursekit.errors import AppFailed, CourseError, UnknownName
from coursekit.schema import Column, Relation, Table
from coursekit.widget import render

MODELS = """
from datetime import datetime
from decimal import Decimal

from sqlalchemy import *
from sqlalchemy.dialects.postgresql import ExcludeConstraint, TSTZRANGE
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}


class Venue(Base):
    __tablename__ = "venue"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    annex_of: Mapped[int | None] = mapped_column(ForeignKey("venue.id"))


class Seat(Base):
    __tablename__ = "seat"
    __table_args__ = (UniqueConstraint("venue_id", "row", "number"), CheckConstraint("number > 0"))
    id: Mapped[int] = mapped_column(primary_key=True)
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    row: Mapped[str]
    number: Mapped[int]


class Show(Base):
    __tablename__ = "show"
    id: Mapped[int] = mapped_column(primary_key=True)
    genre: Mapped[str] = mapped_column(Enum("play", "opera", name="genre"))


class Performance(Base):
    __tablename__ = "performance"
    id: Mapped[int] = mapped_column(primary_key=True)
    show_id: Mapped[int] = mapped_column(ForeignKey("show.id"))
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
    starts_at: Mapped[datetime]


class Price(Base):
    __tablename__ = "price"
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"), primary_key=True)
    section: Mapped[str] = mapped_column(primary_key=True)
    amount: Mapped[Decimal] = mapped_column(Numeric(10, 2))


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)


class Hold(Base):
    __tablename__ = "hold"
    performance_id: Mapped[int] = mapped_column(ForeignKey("performance.id"), primary_key=True)
    seat_id: Mapped[int] = mapped_column(ForeignKey("seat.id"), primary_key=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("order.id"))
    expires_at: Mapped[datetime]


class Ticket(Base):
    __tablename__ = "ticket"
    __table_args__ = (
        ForeignKeyConstraint(
            ["performance_id", "seat_id"], ["hold.performance_id", "hold.seat_id"]
        ),
        UniqueConstraint("performance_id", "seat_id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    performance_id: Mapped[int]
    seat_id: Mapped[int]
    venue_id: Mapped[int] = mapped_column(ForeignKey("venue.id"))
"""


def write_models(folder: Path, text: str) -> Path:
    models = folder / "boxoffice" / "models"
    models.mkdir(parents=True, exist_ok=True)
    for place in (models, models.parent):
        (place / "__init__.py").write_text("", encoding="utf-8")
    (models / "base.py").write_text(dedent(text), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[Table, ...]:
    return schema.read(write_models(tmp_path_factory.mktemp("models"), MODELS))


def test_the_models_are_read(tables: tuple[Table, ...]) -> None:
    by_name = {table.name: table for table in tables}
    assert sorted(by_name) == [
        "hold", "order", "performance", "price", "seat", "show", "ticket", "venue",
    ]  # fmt: skip
    hold = by_name["hold"]
    assert hold.columns[0] == Column("performance_id", "integer", True, True, False, False)
    assert [(link.parent, link.at_child, link.at_parent) for link in hold.relations] == [
        ("performance", "n", "1"), ("seat", "n", "1"), ("order", "n", "0..1"),
    ]  # fmt: skip
    assert by_name["venue"].columns[1].unique
    assert by_name["performance"].columns[3].type == "timestamptz"
    pair = by_name["ticket"].relations[0]
    assert (pair.parent, pair.columns) == ("hold", ("performance_id", "seat_id"))
    assert pair.single
    assert by_name["seat"].rules == (
        "check number > 0", "venue_id, row, number together are unique",
    )  # fmt: skip
    assert by_name["show"].rules == ("genre is one of play, opera",)


def test_the_words_say_what_the_drawing_shows(tables: tuple[Table, ...]) -> None:
    shown = schema.Diagram(tables)
    text = str(shown)
    assert "  order_id        integer?     FK" in text
    assert "hold n ── 0..1 order: each row of hold names one order or none, by order_id" in text
    assert "no two rows may name the same" in text
    assert "The same in words" in shown.html
    root = ET.fromstring(shown.svg)
    space = {"s": "http://www.w3.org/2000/svg"}
    assert root.get("role") == "img"
    title, words = root.find("s:title", space), root.find("s:desc", space)
    assert title is not None
    assert words is not None
    assert "hold, order, performance" in str(title.text)
    assert "each row of hold names one seat" in str(words.text)
    assert root.get("aria-labelledby") == f"{title.get('id')} {words.get('id')}"
    drawn = [str(element.text) for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for table in tables:
        assert table.name in drawn
        assert all(column.name in drawn for column in table.columns)
    assert drawn.count("n") == 9
    assert "#" not in re.sub(r'"#er-\w+"', "", shown.svg)  # no colour but that of the place


def test_the_drawing_is_the_same_every_time(tables: tuple[Table, ...]) -> None:
    assert drawing.svg(tables) == drawing.svg(tables)


def many(count: int) -> list[Table]:
    """Tables that name up to three others, in circles too."""
    found = []
    for i in range(count):
        goals = sorted({(i * 7 + 3) % count, (i * 5 + 1) % count, i // 2})
        links = tuple(Relation(f"t{i}", (f"c{g}",), f"t{g}", g % 2 == 0, False) for g in goals)
        columns = [Column(f"c{g}", "uuid", False, True, g % 2 == 0, False) for g in goals]
        found.append(
            Table(f"t{i}", (Column("id", "uuid", True, False, False, False), *columns), links, ())
        )
    return found


@pytest.mark.parametrize("count", [0, 1, 2, 5, 12, 25])
def test_boxes_never_overlap_and_every_line_is_drawn(count: int) -> None:
    tables = many(count)
    boxes, steps = drawing._place(tables)
    for one, other in itertools.combinations(boxes, 2):
        beside = one.x + one.width <= other.x or other.x + other.width <= one.x
        assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y
    links = {link for table in tables for link in table.relations if link.parent != link.child}
    assert {step.link for step in steps} == links
    ET.fromstring(drawing.svg(tables))


def test_the_chapters_tables_are_drawn_without_a_crossing(tables: tuple[Table, ...]) -> None:
    chapter = [table for table in tables if table.name != "ticket"]
    boxes, steps = drawing._place(chapter)
    layers = [[b for b in boxes if b.layer == n] for n in range(3)]
    layers = [sorted(layer, key=lambda box: box.y) for layer in layers]
    assert drawing._crossings(layers, steps) == 0


@pytest.fixture
def lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lesson whose files are those of a folder."""

    class Space:
        backend = tmp_path

    class Now:
        workspace = Space()

    monkeypatch.setattr(session, "current", Now)
    return tmp_path


def test_a_table_and_its_neighbours(lesson: Path) -> None:
    write_models(lesson, MODELS)
    assert [table.name for table in diagram("hold").tables] == [
        "hold", "order", "performance", "seat", "ticket",
    ]  # fmt: skip
    assert len(diagram().tables) == 8
    text, html = render(diagram("order"))
    assert text.startswith("hold\n")
    assert "<svg" in html
    with pytest.raises(UnknownName, match=r'no table "holds"\. Did you mean "hold"\?'):
        diagram("holds")
    with pytest.raises(UnknownName, match="There are hold, order, performance"):
        diagram("xyz")


def test_models_that_are_not_there_or_do_not_import(lesson: Path) -> None:
    with pytest.raises(CourseError, match="no tables to draw yet"):
        diagram()
    write_models(lesson, "VALUE = 1\n")
    with pytest.raises(CourseError, match="no tables to draw yet"):
        diagram()
    write_models(lesson, "from sqlalchemy import Strin\n")
    with pytest.raises(AppFailed) as caught:
        diagram()
    assert "Your models cannot be read" in str(caught.value)
    assert "models/base.py, line 1" in str(caught.value)
    broken = MODELS.replace('ForeignKey("venue.id"))\n    row', 'ForeignKey("venu.id"))\n    row')
    write_models(lesson, broken)
    with pytest.raises(AppFailed, match="venu"):
        diagram()
