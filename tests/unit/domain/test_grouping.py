from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError, ProjectError
from sqlorch.domain.group import Group, NodeOptions, ScheduleKeys
from sqlorch.domain.grouping import Grouping, assign_groups
from sqlorch.domain.run import RetryPolicy
from sqlorch.domain.timetable import make_timetable

DEFAULT = Group(name="default", timetable=make_timetable(), retry=RetryPolicy(retries=1), timeout=60.0)
DAILY = ScheduleKeys(schedule=("@daily",))


def node(name: str) -> Node:
    kind = {"t": "test", "u": "unit_test", "s": "source", "x": "exposure", "d": "seed", "n": "snapshot"}.get(
        name.split("_", maxsplit=1)[0], "model"
    )
    return Node(unique_id=name, kind=kind, name=name, path=f"models/{name}.sql")


def dag(*edges: str) -> Dag:
    """``"a>b"`` is an edge, ``"a"`` a node by itself."""
    pairs = [tuple(edge.split(">")) for edge in edges]
    names = dict.fromkeys(name for pair in pairs for name in pair)
    return Dag([node(name) for name in names], [pair for pair in pairs if len(pair) == 2])


def by_name(graph: Dag, select: str, exclude: str | None) -> frozenset[str]:
    if "?" in select:
        raise ProjectError("'?' cannot be read")
    return frozenset(select.split()) - frozenset((exclude or "").split())


def group(name: str, select: str = "", **fields: Any) -> Group:
    return Group(
        name=name, timetable=make_timetable(), select=select, origin=f"sqlorch.yml:{ord(name[0])}", **fields
    )


def assign(
    graph: Dag, groups: Iterable[Group] = (), options: Mapping[str, NodeOptions] | None = None
) -> Grouping:
    return assign_groups(graph, tuple(groups), by_name, DEFAULT, options or {})


def names(grouping: Grouping) -> list[str]:
    return [group.name for group in grouping.groups]


def test_without_groups_everything_executable_is_in_default() -> None:
    made = assign(dag("s_raw>a", "d_seed>a", "a>b", "n_snap", "a>t_a", "a>u_a", "b>x_board"))
    assert names(made) == ["default"]
    assert made.group_of == dict.fromkeys(["d_seed", "a", "b", "n_snap", "t_a", "u_a"], "default")
    assert made.nodes("default") == frozenset(made.group_of)
    assert made.retry["t_a"] == RetryPolicy(retries=1)
    assert made.timeout["a"] == 60.0


def test_groups_select_and_exclude_and_default_has_the_rest() -> None:
    made = assign(dag("a>b", "b>c"), [group("g", "a b", exclude="b")])
    assert made.group_of == {"a": "g", "b": "default", "c": "default"}
    assert names(made) == ["g", "default"]


def test_what_a_selection_finds_besides_models_seeds_and_snapshots_is_left_aside() -> None:
    made = assign(dag("s_raw>a", "a>t_a", "a>x_board", "b>t_b"), [group("g", "s_raw a t_b x_board")])
    assert made.group_of == {"a": "g", "t_a": "g", "b": "default", "t_b": "default"}


def test_a_node_in_two_groups_is_refused_with_both_and_the_node() -> None:
    with pytest.raises(ConfigError) as caught:
        assign(dag("a", "b", "c"), [group("g", "a b"), group("h", "b c a")])
    assert str(caught.value).splitlines() == [
        f"{uid} belongs to two groups, 'g' (sqlorch.yml:103) and 'h' (sqlorch.yml:104); a node runs in one "
        "group: narrow a select, or leave the node out with exclude"
        for uid in ("a", "b")
    ]


def test_a_group_of_the_sql_and_another_that_selects_the_node_clash() -> None:
    with pytest.raises(ConfigError, match=r"^a belongs to two groups, 'h' \(sqlorch.yml:104\) and 'g' "):
        assign(dag("a"), [group("g", "a"), group("h")], {"a": NodeOptions(group="h")})


def test_a_selector_that_cannot_be_read_is_told_with_its_group() -> None:
    with pytest.raises(ConfigError) as caught:
        assign(dag("a"), [group("g", "?")])
    assert str(caught.value) == "sqlorch.yml:103: the selection of the group 'g': '?' cannot be read"


def test_groups_come_after_those_they_read_from_and_else_as_written() -> None:
    graph = dag("a>b", "c", "d>e")
    groups = [group("late", "b"), group("free", "c"), group("early", "a"), group("x", "e")]
    assert names(assign(graph, groups)) == ["free", "early", "late", "default", "x"]


def test_lineage_through_seeds_and_snapshots_orders_groups() -> None:
    groups = [group("g", "a"), group("h", "d_x"), group("i", "n_y")]
    assert names(assign(dag("d_x>n_y", "n_y>a"), groups))[:3] == ["h", "i", "g"]


def test_groups_in_a_circle_are_refused_with_the_models_that_make_it() -> None:
    with pytest.raises(ProjectError) as caught:
        assign(dag("a>b", "b>c", "c>d"), [group("g", "a c"), group("h", "b"), group("i", "d")])
    assert str(caught.value) == (
        "the groups form a cycle: g -> h -> g ('h' reads from 'g' because b reads a; 'g' reads from 'h' "
        "because c reads b); move one of these models to another group"
    )


def test_default_too_can_be_in_a_circle() -> None:
    with pytest.raises(ProjectError, match="the groups form a cycle: default -> g -> default "):
        assign(dag("a>b", "b>c"), [group("g", "b")])


class TestTests:
    groups = (group("g", "a"), group("h", "b"), group("i", "c"))

    def test_a_test_runs_with_what_it_tests(self) -> None:
        assert assign(dag("a>t_a", "b>u_b"), self.groups[:2]).group_of["t_a"] == "g"
        assert assign(dag("a>t_a", "b>u_b"), self.groups[:2]).group_of["u_b"] == "h"

    def test_a_test_of_several_groups_runs_with_the_last_in_group_order(self) -> None:
        made = assign(dag("c>a", "a>t_all", "b>t_all", "c>t_all", "b>c"), self.groups)
        assert names(made)[:3] == ["h", "i", "g"]
        assert made.group_of["t_all"] == "g"

    def test_a_test_of_a_source_runs_with_the_first_group_that_reads_it(self) -> None:
        made = assign(dag("s_raw>a", "s_raw>b", "b>a", "s_raw>t_raw", "s_raw>x_board"), self.groups[:2])
        assert names(made)[:2] == ["h", "g"]
        assert made.group_of["t_raw"] == "h"

    def test_a_source_does_not_decide_when_a_model_is_tested_too(self) -> None:
        made = assign(dag("s_raw>b", "a>t_rel", "s_raw>t_rel"), self.groups[:2])
        assert made.group_of["t_rel"] == "g"

    def test_a_test_of_nothing_that_runs_is_in_default(self) -> None:
        made = assign(dag("s_raw>t_raw", "t_alone", "a"), self.groups[:1])
        assert made.group_of == {"a": "g", "t_raw": "default", "t_alone": "default"}


class TestPerNode:
    def test_a_nodes_own_retries_and_timeout_win_over_its_groups(self) -> None:
        groups = [group("g", "a b", retry=RetryPolicy(retries=2, delay=7), timeout=30.0)]
        made = assign(
            dag("a", "b>t_b"),
            groups,
            {
                "a": NodeOptions(retries=0, timeout=5.0),
                "t_b": NodeOptions(retry_delay=600.0),
            },
        )
        assert made.retry["a"] == RetryPolicy(retries=0, delay=7)
        assert made.retry["b"] == RetryPolicy(retries=2, delay=7)
        assert made.retry["t_b"] == RetryPolicy(retries=2, delay=600.0, max_delay=600.0)
        assert made.timeout == {"a": 5.0, "b": 30.0, "t_b": 30.0}

    def test_without_a_limit_a_node_is_absent_from_the_timeouts(self) -> None:
        assert assign(dag("a"), [group("g", "a")]).timeout == {}

    def test_export_is_what_the_node_says(self) -> None:
        made = assign(dag("a", "b"), options={"a": NodeOptions(export=True), "b": NodeOptions(retries=1)})
        assert made.exported == {"a"}


def test_a_group_can_be_asked_for_by_name() -> None:
    made = assign(dag("a"), [group("g", "a"), group("idle", "")])
    assert made.group("g").origin == "sqlorch.yml:103"
    assert made.empty == ("idle", "default")
    with pytest.raises(ConfigError, match=r"^there is no group 'z'; the groups are: g, idle, default$"):
        made.group("z")
