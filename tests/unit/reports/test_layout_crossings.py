import random
from itertools import combinations

import pytest

from sqlorch.reports.layout import crossings


def brute_inversions(values):
    return sum(first > second for first, second in combinations(values, 2))


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], 0), ([3], 0), ([1, 2, 3], 0), ([3, 2, 1], 3), ([2, 2, 2], 0), ([1, 0, 1, 0], 3)],
)
def test_inversions_by_hand(values, expected):
    assert crossings.inversions(values) == expected
    assert crossings._with_tree(values) == expected


def test_both_ways_to_count_agree_with_looking_at_every_pair():
    rng = random.Random(1)  # noqa: S311 - no secret is made of it
    for _ in range(200):
        values = [rng.randrange(12) for _ in range(rng.randrange(40))]
        expected = brute_inversions(values)
        assert crossings.inversions(values) == expected
        assert crossings._with_tree(values) == expected


def test_long_lists_are_counted_with_the_tree(monkeypatch):
    rng = random.Random(2)  # noqa: S311 - no secret is made of it
    values = [rng.randrange(50) for _ in range(300)]
    monkeypatch.setattr(crossings, "_TREE_FROM", 100)
    monkeypatch.setattr(crossings, "bisect_right", None)  # the other way would fail
    assert crossings.inversions(values) == brute_inversions(values)


def test_edges_cross_when_their_ends_are_in_opposite_order():
    rng = random.Random(3)  # noqa: S311 - no secret is made of it
    for _ in range(100):
        upper, lower = list(range(8)), list(range(8, 16))
        rng.shuffle(upper)
        rng.shuffle(lower)
        below = [rng.sample(lower, k=rng.randrange(5)) for _ in range(8)] + [[] for _ in range(8)]
        place = [0] * 16
        for layer in (upper, lower):
            for at, item in enumerate(layer):
                place[item] = at
        edges = [(place[item], place[other]) for item in upper for other in below[item]]
        expected = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(edges, 2))
        assert crossings.between(upper, below, place) == expected
