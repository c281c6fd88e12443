"""From a queued run to what is to be executed: its nodes are chosen when it is claimed, not when it was due.

The project may have changed in between, and a person may have run parts of the interval by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlorch.app.running import repeatable
from sqlorch.app.snapshot import repeatable_node
from sqlorch.app.verified import Verified
from sqlorch.domain.coverage import Changed, Standing, unchanged, verdict_over
from sqlorch.domain.dag import Dag
from sqlorch.domain.group import Group
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.reprocess import nodes_to_run
from sqlorch.domain.run import RunSpec
from sqlorch.domain.selector import select
from sqlorch.engine.invoke import Shape, SpecMaker, retry_spec
from sqlorch.engine.planner import PlannedRun

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.domain.history import NodeRecord, RunRecord
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Makes the specification of queued runs.

    Attributes:
        session: the open project.
        graph: orders what dbt knows.
        store: the ledger and the durations.
        changed: tells, for a node, what has changed since a fingerprint.
    """

    session: WarmSession
    graph: Verified
    store: SqlStore
    changed: Mapping[str, Changed] = field(default_factory=dict)

    def spec(self, record: RunRecord) -> RunSpec:
        """What a queued run is to execute now; without nodes when everything in it is done.

        Raises:
            SqlorchError: its group is gone, or its selection cannot be read.
        """
        shape, group = self._shape(record)
        members = self._members(record, shape.dag, shape.grouping.nodes(group.name))
        nodes = tuple(self._to_do(record, shape.dag, members))
        planned = PlannedRun(group=group, interval=record.interval, nodes=nodes)
        given = dict(record.invocation)
        invocation = {**repeatable(self.graph.workspace), **given}
        invocation["vars"] = {**self.graph.workspace.variables, **dict(given.get("vars") or {})}
        spec, _ = self._maker(shape, nodes).spec_of(
            planned, run_id=record.run_id, kind=record.kind, invocation=invocation
        )
        asked = {name: str(value) for name, value in dict(given.get("vars") or {}).items()}
        return replace(spec, variables={**asked, **spec.variables})

    def spec_again(self, record: RunRecord, nodes: Sequence[NodeRecord]) -> RunSpec:
        """The specification of a run that has begun, as it was stored, with today's limits and retries."""
        shape, _ = self._shape(record)
        return retry_spec(record, nodes, shape.grouping.retry, shape.grouping.timeout)

    def unrepeatable(self, record: RunRecord) -> frozenset[str]:
        """Nodes of a run's group that must not be tried again by themselves when an attempt was lost."""
        shape, group = self._shape(record)
        return frozenset(
            uid for uid in shape.grouping.nodes(group.name) if not repeatable_node(shape.dag[uid])
        )

    def _shape(self, record: RunRecord) -> tuple[Shape, Group]:
        _, grouping = self.graph.order(self.session.dag)
        group = grouping.group(record.group)
        if not self.session.interval_dependent:
            dag, grouping = self.graph.order(self.session.dag)
            return Shape(dag=dag, grouping=grouping), group
        planned = PlannedRun(group=group, interval=record.interval, nodes=())
        fixed = Shape(dag=self.session.dag, grouping=grouping)
        maker = self._maker(fixed, ())
        spec, _ = maker.spec_of(planned, run_id=record.run_id, kind=record.kind, invocation={})
        dag, grouping = self.graph.order(self.session.dag_for(spec.variables))
        return Shape(dag=dag, grouping=grouping), group

    def _maker(self, shape: Shape, nodes: tuple[str, ...]) -> SpecMaker:
        return SpecMaker(
            durations=self.store.durations(list(nodes)),
            shape_of=partial(_always, shape),
            skip_variables=self.graph.workspace.settings.variables_skip,
        )

    def _members(self, record: RunRecord, dag: Dag, group: frozenset[str]) -> frozenset[str]:
        members = frozenset(uid for uid in group if not dag[uid].blank)
        wanted = record.invocation.get("select")
        if not wanted:
            return members
        return members & select(dag, tuple(wanted), indirect=self.session.indirect_selection)

    def _to_do(self, record: RunRecord, dag: Dag, members: frozenset[str]) -> list[str]:
        reprocess = Reprocess(record.invocation.get("reprocess") or Reprocess.MISSING)
        if record.invocation.get("full_refresh"):
            reprocess = Reprocess.ALL
        entries = self.store.ledger.entries(members, record.interval)
        standings: dict[str, Standing] = {
            uid: verdict_over(
                entries.get(uid, ()), record.interval, self.changed.get(uid, unchanged)
            ).standing
            for uid in members
        }
        return list(nodes_to_run(dag, members, standings, reprocess))


def _always(shape: Shape, *_: Any) -> Shape:
    return shape
