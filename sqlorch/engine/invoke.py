"""Make and drive the runs of one invocation, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlorch.domain.dag import Dag
from sqlorch.domain.group import Group
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeSpec, NodeState, RunSpec, RunState
from sqlorch.domain.variables import interval_variables, new_run_id
from sqlorch.engine.driver import Driver
from sqlorch.engine.node_specs import NO_OVERRIDES, Overrides, Shape, node_specs
from sqlorch.engine.planner import PlannedRun

_EMPTY: Mapping[str, Any] = MappingProxyType({})
ShapeOf = Callable[[Group, Mapping[str, str]], Shape]


class SpecMaker:
    """Turns planned runs into run specifications; what is equal for equal node sets is computed once.

    Args:
        durations: expected seconds by unique id, where something is known.
        shape_of: the project as it is for a group and the variables of one interval.
        skip_variables: interval variables that are not to be injected.
        overrides: retry settings of the command line.
        invocation: what a retry of the run must repeat; ``full_refresh`` holds for the first run of a group
            only, since it would throw away what the runs before have built.
    """

    def __init__(
        self,
        *,
        durations: Mapping[str, float],
        shape_of: ShapeOf,
        skip_variables: Iterable[str] = (),
        overrides: Overrides | None = None,
        invocation: Mapping[str, Any] = _EMPTY,
    ) -> None:
        self._durations = durations
        self._shape_of = shape_of
        self._skip = frozenset(skip_variables)
        self._overrides = overrides or NO_OVERRIDES
        self._invocation = invocation
        self._refreshed: set[str] = set()
        self._made: tuple[Shape, dict[tuple[str, ...], tuple[NodeSpec, ...]]] | None = None

    def spec(self, planned: PlannedRun, *, suffix: str) -> tuple[RunSpec, Dag]:
        """The run to store and to drive, and the project's DAG in its interval.

        Args:
            planned: group, interval and nodes.
            suffix: what makes the run id unique, ``7f3a``.
        """
        run_id = new_run_id("manual", planned.interval.start, suffix)
        invocation = {**self._invocation, "full_refresh": self._refreshes(planned.group)}
        return self.spec_of(planned, run_id=run_id, kind="manual", invocation=invocation)

    def spec_of(
        self, planned: PlannedRun, *, run_id: str, kind: str, invocation: Mapping[str, Any]
    ) -> tuple[RunSpec, Dag]:
        """As :meth:`spec`, of a run that has its id, its kind and what a retry must repeat."""
        group = planned.group
        everything = interval_variables(
            planned.interval, group.timetable, timezone=group.timezone, run_id=run_id, group=group.name
        )
        variables = {name: value for name, value in everything.items() if name not in self._skip}
        shape = self._shape_of(group, variables)
        spec = RunSpec(
            run_id=run_id,
            group=group.name,
            interval=planned.interval,
            timezone=group.timezone,
            variables=variables,
            nodes=self._node_specs(shape, _members(planned, shape)),
            kind=kind,
            invocation=dict(invocation),
            timeout=group.rules.run_timeout,
        )
        return spec, shape.dag

    def _refreshes(self, group: Group) -> bool:
        if not self._invocation.get("full_refresh") or group.name in self._refreshed:
            return False
        self._refreshed.add(group.name)
        return True

    def _node_specs(self, shape: Shape, unique_ids: tuple[str, ...]) -> tuple[NodeSpec, ...]:
        if self._made is None or self._made[0] is not shape:
            self._made = (shape, {})
        made = self._made[1]
        if unique_ids not in made:
            made[unique_ids] = node_specs(
                shape, unique_ids, durations=self._durations, overrides=self._overrides
            )
        return made[unique_ids]


def _members(planned: PlannedRun, shape: Shape) -> tuple[str, ...]:
    if shape.nodes is None:
        return planned.nodes
    return tuple(uid for uid in shape.dag.order if uid in shape.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wound:
    """Nodes whose data cannot be trusted for an interval, and why."""

    sources: frozenset[str]
    interval: Interval
    group: str
    reason: str


class Damage:
    """What failed earlier in this invocation, so that later runs do not build on it.

    A model that failed blocks what is downstream of it in other groups where the intervals overlap; a failed
    test blocks what is downstream of all it tests, as it does within a run.
    """

    def __init__(self) -> None:
        self._wounds: list[_Wound] = []

    def record(self, run: RunRecord, nodes: Iterable[NodeRecord], dag: Dag) -> None:
        """Remember the failures of a run that has ended."""
        for node in nodes:
            is_test = dag[node.unique_id].is_test
            if node.state is NodeState.FAILED or (node.state is NodeState.UPSTREAM_FAILED and not is_test):
                sources = dag.parents(node.unique_id) if is_test else frozenset({node.unique_id})
                reason = f"{node.name} failed in {run.run_id}"
                self._wounds.append(
                    _Wound(sources=sources, interval=run.interval, group=run.group, reason=reason)
                )

    def blocked(self, spec: RunSpec, dag: Dag) -> dict[str, str]:
        """Nodes of a run that must not start, with the reason."""
        relevant = [wound for wound in self._wounds if wound.sources and _touches(wound, spec)]
        found: dict[str, str] = {}
        for node in spec.nodes if relevant else ():
            above = dag.ancestors([node.unique_id])
            reason = next((wound.reason for wound in relevant if wound.sources <= above), None)
            if reason is not None:
                found[node.unique_id] = reason
        return found


def _touches(wound: _Wound, spec: RunSpec) -> bool:
    same = wound.interval == spec.interval
    return wound.group != spec.group and (same or wound.interval.overlaps(spec.interval))


class Invocation:
    """One call of ``sqlorch run``: its runs made and driven in order.

    Args:
        driver: drives a run to its end.
        maker: turns a planned run into a specification.
        suffix: gives each run the part that makes its id unique.
    """

    def __init__(self, *, driver: Driver, maker: SpecMaker, suffix: Callable[[], str]) -> None:
        self._driver = driver
        self._maker = maker
        self._suffix = suffix
        self._damage = Damage()

    def make_all(self, planned: Sequence[PlannedRun]) -> list[RunRecord]:
        """Make the runs one after the other.

        No more follow after a cancelled one, after one that another process has taken over, after a failed
        one when failing fast, and after a full refresh that failed: what the later intervals would add is
        thrown away when it is tried again.

        A run that turns out to have no nodes in its interval is passed over.

        Returns:
            The runs as stored at their end.
        """
        ended: list[RunRecord] = []
        for one in planned:
            record = self._make(one)
            if record is None:
                continue
            ended.append(record)
            if self._is_last(record):
                break
        return ended

    def _is_last(self, record: RunRecord) -> bool:
        crew = self._driver.crew
        failed = record.state is RunState.FAILED
        no_use = failed and (crew.fail_fast or record.invocation.get("full_refresh"))
        return crew.stop.requested or not record.state.terminal or bool(no_use)

    def _make(self, planned: PlannedRun) -> RunRecord | None:
        crew = self._driver.crew
        spec, dag = self._maker.spec(planned, suffix=self._suffix())
        if not spec.nodes:
            return None
        crew.store.create_run(spec, now=crew.clock.now())
        record = self._driver.drive(spec, blocked=self._damage.blocked(spec, dag))
        if record.state is RunState.FAILED:
            self._damage.record(record, crew.store.nodes(record.run_id), dag)
        return record
