"""Make and drive the runs of one invocation, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any

from sqlorch.domain.dag import Dag
from sqlorch.domain.frontier import remaining_path
from sqlorch.domain.gating import execution_edges
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeSpec, NodeState, RetryPolicy, RunSpec, RunState
from sqlorch.domain.variables import interval_variables, new_run_id
from sqlorch.engine.driver import Driver
from sqlorch.engine.planner import PlannedRun

_DEFAULT_SECONDS = 0.05  # what a node is taken to last while nothing is known of it
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


class SpecMaker:
    """Turns planned runs into run specifications; what is equal for equal node sets is computed once.

    Args:
        dag: the project.
        grouping: groups, retry policies and timeouts.
        durations: expected seconds by unique id, where something is known.
        skip_variables: interval variables that are not to be injected.
        overrides: retry settings of the command line.
        invocation: what a retry of the run must repeat.
    """

    def __init__(
        self,
        *,
        dag: Dag,
        grouping: Grouping,
        durations: Mapping[str, float],
        skip_variables: Iterable[str] = (),
        overrides: Overrides | None = None,
        invocation: Mapping[str, Any] = _EMPTY,
    ) -> None:
        self._dag = dag
        self._grouping = grouping
        self._durations = durations
        self._skip = frozenset(skip_variables)
        self._overrides = overrides or Overrides()
        self._invocation = invocation
        self._made: dict[tuple[str, ...], tuple[NodeSpec, ...]] = {}

    def spec(self, planned: PlannedRun, *, suffix: str) -> RunSpec:
        """The run to store and to drive.

        Args:
            planned: group, interval and nodes.
            suffix: what makes the run id unique, ``7f3a``.
        """
        group = planned.group
        run_id = new_run_id("manual", planned.interval.start, suffix)
        variables = interval_variables(
            planned.interval, group.timetable, timezone=group.timezone, run_id=run_id, group=group.name
        )
        return RunSpec(
            run_id=run_id,
            group=group.name,
            interval=planned.interval,
            timezone=group.timezone,
            variables={name: value for name, value in variables.items() if name not in self._skip},
            nodes=self._node_specs(planned.nodes),
            invocation=self._invocation,
        )

    def _node_specs(self, unique_ids: tuple[str, ...]) -> tuple[NodeSpec, ...]:
        if unique_ids not in self._made:
            after = execution_edges(self._dag, frozenset(unique_ids))
            priority = remaining_path(after, self._durations, default=_DEFAULT_SECONDS)
            self._made[unique_ids] = tuple(
                self._node_spec(uid, after[uid], priority[uid]) for uid in unique_ids
            )
        return self._made[unique_ids]

    def _node_spec(self, uid: str, after: frozenset[str], priority: float) -> NodeSpec:
        node = self._dag[uid]
        return NodeSpec(
            unique_id=uid,
            name=node.name,
            kind=node.kind,
            path=node.path,
            materialized="" if node.is_test else node.materialized,
            after=after,
            retry=self._overrides.apply(self._grouping.retry[uid]),
            timeout=self._grouping.timeout.get(uid),
            priority=priority,
        )


@dataclass(slots=True)
class Damage:
    """What failed earlier in this invocation, so that later runs do not build on it.

    A model that failed blocks what is downstream of it in other groups where the intervals overlap; a failed
    test blocks what is downstream of all it tests, as it does within a run.
    """

    dag: Dag
    _bad: list[tuple[frozenset[str], str, Interval, str]] = field(default_factory=list)

    def record(self, run: RunRecord, nodes: Iterable[NodeRecord]) -> None:
        """Remember the failures of a run that has ended."""
        for node in nodes:
            if node.state not in {NodeState.FAILED, NodeState.UPSTREAM_FAILED}:
                continue
            sources = (
                self.dag.parents(node.unique_id) if self.dag[node.unique_id].is_test else {node.unique_id}
            )
            why = f"{node.name} failed in {run.run_id}"
            if node.state is NodeState.FAILED or not self.dag[node.unique_id].is_test:
                self._bad.append((frozenset(sources), why, run.interval, run.group))

    def blocked(self, planned: PlannedRun) -> dict[str, str]:
        """Nodes of a run that must not start, with the reason."""
        relevant = [
            (sources, why)
            for sources, why, interval, group in self._bad
            if group != planned.group.name
            and (interval.overlaps(planned.interval) or interval == planned.interval)
        ]
        if not relevant:
            return {}
        found: dict[str, str] = {}
        for uid in planned.nodes:
            above = self.dag.ancestors([uid])
            why = next((why for sources, why in relevant if sources and sources <= above), None)
            if why is not None:
                found[uid] = why
        return found


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """One call of ``sqlorch run``: its runs made and driven in order.

    Attributes:
        driver: drives a run to its end.
        dag: the project.
        maker: turns a planned run into a specification.
        suffix: gives each run the part that makes its id unique.
    """

    driver: Driver
    dag: Dag
    maker: SpecMaker
    suffix: Callable[[], str]

    @cached_property
    def _damage(self) -> Damage:
        return Damage(self.dag)

    def make_all(self, planned: Sequence[PlannedRun]) -> list[RunRecord]:
        """Make the runs one after the other; stop after a cancelled one, or a failed one when failing fast.

        Returns:
            The runs as stored at their end.
        """
        ended: list[RunRecord] = []
        for one in planned:
            record = self._make(one)
            ended.append(record)
            if record.state is RunState.CANCELLED:
                break
            if record.state is RunState.FAILED and self.driver.crew.fail_fast:
                break
        return ended

    def _make(self, planned: PlannedRun) -> RunRecord:
        store = self.driver.crew.store
        spec = self.maker.spec(planned, suffix=self.suffix())
        store.create_run(spec, now=self._now())
        record = self.driver.drive(spec, blocked=self._damage.blocked(planned))
        if record.state is RunState.FAILED:
            self._damage.record(record, store.nodes(record.run_id))
        return record

    def _now(self) -> datetime:
        return self.driver.crew.clock.now()


def retry_spec(
    record: RunRecord, nodes: Sequence[NodeRecord], policies: Mapping[str, RetryPolicy]
) -> RunSpec:
    """The specification of a run that is tried again, as it was stored.

    Args:
        record: the run.
        nodes: its nodes.
        policies: retry policies by unique id; a node without one is tried once.
    """
    return RunSpec(
        run_id=record.run_id,
        group=record.group,
        interval=record.interval,
        timezone=record.timezone,
        variables=record.variables,
        kind=record.kind,
        invocation=record.invocation,
        nodes=[
            NodeSpec(
                unique_id=node.unique_id,
                name=node.name,
                kind=node.kind,
                path=node.path,
                materialized=node.materialized,
                after=node.after,
                retry=policies.get(node.unique_id, RetryPolicy()),
            )
            for node in nodes
        ],
    )
