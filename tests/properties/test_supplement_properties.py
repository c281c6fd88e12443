"""Whatever edges are added to a graph, neither nodes nor groups come to wait for one another."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.supplement import supplement

uids = st.sampled_from([f"{kind}.{n}" for kind in ("model", "source", "seed", "test") for n in range(4)])
pairs = st.lists(st.tuples(uids, uids), max_size=14)


def dag_of(edges: list[tuple[str, str]], more: dict[str, str]) -> Dag:
    found = dict.fromkeys([*more, *(end for edge in edges for end in edge)])
    return Dag([Node(unique_id=uid, kind=uid.split(".")[0], name=uid) for uid in found], edges)


@settings(max_examples=300, deadline=None)
@given(edges=pairs, found=pairs, built=pairs, groups=st.dictionaries(uids, st.sampled_from("abc")))
def test_whatever_is_added_no_circle_arises(
    edges: list[tuple[str, str]],
    found: list[tuple[str, str]],
    built: list[tuple[str, str]],
    groups: dict[str, str],
) -> None:
    acyclic = [(min(e), max(e)) for e in edges if e[0] != e[1]]
    dag = dag_of(acyclic, groups)
    result = supplement(dag, found, built, groups)  # a circle of nodes would raise
    assert set(dag.edges) <= set(result.dag.edges)
    steps = group_steps(result.dag, groups)
    before = group_steps(dag, groups)
    if not circle(before):
        assert not circle(steps)
    refused = {refusal.edge for refusal in result.refused}
    known = {edge for edge in [*found, *built] if edge[0] in dag and edge[1] in dag}
    assert known <= set(result.dag.edges) | refused


def group_steps(dag: Dag, groups: dict[str, str]) -> dict[str, set[str]]:
    steps: dict[str, set[str]] = {}
    for parent, child in dag.edges:
        if dag[parent].is_test or dag[child].is_test:
            continue
        ends = groups.get(parent), groups.get(child)
        if None not in ends and ends[0] != ends[1]:
            steps.setdefault(str(ends[0]), set()).add(str(ends[1]))
    return steps


def circle(steps: dict[str, set[str]]) -> bool:
    ways = [[start] for start in steps]
    while ways:
        way = ways.pop()
        for after in steps.get(way[-1], ()):
            if after in way:
                return True
            ways.append([*way, after])
    return False
