"""What a run needs to know of its nodes, from the project and what is configured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from types import MappingProxyType
from typing import Any

from sqlorch.domain.dag import Dag
from sqlorch.domain.gating import execution_edges
from sqlorch.domain.group import NodeOptions
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.lost import on_lost
from sqlorch.domain.priority import remaining_path
from sqlorch.domain.run import NodeSpec, RetryPolicy, RunSpec
from sqlorch.domain.trigger import TriggerRule

_DEFAULT_SECONDS = 0.05  # what a node is taken to last while nothing is known of it
_NOTHING_SAID = NodeOptions()
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says instead of the configuration; None is "not said"."""

    retries: int | None = None
    retry_delay: float | None = None

    def apply(self, policy: RetryPolicy) -> RetryPolicy:
        """``policy`` with what was said."""
        return RetryPolicy(
            retries=policy.retries if self.retries is None else self.retries,
            delay=policy.delay if self.retry_delay is None else self.retry_delay,
            max_delay=max(policy.max_delay, self.retry_delay or 0.0),
        )


NO_OVERRIDES = Overrides()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A project as it is in one interval.

    Attributes:
        dag: its nodes and edges.
        grouping: its groups.
        nodes: executable nodes the run is to hold where the interval decides that, None for "as planned".
        code: fingerprint of each node's code, where known.
    """

    dag: Dag
    grouping: Grouping
    nodes: frozenset[str] | None = None
    code: Mapping[str, str] = field(default_factory=lambda: _EMPTY)


def node_specs(
    shape: Shape,
    unique_ids: Sequence[str],
    *,
    durations: Mapping[str, float],
    overrides: Overrides = NO_OVERRIDES,
) -> tuple[NodeSpec, ...]:
    """The nodes of a run, each after all it waits for, and otherwise in the order given.

    Args:
        shape: the project.
        unique_ids: executable nodes of one group.
        durations: expected seconds by unique id, where something is known.
        overrides: retry settings of the command line.
    """
    said = (shape.grouping.options.get(uid, _NOTHING_SAID) for uid in unique_ids)
    ruled = any(its.trigger_rule not in {None, TriggerRule.ALL_SUCCESS} for its in said)
    after = execution_edges(shape.dag, frozenset(unique_ids), whole=ruled)
    priority = remaining_path(after, durations, default=_DEFAULT_SECONDS)
    return tuple(
        _spec(shape, uid, after[uid], priority[uid], overrides) for uid in _in_turn(unique_ids, after)
    )


def _in_turn(unique_ids: Sequence[str], after: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """As they could run one by one: lineage alone would put a test behind what waits for it."""
    place = {uid: number for number, uid in enumerate(unique_ids)}
    left = {uid: len(after[uid]) for uid in unique_ids}
    waiting: dict[str, list[str]] = {uid: [] for uid in unique_ids}
    for uid in unique_ids:
        for above in after[uid]:
            waiting[above].append(uid)
    free = [place[uid] for uid in unique_ids if not left[uid]]  # ascending, and so a heap
    while free:
        uid = unique_ids[heappop(free)]
        yield uid
        for below in waiting[uid]:
            left[below] -= 1
            if not left[below]:
                heappush(free, place[below])


def _spec(shape: Shape, uid: str, after: frozenset[str], priority: float, overrides: Overrides) -> NodeSpec:
    node, said = shape.dag[uid], shape.grouping.options.get(uid, _NOTHING_SAID)
    return NodeSpec(
        unique_id=uid,
        name=node.name,
        kind=node.kind,
        path=node.path,
        materialized="" if node.is_test else node.materialized,
        after=after,
        retry=overrides.apply(shape.grouping.retry[uid]),
        timeout=shape.grouping.timeout.get(uid),
        priority=priority,
        attached_to=node.attached_to,
        severity=str(node.config.get("severity", "")).lower() if node.kind == "test" else "",
        code=shape.code.get(uid, ""),
        pool=said.pool,
        trigger_rule=said.trigger_rule or TriggerRule.ALL_SUCCESS,
        run_if=said.run_if or "",
        expected_runtime=said.expected_runtime,
        on_lost=said.on_lost or on_lost(node),
    )


def stored_spec(
    record: RunRecord,
    nodes: Sequence[NodeRecord],
    shape: Shape,
    *,
    durations: Mapping[str, float] = _EMPTY,
    overrides: Overrides = NO_OVERRIDES,
) -> RunSpec:
    """The specification of a run that is taken up or tried again: its nodes as stored, their rules as now.

    Nodes that are no longer in the project are executed by nobody; they keep what was stored of them.

    Args:
        record: the run.
        nodes: its nodes.
        shape: the project in the run's interval.
        durations: expected seconds by unique id, where something is known.
        overrides: retry settings of the command line.
    """
    priority = remaining_path(
        {node.unique_id: node.after for node in nodes}, durations, default=_DEFAULT_SECONDS
    )
    return RunSpec(
        run_id=record.run_id,
        group=record.group,
        interval=record.interval,
        timezone=record.timezone,
        variables=record.variables,
        kind=record.kind,
        invocation=record.invocation,
        timeout=run_timeout(shape.grouping, record.group),
        nodes=[
            _spec(shape, node.unique_id, node.after, priority[node.unique_id], overrides)
            if node.unique_id in shape.grouping.retry
            else _gone(node)
            for node in nodes
        ],
    )


def run_timeout(grouping: Grouping, group: str) -> float | None:
    """Seconds a run of the group may take; None for a group that is gone."""
    return next((known.rules.run_timeout for known in grouping.groups if known.name == group), None)


def _gone(node: NodeRecord) -> NodeSpec:
    return NodeSpec(
        unique_id=node.unique_id,
        name=node.name,
        kind=node.kind,
        path=node.path,
        materialized=node.materialized,
        after=node.after,
    )
