# %%build services/upkeep.py::find_misjudged
from typing import Any


def find_misjudged(plan: dict[str, Any], factor: float) -> list[str]:
    """Names of the steps whose estimate was wrong by `factor` or more, the lowest first."""
    found = []
    waiting = [(plan, False)]
    while waiting:
        step, is_ready = waiting.pop()
        if not is_ready:
            waiting.append((step, True))
            waiting += [(below, False) for below in reversed(step.get("Plans", []))]
            continue
        few, many = sorted(max(step[key], 1) for key in ("Plan Rows", "Actual Rows"))
        if step["Actual Loops"] > 0 and many >= factor * few:
            found.append(step["Node Type"])
    return found
