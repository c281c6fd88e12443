import random
from itertools import combinations, pairwise

from sqlorch.reports.layout import lay_out
from sqlorch.reports.layout.straightening import Blocks, uncrossed


def crossing(first, second):
    return (first[0] - second[0]) * (first[1] - second[1]) <= 0


def test_of_crossing_links_the_first_kind_stays():
    assert uncrossed([(1, 6)], [(0, 7), (2, 5), (3, 8)]) == [(1, 6), (3, 8)]
    assert uncrossed([], [(0, 5), (0, 6), (1, 5), (2, 7)]) == [(0, 5), (2, 7)]
    assert uncrossed([(0, 4), (1, 3)], []) == [(0, 4)]


def test_no_two_links_cross_or_share_an_end():
    rng = random.Random(4)  # noqa: S311 - no secret is made of it
    for _ in range(200):
        links = sorted({(rng.randrange(10), rng.randrange(10, 20)) for _ in range(rng.randrange(14))})
        first = [link for link in links if rng.random() < 0.5]
        then = [link for link in links if link not in first]
        kept = uncrossed(first, then)
        assert kept == sorted(kept)
        assert not any(crossing(*pair) for pair in combinations(kept, 2))
        for link in links:
            assert link in kept or any(crossing(link, other) for other in kept), (
                "as many as there is room for"
            )


def layers_of(rng):
    """Layers of numbered rows, gaps, and links that do not cross."""
    sizes = [rng.randint(1, 5) for _ in range(rng.randint(1, 5))]
    starts = [sum(sizes[:number]) for number in range(len(sizes))]
    layers = [list(range(start, start + size)) for start, size in zip(starts, sizes, strict=True)]
    gaps = [[0.0, *(rng.choice((0.3, 0.65, 1.0)) for _ in layer[1:])] for layer in layers]
    links = sorted(
        {(rng.choice(left), rng.choice(right)) for left, right in pairwise(layers) for _ in range(3)}
    )
    return layers, gaps, uncrossed(links, [])


def test_blocks_are_straight_and_keep_their_distances():
    rng = random.Random(5)  # noqa: S311 - no secret is made of it
    for _ in range(300):
        layers, gaps, links = layers_of(rng)
        blocks = Blocks(layers, gaps, links)
        heights = blocks.heights([rng.uniform(-5, 5) for _ in blocks.members])
        steps = blocks.steps(heights, 100)
        for row, other in links:
            assert blocks.of[row] == blocks.of[other]
        for layer, apart in zip(layers, gaps, strict=True):
            for (upper, lower), gap in zip(pairwise(layer), apart[1:], strict=True):
                above, below = blocks.of[upper], blocks.of[lower]
                assert heights[below] - heights[above] >= gap - 1e-9
                assert steps[below] - steps[above] >= round(gap * 100)


def test_blocks_that_have_room_stand_where_they_want_to():
    blocks = Blocks([[0, 1], [2, 3]], [[0.0, 1.0], [0.0, 1.0]], [(0, 2)])
    assert blocks.members == [[0, 2], [1], [3]]
    assert blocks.heights([0.0, 4.0, 1.5]) == [0.0, 4.0, 1.5]
    first, second, third = blocks.heights([0.0, 0.0, 0.0])
    assert second - first >= 1.0
    assert third - first >= 1.0


def test_a_long_edge_bends_once_at_most_where_nothing_is_in_its_way():
    names = [f"n{number}" for number in range(8)]
    edges = [*pairwise(names), ("n0", "n7"), ("m0", "n3"), ("m0", "n7")]
    bends = lay_out([*names, "m0"], edges).bends
    assert {len({y for _, y in points}) for points in bends.values()} == {1}
