"""What is configured reaches the nodes of a run, new and stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.group import Group, NodeOptions, RunRules
from sqlorch.domain.grouping import assign_groups
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeSpec, NodeState, RetryPolicy, RunState
from sqlorch.domain.timetable import make_timetable
from sqlorch.engine.node_specs import Overrides, Shape, node_specs, stored_spec

DAY = Interval(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC))


def model(name: str, **config: Any) -> Node:
    return Node(unique_id=name, kind="model", name=name, path=f"models/{name}.sql", config=config)


def shape(options: dict[str, NodeOptions], code: dict[str, str] | None = None) -> Shape:
    """``a`` is read by ``b``; ``c`` reads both, ``t`` tests ``a``."""
    test = Node(unique_id="t", kind="test", name="t", config={"severity": "ERROR"}, attached_to="a")
    dag = Dag(
        [model("a", materialized="incremental"), model("b"), model("c"), test],
        [("a", "b"), ("a", "c"), ("b", "c"), ("a", "t")],
    )
    default = Group(
        name="default",
        timetable=make_timetable(),
        retry=RetryPolicy(retries=2),
        rules=RunRules(run_timeout=60.0),
    )
    grouping = assign_groups(dag, [], lambda *_: frozenset(), default, options)
    return Shape(dag=dag, grouping=grouping, code=code or {})


def specs(options: dict[str, NodeOptions], code: dict[str, str] | None = None) -> dict[str, NodeSpec]:
    made = node_specs(shape(options, code), ["a", "t", "b", "c"], durations={"b": 5.0})
    return {spec.unique_id: spec for spec in made}


def test_a_test_comes_before_what_waits_for_it() -> None:
    assert list(specs({})) == ["a", "t", "b", "c"]
    by_lineage = node_specs(shape({}), ["a", "b", "c", "t"], durations={})
    assert [spec.unique_id for spec in by_lineage] == ["a", "t", "b", "c"]


def test_what_a_node_says_for_itself_is_in_its_specification() -> None:
    said = NodeOptions(
        pool="warehouse", run_if="day == 1", trigger_rule="all_done", expected_runtime=9.0, on_lost="retry"
    )
    made = specs({"a": said}, {"a": "f00d"})
    a, b = made["a"], made["b"]
    assert (a.pool, a.run_if, a.trigger_rule) == ("warehouse", "day == 1", "all_done")
    assert (a.expected_runtime, a.on_lost, a.code) == (9.0, "retry", "f00d")
    assert (b.pool, b.run_if, b.trigger_rule) == (None, "", "all_success")
    assert (b.expected_runtime, b.on_lost, b.code, b.retry.retries) == (None, "retry", "", 2)
    assert specs({})["a"].on_lost == "fail"
    assert (made["t"].severity, made["t"].attached_to) == ("error", "a")


def test_where_a_rule_asks_all_upstreams_are_named() -> None:
    plain, ruled = specs({}), specs({"b": NodeOptions(trigger_rule="all_done")})
    assert (plain["c"].after, plain["b"].after) == ({"b"}, {"t"})
    assert (ruled["c"].after, ruled["b"].after) == ({"a", "b", "t"}, {"a", "t"})
    assert specs({"b": NodeOptions(trigger_rule="all_success")})["c"].after == {"b"}


def test_the_longest_way_ahead_goes_first() -> None:
    made = specs({})
    assert made["a"].priority > made["t"].priority > made["b"].priority > made["c"].priority > 0


def record() -> RunRecord:
    return RunRecord(
        run_id="run-1",
        group="default",
        kind="manual",
        interval=DAY,
        timezone="UTC",
        gen=1,
        state=RunState.FAILED,
        reason="",
        created_at=DAY.start,
        started_at=None,
        finished_at=None,
        owner=None,
        variables={"ds": "2013-01-01"},
        invocation={"target": "dev"},
        node_counts={},
    )


def stored(name: str, after: str = "") -> NodeRecord:
    return NodeRecord(
        run_id="run-1",
        unique_id=name,
        name=name,
        kind="model",
        path="",
        materialized="table",
        position=0,
        gen=1,
        state=NodeState.FAILED,
        reason="",
        tries=1,
        after=frozenset(after.split()),
        outcome=None,
        rows=None,
        failures=None,
        seconds=None,
        message="",
    )


def test_a_stored_run_keeps_its_order_and_has_the_rules_of_today() -> None:
    today = shape({"b": NodeOptions(pool="warehouse", run_if="day == 2")}, {"b": "f00d"})
    spec = stored_spec(
        record(), [stored("a"), stored("gone"), stored("b", "a gone")], today, overrides=Overrides(retries=7)
    )
    assert (spec.run_id, spec.variables, spec.invocation) == (
        "run-1",
        {"ds": "2013-01-01"},
        {"target": "dev"},
    )
    assert spec.timeout == 60.0
    a, gone, b = spec.nodes
    assert (a.on_lost, a.retry.retries) == ("fail", 7)
    assert (gone.name, gone.materialized, gone.retry.retries) == ("gone", "table", 0)
    assert (b.after, b.pool, b.run_if, b.code) == ({"a", "gone"}, "warehouse", "day == 2", "f00d")
    assert a.priority > b.priority


def test_the_run_of_a_group_that_is_gone_has_no_time_limit() -> None:
    assert stored_spec(replace(record(), group="gone"), [stored("a")], shape({})).timeout is None
