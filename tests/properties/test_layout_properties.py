"""Whatever the graph, its layout keeps to the rules of the drawing and to nothing else."""

from __future__ import annotations

from itertools import pairwise
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.reports.layout import folding, lay_out

_Graph = tuple[list[str], list[tuple[str, str]]]


@st.composite
def graphs(draw: st.DrawFn) -> _Graph:
    """Acyclic graphs whose names say nothing about their order."""
    size = draw(st.integers(0, 40))
    names = draw(st.permutations([f"n{number:02}" for number in range(size)]))
    pairs = st.tuples(st.integers(0, max(0, size - 1)), st.integers(0, max(0, size - 1)))
    found = draw(st.lists(pairs, max_size=90)) if size > 1 else []
    return names, sorted({(names[min(pair)], names[max(pair)]) for pair in found if pair[0] != pair[1]})


@given(graphs(), st.randoms(use_true_random=False), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_layout_depends_on_the_graph_alone(graph: _Graph, rng, some_stay: bool) -> None:
    names, edges = graph
    kept = frozenset(names[::2]) if some_stay else None
    expected = lay_out(names, edges, stay_left=kept)
    shuffled, turned = list(names), list(edges)
    rng.shuffle(shuffled)
    rng.shuffle(turned)
    found = lay_out(shuffled, turned + turned[:3], stay_left=kept)
    assert dict(found.places) == dict(expected.places)
    assert dict(found.bends) == dict(expected.bends)


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_edges_go_right_and_nodes_keep_their_distance(graph: _Graph) -> None:
    check_distances(*graph)


@given(graphs())
@settings(max_examples=200, deadline=None)
def test_they_do_where_layers_are_folded_into_blocks(graph: _Graph) -> None:
    with patch.object(folding, "_TALL", 2.0), patch.object(folding, "_SQUARE", 0.1):
        check_distances(*graph)


def check_distances(names: list[str], edges: list[tuple[str, str]]) -> None:
    layout = lay_out(names, edges)
    places = layout.places
    assert set(places) == set(names)
    for parent, child in edges:
        assert places[parent].layer < places[child].layer
        assert places[parent].x + 1 <= places[child].x
    columns: dict[float, list[float]] = {}
    for place in places.values():
        columns.setdefault(place.x, []).append(place.y)
    for heights in columns.values():
        for above, below in pairwise(sorted(heights)):
            assert below - above > 1 - 1e-9
    heights = [place.y for place in places.values()]
    heights += [y for points in layout.bends.values() for _, y in points]
    assert -0.7 <= min(heights, default=0) <= 0, "the drawing begins at the top, lines beside a row above it"
    assert min((place.x for place in places.values()), default=0) == 0


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_bends_lie_between_the_ends_and_go_right(graph: _Graph) -> None:
    names, edges = graph
    layout = lay_out(names, edges)
    assert set(layout.bends) <= set(edges)
    for (parent, child), points in layout.bends.items():
        ways = [layout.places[parent].x, *(x for x, _ in points), layout.places[child].x]
        assert ways == sorted(ways)
