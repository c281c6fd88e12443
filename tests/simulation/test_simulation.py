"""Five hundred seeds; ``python tests/simulation/simulate.py 0 10000`` runs as many as one likes."""

from __future__ import annotations

from collections import Counter

import pytest
from simulation.machine import POINTS
from simulation.simulate import simulate

SEEDS, TOGETHER = 500, 25


@pytest.mark.parametrize("first", range(0, SEEDS, TOGETHER))
def test_every_slot_is_one_run_or_one_skip_whatever_dies(first: int) -> None:
    hit: Counter[str] = Counter()
    for seed in range(first, first + TOGETHER):
        hit += simulate(seed).hit
    assert len(hit) > 3, "hardly anything went wrong: the seeds show nothing"


def test_the_crash_points_are_those_of_the_store() -> None:
    # each is hit by some seed of a by-hand run; here that their names have not gone stale
    from sqlorch.state.tables import metadata

    assert {point.split()[1] for point in POINTS} <= set(metadata.tables)
