"""`coursekit report`: what a cohort's hand-ins tell, as a page and tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from coursekit import desk, places
from coursekit.errors import CourseError
from coursekit.report import cohort, figures, names, page

HOME = "cohort"


def home_of(given: str | None) -> Path:
    """The folder with `verdicts/` and `gradebook.db`: here, on a desk, or in the checkout."""
    if given:
        return Path(given)
    known = [Path(HOME), desk.folder() / "course" / HOME]
    return next((path for path in known if path.is_dir()), places.checkout() / HOME)


def read(folders: Sequence[Path], home: Path, roster: Path | None) -> cohort.Cohort:
    """The cohort of these folders of notebooks; without any, the one whose verdicts are kept."""
    found = cohort.Cohort()
    gradebook = home / "gradebook.db"
    if gradebook.exists() and not folders:
        cohort.read_gradebook(gradebook, found)
    if roster:
        cohort.read_roster(roster, found)
    if folders:
        for learner in sorted({who for folder in folders for who in cohort.learners_in(folder)}):
            found.names.setdefault(learner, learner)
        found.add(cohort.from_notebooks(folders, home / "verdicts"))
    else:
        hand_ins, notes = cohort.from_verdicts(home / "verdicts")
        found.notes += notes
        found.add(hand_ins)
    if not found.names:
        raise CourseError(_nothing(folders, home, found.notes))
    return found


def _nothing(folders: Sequence[Path], home: Path, notes: Sequence[str]) -> str:
    if folders:
        listed = ", ".join(map(str, folders))
        return (
            f"There is no notebook and no learner's folder in {listed}. A folder of hand-ins "
            "holds a folder for each learner, and in that the notebooks."
        )
    if notes:
        return f"None of the verdicts in {home / 'verdicts'} can be read. The first: {notes[0]}"
    return (
        f"There is nothing to report on: no verdicts in {home / 'verdicts'} and nobody in "
        f"{home / 'gradebook.db'}. Grade first, or name a folder of submitted notebooks: "
        "`coursekit report FOLDER`."
    )


def main(
    folders: Sequence[str],
    *,
    home: str | None = None,
    out: str | None = None,
    roster: str | None = None,
    without_names: bool = False,
    now: datetime | None = None,
) -> int:
    """Write the report and say where. 1 where something could not be read or graded."""
    place = home_of(home)
    found = read([Path(folder) for folder in folders], place, Path(roster) if roster else None)
    called, clean = found.names, None
    if without_names:
        called = names.pseudonyms(found, place)
        clean = names.guard(found, called)
    counted = figures.count(found, now or datetime.now(UTC), called, clean)
    folder = Path(out) if out else place / ("report-no-names" if without_names else "report")
    path = page.write(counted, folder)
    for note in counted.notes:
        print(f"! {note}", file=sys.stderr)
    if counted.faults:
        print(f"! {len(counted.faults)} could not be graded; the page says which.", file=sys.stderr)
    people = len(counted.learners)
    print(
        f"{people} learner{'s' * (people != 1)}, {counted.hand_ins} "
        f"hand-in{'s' * (counted.hand_ins != 1)}. Open {path} in a browser; "
        "the tables (.csv) are beside it."
    )
    return 1 if counted.notes or counted.faults else 0
