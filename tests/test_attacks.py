"""Each attack earns nothing that it did not solve, harms nobody and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attacks
import pytest
from attacks import World

from coursekit import grade, jail
from coursekit.verdict import Verdict

pytestmark = pytest.mark.usefixtures("presence")

ENTRIES = sorted(attacks.BANK.glob("*.py"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    if jail.gaps():
        pytest.skip(f"this machine cannot keep all attacks out: {' '.join(jail.gaps())}")
    with attacks.world() as made:
        yield made


def graded(path: Path) -> Verdict:
    """The verdict on a submission of one exercise."""
    found = grade.grade_notebook(path)
    assert not found.problem
    [verdict] = found.verdicts
    return verdict


@pytest.mark.parametrize("path", ENTRIES, ids=lambda path: path.stem)
def test_attack_earns_nothing_and_harms_nobody(world: World, tmp_path: Path, path: Path) -> None:
    attack = attacks.read(path, world)
    verdict = graded(attack.notebook(tmp_path / "attack.ipynb"))
    found = attacks.faults(attack, verdict) + world.harm(verdict)
    assert not found, f"{found}\n{verdict.text()}"
