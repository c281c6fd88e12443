"""Every circle of a graph is named, each by one short way round."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.cycles import find_cycles
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import CycleError


def test_each_knot_is_named_once_by_a_shortest_way() -> None:
    parents = {
        "a": ["c"],
        "b": ["a"],
        "c": ["b", "long"],
        "long": ["c"],
        "x": ["y", "a"],
        "y": ["x"],
        "self": ["self"],
        "into": [],
        "out": ["x", "into"],
    }
    assert find_cycles(parents) == [["a", "b", "c", "a"], ["self", "self"], ["x", "y", "x"]]


def test_without_a_circle_there_is_nothing() -> None:
    assert find_cycles({"a": ["gone"], "b": ["a"], "c": ["a", "b"]}) == []


def test_a_long_circle_needs_no_recursion() -> None:
    size = 5_000
    (cycle,) = find_cycles({f"n{n:05}": [f"n{(n - 1) % size:05}"] for n in range(size)})
    assert cycle == [f"n{n % size:05}" for n in range(size + 1)]


def test_the_error_names_every_circle_and_its_files() -> None:
    nodes = [Node(unique_id=uid, kind="model", name=uid, path=f"models/{uid}.sql") for uid in "abcd"]
    with pytest.raises(CycleError) as told:
        Dag(nodes, [("a", "b"), ("b", "a"), ("c", "d"), ("d", "d")])
    first = "the models form a cycle: models/a.sql reads models/b.sql reads models/a.sql"
    assert str(told.value).splitlines() == [
        f"{first}; one of them must not ref the other",
        "models/d.sql reads itself; refer to its own table with {{ this }}",
    ]
    assert [[uid for uid, _ in cycle] for cycle in told.value.cycles] == [["a", "b", "a"], ["d", "d"]]


graphs = st.dictionaries(
    st.integers(0, 7).map(str), st.lists(st.integers(0, 7).map(str), max_size=4), max_size=8
)


@settings(max_examples=300, deadline=None)
@given(graphs)
def test_cycles_are_those_a_plain_search_finds(parents: dict[str, list[str]]) -> None:
    above = {uid: upstream(uid, parents) for uid in parents}
    knots = {
        frozenset(o for o in above[uid] if uid in above.get(o, ())) for uid in above if uid in above[uid]
    }
    found = find_cycles(parents)
    assert sorted(min(knot) for knot in knots) == [cycle[0] for cycle in found]
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(before in parents[after] for before, after in pairwise(cycle))
        assert any(set(cycle) <= knot for knot in knots)


def upstream(uid: str, parents: dict[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    queue = [uid]
    while queue:
        fresh = {p for p in parents[queue.pop()] if p in parents} - seen
        seen |= fresh
        queue += fresh
    return seen
