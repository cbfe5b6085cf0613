"""The report as files: one page that needs nothing else, and tables for a spreadsheet."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from coursekit import identity
from coursekit.errors import CourseError
from coursekit.report.figures import Exercise, Figures, Item, Learner, Record, State, Stuck

HERE = Path(__file__).parent
LONG = timedelta(days=3)
"""From when on somebody who is stuck counts as stuck for long."""
TOP = 10
"""Rows that stand open; the others are folded away."""
MOST_SENTENCES = 100
Row = Sequence[object]


# --- the page ---------------------------------------------------------------------------------


def html(figures: Figures) -> str:
    """The page. It names no other file, so nothing is fetched when it is opened."""
    script = (HERE / "page.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {
        "words": words, "points": points, "day": day, "date": date, "ago": ago, "percent": percent,
        "share": share,
    }  # fmt: skip
    return environment.get_template("page.html.j2").render(
        f=figures,
        absent=figures.absent,
        stuck=by_learner(figures.stuck),
        stuck_long=len({one.learner for one in figures.stuck if one.lasts >= LONG}),
        long_days=LONG.days,
        worst=worst_items(figures.exercises),
        failing=sorted(figures.exercises, key=lambda e: (-e.rate, -e.tried, e.number)),
        names={learner.id: learner.name for learner in figures.learners},
        lessons=[lesson for lesson in figures.lessons if lesson.id],
        seat=seat,
        top=TOP,
        most=MOST_SENTENCES,
        State=State,
        style=Markup(palette() + (HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_mark=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        mark=Markup(identity.mark("var(--curtain)", "var(--paper)")),
    )


def palette() -> str:
    """The colours of the course; print takes the light ones."""
    light, dark = (
        "".join(f"--{name}:{colour};" for name, colour in theme.items())
        for theme in (identity.LIGHT, identity.DARK)
    )
    scheme = "@media screen and (prefers-color-scheme: dark)"
    return f":root{{color-scheme:light;{light}}}\n{scheme}{{:root{{color-scheme:dark;{dark}}}}}\n"


def by_learner(stuck: Iterable[Stuck]) -> list[list[Stuck]]:
    """For each learner what they are stuck on; whoever waits longest comes first."""
    found: dict[str, list[Stuck]] = {}
    for one in stuck:
        found.setdefault(one.learner, []).append(one)
    return list(found.values())


def worst_items(exercises: Iterable[Exercise]) -> list[tuple[Exercise, Item]]:
    """The items that most learners miss, now and then at any time."""
    found = [(e, item) for e in exercises for item in e.items.values() if item.ever]
    return sorted(found, key=lambda pair: (-pair[1].missed, -pair[1].ever, -pair[1].rate_ever))


def seat(record: Record | None, is_first: bool) -> Markup:
    """A cell of the grid: a sign or the points, words for whoever cannot see it, and a tone.

    The `is_first` of a lesson stands a little apart.
    """
    state = record.state if record else State.MISSING
    tone, sign, said = {
        State.PASSED: ("p", "✓", "passed"),
        State.UNTRIED: ("u", "–", "not tried"),
        State.UNGRADED: ("g", "!", "could not be graded"),
        State.MISSING: ("m", "", "not handed in"),
        State.OPEN: ("", "", "points"),
    }[state]
    if record and state is State.OPEN:
        most = record.newest.points
        tone = f"o{int(4 * record.earned / most) if most else 0}"
        sign = f"{record.earned:g}/{most:g}"
    if record and record.by_hand is not None:
        sign += "*"
    aisle = " f" * is_first
    return Markup(f'<td class="{tone}{aisle}">{sign}<i>{said}</i></td>')


def words(text: str) -> Markup:
    """Text with `code` and *emphasis*, as the course's sentences write them."""
    pieces = re.split(r"(`[^`\n]+`)", text)
    found = [
        f"<code>{escape(piece[1:-1])}</code>"
        if piece.startswith("`") and piece.endswith("`") and len(piece) > 2
        else re.sub(r"(?<!\w)\*([^*\n]+)\*(?!\w)", r"<em>\1</em>", str(escape(piece)))
        for piece in pieces
    ]
    return Markup("".join(found))


def points(number: float) -> str:
    return f"{number:g}"


def percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def share(part: float) -> str:
    """A width for CSS."""
    return f"{100 * part:.1f}%"


def day(at: datetime | None) -> Markup:
    if at is None:
        return Markup("–")
    shown = f"{at.day} {at:%b %Y, %H:%M}"
    return Markup(f'<time datetime="{at:%Y-%m-%dT%H:%MZ}">{shown}</time>')


def date(at: datetime | None) -> Markup:
    if at is None:
        return Markup("–")
    return Markup(f'<time datetime="{at:%Y-%m-%dT%H:%MZ}">{at.day} {at:%b}</time>')


def ago(lasts: timedelta) -> str:
    """A length of time in the words of a person."""
    hours = max(0, int(lasts.total_seconds() // 3600))
    if hours >= 48:
        return f"{hours // 24} days"
    if hours >= 24:
        return "1 day"
    return f"{hours} hours" if hours != 1 else "1 hour"


# --- the tables -------------------------------------------------------------------------------


def tables(figures: Figures) -> dict[str, tuple[Row, list[Row]]]:
    """File name → the columns and the rows of a CSV file."""
    names = {learner.id: learner.name for learner in figures.learners}
    return {
        "learners.csv": (
            ("learner", "name", "hand_ins", "first_hand_in", "last_hand_in", "exercises_tried",
             "exercises_passed", "points", "of", "stuck_on", "stuck_days"),
            [_learner_row(learner, figures) for learner in figures.learners],
        ),
        "progress.csv": (
            ("learner", "chapter", "lesson", "exercise", "title", "state", "points", "of",
             "by_hand", "hand_ins_tried", "first_tried", "stuck_since", "items_missed"),
            [
                _progress_row(figures, learner, exercise)
                for learner in figures.learners for exercise in figures.exercises
            ],
        ),
        "exercises.csv": (
            ("chapter", "lesson", "exercise", "title", "tried", "passed", "not_passed",
             "failure_rate", "not_passed_at_some_time", "handed_in_not_tried", "not_graded",
             "not_handed_in", "teach_again"),
            [
                (e.chapter, e.lesson, e.id, e.title, e.tried, e.states[State.PASSED],
                 e.states[State.OPEN], round(e.rate, 4), e.ever_open, e.states[State.UNTRIED],
                 e.states[State.UNGRADED], e.states[State.MISSING], e.reteach)
                for e in figures.exercises
            ],
        ),
        "items.csv": (
            ("lesson", "exercise", "item", "points", "looked_at", "missed", "failure_rate",
             "missed_at_some_time", "failure_rate_at_some_time", "commonest_sentence",
             "teach_again"),
            [
                (e.lesson, e.id, i.title, i.points, i.looked, i.missed, round(i.rate, 4), i.ever,
                 round(i.rate_ever, 4), i.sentence, i.reteach)
                for e in figures.exercises for i in e.items.values()
            ],
        ),
        "sentences.csv": (
            ("sentence", "learners", "learners_still", "exercises", "items", "teach_again"),
            [
                (s.text, s.learners, s.still, " ".join(e.id for e in s.exercises),
                 " | ".join(s.items), s.reteach)
                for s in figures.sentences
            ],
        ),
        "not_graded.csv": (
            ("learner", "what", "handed_in", "why"),
            [(names[f.learner], f.what, _iso(f.at), f.why) for f in figures.faults],
        ),
    }  # fmt: skip


def _called(learner: Learner, figures: Figures) -> str:
    return learner.name if figures.without_names else learner.id


def _learner_row(learner: Learner, figures: Figures) -> Row:
    days = max((one.lasts for one in learner.stuck), default=timedelta()).total_seconds() / 86400
    return (
        _called(learner, figures), learner.name, learner.hand_ins, _iso(learner.first),
        _iso(learner.last), learner.tried, learner.passed, learner.earned, figures.points,
        len(learner.stuck), round(days, 1),
    )  # fmt: skip


def _progress_row(figures: Figures, learner: Learner, exercise: Exercise) -> Row:
    record = learner.records.get(exercise.id)
    who = _called(learner, figures)
    about = (who, exercise.chapter, exercise.lesson, exercise.id, exercise.title)
    if record is None:
        return (*about, State.MISSING, 0, exercise.points, "", 0, "", "", "")
    attempts = record.attempts
    stuck = [one for one in learner.stuck if one.exercise is exercise]
    return (
        *about, record.state, record.earned, record.newest.points,
        "yes" if record.by_hand is not None else "", len(attempts),
        _iso(attempts[0].at if attempts else None),
        _iso(stuck[0].since if stuck else None),
        " | ".join(stuck[0].items if stuck else ()),
    )  # fmt: skip


def _iso(at: datetime | None) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}" if at else ""


def _safe(value: object) -> object:
    """A spreadsheet takes a cell that begins like this for a formula and runs it."""
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return f"{value:g}" if isinstance(value, float) else value


def table(columns: Row, rows: Iterable[Row]) -> str:
    """CSV that spreadsheets read as UTF-8."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_safe(value) for value in row] for row in rows)
    return "\ufeff" + file.getvalue()


# --- files ------------------------------------------------------------------------------------


def write(figures: Figures, folder: Path) -> Path:
    """The page and the tables in `folder`, which only this user may enter if it is made here."""
    files = {"index.html": html(figures)}
    files |= {name: table(*content) for name, content in tables(figures).items()}
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o700)
        for name, text in files.items():
            half = folder / f".{name}.{os.getpid()}"
            half.write_text(text, encoding="utf-8", errors="replace", newline="")
            half.replace(folder / name)
    except OSError as error:
        raise CourseError(
            f"The report cannot be written to {folder} ({error.strerror}). Name another folder "
            "with --out."
        ) from None
    return folder / "index.html"
