# %%build services/upkeep.py::find_misjudged
from collections.abc import Iterator
from typing import Any


def find_misjudged(plan: dict[str, Any], factor: float) -> list[str]:
    """Names of the steps whose estimate was wrong by `factor` or more, the lowest first."""
    def walk(step: dict[str, Any]) -> Iterator[str]:
        for below in step.get("Plans", []):
            yield from walk(below)
        guess, truth = step["Plan Rows"] or 1, step["Actual Rows"] or 1
        is_wrong = guess >= truth * factor or truth >= guess * factor
        if step["Actual Loops"] and is_wrong:
            yield step["Node Type"]

    return list(walk(plan))
