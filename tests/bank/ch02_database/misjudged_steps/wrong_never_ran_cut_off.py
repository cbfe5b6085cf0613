# says: Pass over the step, not over what is below it
# %%build services/upkeep.py::find_misjudged
from typing import Any


def find_misjudged(plan: dict[str, Any], factor: float) -> list[str]:
    """Names of the steps whose estimate was wrong by `factor` or more, the lowest first."""
    if not plan["Actual Loops"]:
        return []
    found = []
    for below in plan.get("Plans", []):
        found += find_misjudged(below, factor)
    guess, truth = max(plan["Plan Rows"], 1), max(plan["Actual Rows"], 1)
    if plan["Actual Loops"] and max(guess / truth, truth / guess) >= factor:
        found.append(plan["Node Type"])
    return found
