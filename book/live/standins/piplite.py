# package: piplite
# version: 0.8.6
"""What the kernel asks for packages: here they come with the page, and there are no others."""

import sys

__path__: list[str] = []
piplite = cli = sys.modules[__name__]
sys.modules[f"{__name__}.piplite"] = sys.modules[f"{__name__}.cli"] = piplite
_PIPLITE_DISABLE_PYPI = True
_PIPLITE_URLS: list[str] = []
SORRY = (
    "In a browser tab a lesson has the packages of the course and no others. "
    "On your own computer, `make lab` gives you a Python of your own."
)


async def install(*_arguments: object, **_options: object) -> None:
    print(SORRY)


async def get_transformed_code(_words: list[str]) -> str:
    """What `%pip install …` runs."""
    return f"print({SORRY!r})"
