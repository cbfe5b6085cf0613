"""What a learner has done, kept in one file of their workspace, and the map of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from coursekit import course
from coursekit.display import Shown, badge, box, card, show
from coursekit.errors import WorkspaceProblem
from coursekit.workspace import locked, read_json, replace, set_aside

CHAPTERS = (
    "API design", "Database design", "Authentication and authorisation", "Data processing",
    "Error handling", "Security", "Performance", "Testing", "Documentation", "Capstone",
)  # fmt: skip


@dataclass
class Progress:
    """Checks passed by lesson, points earned and hints opened by exercise."""

    checks: dict[str, list[str]] = field(default_factory=dict)
    exercises: dict[str, dict[str, float]] = field(default_factory=dict)
    hints: dict[str, int] = field(default_factory=dict)

    def passed_checks(self, lesson: course.Lesson) -> int:
        return len(set(self.checks.get(lesson.id, ())) & set(lesson.checks))

    def passed(self, exercise: str) -> bool:
        entry = self.exercises.get(exercise)
        return entry is not None and entry["earned"] >= entry["points"] > 0

    def done(self, lesson: course.Lesson) -> bool:
        return self.passed_checks(lesson) == len(lesson.checks) and all(
            self.passed(name) for name in lesson.exercises
        )


def _read(path: Path) -> tuple[Progress, Path | None]:
    data, aside = read_json(path)
    try:
        progress = Progress(
            checks={str(k): [str(t) for t in v] for k, v in dict(data.get("checks", {})).items()},  # type: ignore[call-overload]
            exercises={
                str(k): {"earned": float(v["earned"]), "points": float(v["points"])}
                for k, v in dict(data.get("exercises", {})).items()  # type: ignore[call-overload]
            },
            hints={str(k): int(v) for k, v in dict(data.get("hints", {})).items()},  # type: ignore[call-overload]
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return Progress(), set_aside(path)
    return progress, aside


def load(folder: Path) -> tuple[Progress, str]:
    """The progress kept in `folder`, and a sentence where its file was damaged and set aside."""
    progress, aside = _read(folder / "progress.json")
    return progress, _note(aside)


def _note(aside: Path | None) -> str:
    if aside is None:
        return ""
    return (
        f"Your progress file could not be read. It was set aside as {aside.name}, "
        "and a new one begins."
    )


def update(folder: Path, change: Callable[[Progress], None]) -> Progress:
    """Change the kept progress; safe with two kernels, and never half-written."""
    with _locked(folder):
        progress, aside = _read(folder / "progress.json")
        if aside:
            show(card("!", _note(aside), "brass"))
        change(progress)
        text = json.dumps(progress.__dict__, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        replace(folder / "progress.json", text)
    return progress


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        with locked(folder, ".progress.lock"):
            yield
    except OSError as error:
        raise WorkspaceProblem(
            f"Your progress cannot be kept in {folder} ({error.strerror}). Is it read-only?"
        ) from None


def record_check(folder: Path, lesson: str, title: str, passed: bool) -> None:
    def change(progress: Progress) -> None:
        titles = progress.checks.setdefault(lesson, [])
        if passed and title not in titles:
            titles.append(title)

    update(folder, change)


def record_exercise(folder: Path, name: str, earned: float, points: float) -> None:
    """Keep the best score of an exercise."""

    def change(progress: Progress) -> None:
        old = progress.exercises.get(name, {"earned": 0.0})
        progress.exercises[name] = {"earned": max(earned, old["earned"]), "points": points}

    update(folder, change)


def next_hint(folder: Path, name: str, rungs: int) -> int:
    """Count one more rung of an exercise's hints as opened; 1 is the first."""
    shown = 0

    def change(progress: Progress) -> None:
        nonlocal shown
        shown = min(progress.hints.get(name, 0) + 1, rungs)
        progress.hints[name] = shown

    update(folder, change)
    return shown


def show_map(progress: Progress, note: str = "") -> Shown:
    """The map: chapters, lessons, what is done in each, and the next step."""
    rows: list[tuple[str, str, str]] = []
    following: course.Lesson | None = None
    for lesson in course.lessons():
        done = progress.done(lesson) and bool(lesson.checks or lesson.exercises)
        begun = progress.passed_checks(lesson) or any(
            progress.exercises.get(n, {}).get("earned") for n in lesson.exercises
        )
        if not done and following is None and (lesson.checks or lesson.exercises):
            following = lesson
        state = "✓ done" if done else "◐ begun" if begun else "○ open"
        parts = []
        if lesson.checks:
            parts.append(f"{progress.passed_checks(lesson)} of {len(lesson.checks)} checks")
        if lesson.exercises:
            solved = sum(progress.passed(name) for name in lesson.exercises)
            parts.append(f"{solved} of {len(lesson.exercises)} exercises")
        rows.append((state, f"{lesson.id}  {lesson.title}", " · ".join(parts)))
    written = {lesson.id.split(".")[0] for lesson in course.lessons()}
    for number, name in enumerate(CHAPTERS, 1):
        if str(number) not in written:
            rows.append(("· later", f"{number}    {name}", ""))
    step = (
        f"Next: notebooks/{_link(following)}"
        if following
        else "Everything that is here is done. Well played."
    )
    width = max(len(title) for _, title, _ in rows)
    text = "\n".join(
        [*([note] if note else [])]
        + [f"{state:<7}  {title:<{width}}  {parts}".rstrip() for state, title, parts in rows]
        + [step]
    )
    tones = {"✓ done": "pass", "◐ begun": "brass", "○ open": "info", "· later": "ink"}
    body = "".join(
        f'<tr style="background:none"><td style="text-align:left">{badge(state, tones[state])}</td>'
        f'<td style="text-align:left">{escape(title)}</td>'
        f'<td style="text-align:left">{escape(parts)}</td></tr>'
        for state, title, parts in rows
    )
    head = "".join(
        f'<th scope="col" style="text-align:left">{name}</th>'
        for name in ("State", "Lesson", "Done")
    )
    html = (
        (f"<div>{escape(note)}</div>" if note else "")
        + f'<table class="bx-table bx-map"><thead><tr>{head}</tr></thead>'
        + f"<tbody>{body}</tbody></table>"
        + f"<div><strong>{escape(step)}</strong></div>"
    )
    return Shown(text, box(html, "curtain", "Your way through the course"))


def _link(lesson: course.Lesson) -> str:
    return f"{lesson.chapter}/{lesson.path.name}" if lesson.chapter else lesson.path.name
