# says: A step that ran and found nothing was misjudged
# %%build services/upkeep.py::find_misjudged
from typing import Any


def find_misjudged(plan: dict[str, Any], factor: float) -> list[str]:
    """Names of the steps whose estimate was wrong by `factor` or more, the lowest first."""
    found = []
    for below in plan.get("Plans", []):
        found += find_misjudged(below, factor)
    guess, truth = plan["Plan Rows"], plan["Actual Rows"]
    if plan["Actual Loops"] and truth and guess and max(guess / truth, truth / guess) >= factor:
        found.append(plan["Node Type"])
    return found
