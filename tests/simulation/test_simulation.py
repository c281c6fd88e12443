"""Five hundred seeds; by hand, ``PYTHONPATH=tests python -m simulation.simulate 0 10000`` runs more."""

from __future__ import annotations

from collections import Counter

import pytest
from simulation.machine import POINTS
from simulation.simulate import simulate

from sqlorch.state.tables import metadata

SEEDS, TOGETHER = 500, 25


@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_every_slot_is_one_run_or_one_skip_whatever_dies(first: int) -> None:
    hit: Counter[str] = Counter()
    for seed in range(first, first + TOGETHER):
        hit += simulate(seed).hit
    assert len(hit) > 3, "hardly anything went wrong: the seeds show nothing"


def test_the_crash_points_are_those_of_the_store() -> None:
    # each is hit by some seed of a by-hand run; here that their names have not gone stale
    assert {point.split()[1] for point in POINTS} <= set(metadata.tables)
