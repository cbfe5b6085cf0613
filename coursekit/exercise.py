"""`check` and `hint`: an exercise's verdict, and the way towards it."""

from __future__ import annotations

from coursekit import display, logbook, session
from coursekit.errors import CourseError, WorkspaceProblem, interruptible


def check(name: str = "") -> display.Shown:
    """Grade an exercise from the cells that were run, and show what holds and what does not yet."""
    with interruptible(), display.waiting("Looking at your answer"):
        return display.spoken(_check(name))


def _check(name: str) -> display.Shown:
    from coursekit import judge
    from coursekit.checks import find

    exercise = find(name)
    now = session.current()
    if not now.exercises or now.lesson.id != exercise.lesson:
        raise CourseError(
            f'"{name}" belongs to the exercises of lesson {exercise.lesson}. Run '
            f'`start("{exercise.lesson}", exercises=True)` first.'
        )
    if now.refused & set(exercise.answers):
        words = "Your last run of the answer cell was refused; this looks at the version before it."
        display.show(display.card("!", words, "brass"))
    verdict = judge.judge(name, now.answers())
    if verdict.outcome != "could not be graded":
        try:
            logbook.record_exercise(now.home, name, verdict.earned, verdict.points)
        except WorkspaceProblem as problem:
            display.show(display.card("!", str(problem), "brass"))
    return display.verdict_card(verdict)


def hint(name: str = "") -> display.Shown:
    """The next rung of an exercise's hints; the last one is code."""
    from coursekit.checks import find

    exercise = find(name)
    now = session.current()
    rungs = len(exercise.hints)
    rung = logbook.next_hint(now.home, name, rungs)
    last = rung == rungs
    footer = "That was the last one." if last else f'`hint("{name}")` again opens the next.'
    shown = display.card(
        "→", f"Hint {rung} of {rungs} · {exercise.title}", "info",
        parts=[("", exercise.hints[rung - 1])], footer=footer,
    )  # fmt: skip
    return display.spoken(shown)


def progress() -> display.Shown:
    """The map of the course: what is done, and what comes next."""
    from coursekit import places

    try:
        home = session.current().home
    except CourseError:
        home = places.workspace()
    return logbook.show_map(*logbook.load(home))
