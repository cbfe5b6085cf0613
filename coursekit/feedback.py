"""The feedback page of a graded notebook: one file, which loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader import utils  # type: ignore[import-untyped]

from coursekit import checks, display
from coursekit.official import MIME
from coursekit.verdict import SIGNS, Outcome, Verdict

TEMPLATE = Path(__file__).with_name("feedback.html.j2")


@dataclass(frozen=True)
class Exercise:
    """One check cell of the notebook, and the answers that stand above it."""

    name: str
    score: float
    points: float
    verdict: Verdict | None
    answers: tuple[str, ...]
    comments: tuple[str, ...]
    reason: str = ""
    """Why there is no verdict."""

    @property
    def sign(self) -> str:
        return SIGNS[self.verdict.outcome] if self.verdict else "!"

    @property
    def title(self) -> str:
        titles = {exercise.name: exercise.title for exercise in checks.exercises().values()}
        return self.verdict.title if self.verdict else titles.get(self.name, self.name)

    @property
    def earned(self) -> str:
        """Its points, or that there are none yet."""
        return f"{self.score:g}" if self.verdict else "—"

    @property
    def outcome(self) -> str:
        return str(self.verdict.outcome if self.verdict else Outcome.COULD_NOT_BE_GRADED)


class FeedbackPage(Exporter):
    """In place of nbgrader's page, whose template asks other sites for scripts."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **how: Any
    ) -> tuple[str, dict[str, Any]]:
        """See nbconvert."""
        nb, found = super().from_notebook_node(nb, resources, **how)
        found["output_extension"] = self.file_extension
        return page(nb, found["nbgrader"]), found


def page(nb: NotebookNode, about: Mapping[str, Any]) -> str:
    """The page of a notebook that went through `official` and nbgrader's `GetGrades`."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["inline"] = lambda text: Markup(display.inline(text))
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    exercises = list(_exercises(nb))
    ungraded = sum(one.points for one in exercises if one.verdict is None)
    return template.render(about=about, exercises=exercises, ungraded=ungraded)


def _exercises(nb: NotebookNode) -> Iterator[Exercise]:
    answers: list[str] = []
    comments: list[str] = []
    for cell in nb.cells:
        about = cell.metadata.get("nbgrader", {})
        if utils.is_solution(cell):
            answers.append(cell.source)
            comments += filter(None, [about.get("comment")])
        if utils.is_grade(cell):
            yield Exercise(
                about["grade_id"], about.get("score") or 0, about["points"], _verdict(cell),
                tuple(answers), tuple(c for c in comments if c != "No response."), _reason(cell),
            )  # fmt: skip
            answers, comments = [], []


def _verdict(cell: NotebookNode) -> Verdict | None:
    for shown in cell.get("outputs", []):
        told = shown.get("data", {}).get(MIME)
        if told:
            return Verdict.from_json(told)
    return None


def _reason(cell: NotebookNode) -> str:
    return next((shown.get("evalue", "") for shown in cell.get("outputs", [])), "")
