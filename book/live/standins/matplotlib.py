# package: matplotlib
# version: 3.11.2
"""Drawing needs compiled parts that no browser tab has: a plot says so when it is asked for."""

import sys
from typing import NoReturn

__path__: list[str] = []
pyplot = sys.modules[__name__]
sys.modules[f"{__name__}.pyplot"] = pyplot


def __getattr__(name: str) -> NoReturn:
    if name.startswith("_"):
        raise AttributeError(name)
    from coursekit.errors import CourseError

    raise CourseError(
        "matplotlib draws on a computer only: it has no build for a browser tab. "
        "Run this lesson on a computer: `make lab` opens it there."
    )
