from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.group import Group
from sqlorch.domain.grouping import ASSIGNED_KINDS, assign_groups
from sqlorch.domain.timetable import make_timetable

KINDS = ["model", "model", "seed", "snapshot", "source", "test", "unit_test", "exposure"]
LEAVES = {"test", "unit_test", "exposure"}
NAMES = ["zeta", "eta", "alpha"]


@st.composite
def projects(draw: st.DrawFn) -> tuple[Dag, dict[str, str]]:
    """A project, and the group of each of its models that is to be in one."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12))
    nodes = [Node(unique_id=f"{kind}.{i}", kind=kind, name=str(i)) for i, kind in enumerate(kinds)]
    able = [
        (a, b) for i, b in enumerate(nodes) for a in nodes[:i] if a.kind not in LEAVES and b.kind != "source"
    ]
    edges = draw(st.lists(st.sampled_from(able), max_size=20)) if able else []
    wanted = {
        node.unique_id: draw(st.sampled_from([*NAMES, "default"]))
        for node in nodes
        if node.kind in ASSIGNED_KINDS
    }
    return Dag(nodes, {(a.unique_id, b.unique_id) for a, b in edges}), wanted


@settings(max_examples=300, deadline=None)
@given(projects())
def test_every_node_has_one_group_and_groups_follow_lineage(project: tuple[Dag, dict[str, str]]) -> None:
    dag, wanted = project
    default = Group(name="default", timetable=make_timetable())
    groups = [
        Group(name=name, timetable=make_timetable(), select=name) for name in NAMES if name in wanted.values()
    ]

    def select(_: Dag, name: str, __: str | None) -> frozenset[str]:
        return frozenset(uid for uid, group in wanted.items() if group == name)

    between = {
        (wanted[a], wanted[b]) for a, b in dag.edges if a in wanted and b in wanted and wanted[a] != wanted[b]
    }
    try:
        made = assign_groups(dag, groups, select, default)
    except ProjectError:
        assert circular(between)
        return
    assert not circular(between)
    rank = {group.name: index for index, group in enumerate(made.groups)}
    assert set(rank) == {*(group.name for group in groups), "default"}
    assert all(rank[before] < rank[after] for before, after in between)
    assert set(made.group_of) == {
        u for u, node in dag.nodes.items() if node.kind in ASSIGNED_KINDS | {"test", "unit_test"}
    }
    for uid, name in made.group_of.items():
        tested = {wanted[parent] for parent in dag.parents(uid) if parent in wanted}
        if uid in wanted:
            assert name == wanted[uid]
        elif tested:
            assert rank[name] == max(rank[group] for group in tested)
    assert [made.nodes(group.name) for group in made.groups] == [
        {uid for uid, name in made.group_of.items() if name == group.name} for group in made.groups
    ]


def circular(edges: set[tuple[str, str]]) -> bool:
    """Whether a walk along the edges can come back to where it began."""
    reached = set(edges)
    for _ in range(len(NAMES) + 1):
        reached |= {(a, d) for a, b in reached for c, d in edges if b == c}
    return any(a == b for a, b in reached)
