"""The order of execution on random projects: never a cycle, and exactly the documented constraints."""

from __future__ import annotations

from graphlib import TopologicalSorter

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag, Node
from sqlorch.domain.gating import execution_edges


@st.composite
def projects(draw: st.DrawFn) -> tuple[Dag, frozenset[str]]:
    """A dag of up to 14 built nodes with tests, named so that no order is suggested by the names."""
    size = draw(st.integers(1, 14))
    labels = draw(st.permutations(range(size)))
    built = [f"n{label:02}" for label in labels]
    kinds = {uid: draw(st.sampled_from(["model", "model", "seed", "source", "exposure"])) for uid in built}
    parents = {
        uid: draw(st.sets(st.sampled_from(built[:n]), max_size=3)) if n else set()
        for n, uid in enumerate(built)
    }
    for n in range(draw(st.integers(0, 8))):
        uid = f"{draw(st.sampled_from('az'))}_test{n}"
        kinds[uid] = "test"
        parents[uid] = draw(st.sets(st.sampled_from(built), max_size=3))
    for n in range(draw(st.integers(0, 3))):
        uid = f"{draw(st.sampled_from('az'))}_unit{n}"
        kinds[uid] = "unit_test"
        parents[uid] = {draw(st.sampled_from(built))}
    dag = Dag(
        [Node(unique_id=uid, kind=kind, name=uid) for uid, kind in kinds.items()],
        [(parent, uid) for uid, before in parents.items() for parent in before],
    )
    return dag, frozenset(draw(st.sets(st.sampled_from(sorted(kinds)))))


def closure(waits: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Everything before each node; fails on a cycle."""
    before: dict[str, frozenset[str]] = {}
    for uid in TopologicalSorter(waits).static_order():
        before[uid] = waits[uid].union(*(before[p] for p in waits[uid]))
    return before


def documented(dag: Dag, selected: frozenset[str]) -> dict[str, frozenset[str]]:
    """The rules word by word and slowly: the whole graph with every gating edge, then what is selected."""
    waits: dict[str, frozenset[str]] = {}
    units = {uid: next(iter(dag.parents(uid))) for uid in dag.nodes if dag[uid].kind == "unit_test"}
    tests = [uid for uid in selected if dag[uid].kind == "test"]
    for uid in dag.nodes:
        if uid not in units:
            gates = () if dag[uid].is_test else tests
            upstream = dag.ancestors([uid])
            gating = {t for t in gates if dag.parents(t) and dag.parents(t) <= upstream}
            waits[uid] = dag.parents(uid) | gating
    ready = dict(waits)
    for unit, model in units.items():
        waits[unit] = ready[model]
        if unit in selected:
            waits[model] |= {unit}
    runs = {uid for uid in selected if dag[uid].kind in EXECUTABLE_KINDS}
    return {uid: before & runs for uid, before in closure(waits).items() if uid in runs}


@settings(max_examples=300, deadline=None)
@given(projects())
def test_the_order_is_the_documented_one_and_never_a_cycle(project: tuple[Dag, frozenset[str]]) -> None:
    dag, selected = project
    assert closure(execution_edges(dag, selected)) == documented(dag, selected)
    assert closure(execution_edges(dag, selected, whole=True)) == documented(dag, selected)


@settings(max_examples=200, deadline=None)
@given(projects())
def test_no_set_repeats_what_its_members_wait_for(project: tuple[Dag, frozenset[str]]) -> None:
    dag, selected = project
    edges = execution_edges(dag, selected)
    before = closure(edges)
    for waits in edges.values():
        assert not any(a in before[b] for a in waits for b in waits)


@settings(max_examples=200, deadline=None)
@given(projects())
def test_whole_sets_name_all_a_node_reads_and_the_tests_of_it(project: tuple[Dag, frozenset[str]]) -> None:
    dag, selected = project
    runs = {uid for uid in selected if dag[uid].kind in EXECUTABLE_KINDS}
    short, whole = execution_edges(dag, selected), execution_edges(dag, selected, whole=True)
    for uid in runs:
        assert short[uid] <= whole[uid]
        if dag[uid].kind != "unit_test":
            assert dag.parents(uid) & runs <= whole[uid]
        if dag[uid].is_test:
            continue
        for test in (t for t in runs if dag[t].kind == "test"):
            tested = dag.parents(test)
            if tested & dag.parents(uid) and tested <= dag.ancestors([uid]):
                assert test in whole[uid]
