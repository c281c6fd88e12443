"""From a queued run to what is to be executed: its nodes are chosen when it is claimed, not when it was due.

The project may have changed in between, and a person may have run parts of the interval by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlorch.app.code_changes import CodeChanges
from sqlorch.app.running import repeatable
from sqlorch.app.verified import Verified
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ConfigError, ProjectError
from sqlorch.domain.group import Group
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.lost import FAIL
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS, nodes_to_run, standings_over
from sqlorch.domain.run import RunSpec
from sqlorch.domain.selector import select
from sqlorch.engine.forecast import ChangedIn
from sqlorch.engine.invoke import SpecMaker
from sqlorch.engine.node_specs import Shape, stored_spec
from sqlorch.engine.planner import PlannedRun

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.domain.history import NodeRecord, RunRecord
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.state.store import SqlStore

_EMPTY: Mapping[str, str] = MappingProxyType({})


class EmptySelectionError(ConfigError):
    """What somebody selected for a run is not in its group, or no longer: waiting would not bring it back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Makes the specification of queued runs.

    Attributes:
        session: the open project.
        graph: orders what dbt knows.
        store: the ledger and the durations.
        code: fingerprint of the code each node is executed with, where it is known for certain.
    """

    session: WarmSession
    graph: Verified
    store: SqlStore
    code: Mapping[str, str] = field(default_factory=lambda: _EMPTY)

    def spec(self, record: RunRecord) -> RunSpec:
        """What a queued run is to execute now; without nodes when everything in it is done.

        Raises:
            EmptySelectionError: its selection finds nothing of its group.
            SqlorchError: its group is gone.
        """
        shape, group = self._shape(record)
        members = self._members(record, shape.dag, shape.grouping.nodes(group.name))
        nodes = tuple(self._to_do(record, shape.dag, members))
        planned = PlannedRun(group=group, interval=record.interval, nodes=nodes)
        given = dict(record.invocation)
        asked = dict(given.get("vars") or {})
        invocation = {**repeatable(self.graph.workspace), **given}
        invocation["vars"] = {**self.graph.workspace.variables, **asked}
        spec, _ = self._maker(shape, nodes).spec_of(
            planned, run_id=record.run_id, kind=record.kind, invocation=invocation
        )
        return replace(
            spec, variables={**{name: str(value) for name, value in asked.items()}, **spec.variables}
        )

    def spec_again(self, record: RunRecord, nodes: Sequence[NodeRecord]) -> RunSpec:
        """The specification of a run that has begun, as it was stored, with today's limits and retries."""
        shape, _ = self._shape(record)
        return stored_spec(record, nodes, shape, durations=self.store.durations([n.unique_id for n in nodes]))

    def unrepeatable(self, record: RunRecord, nodes: Sequence[NodeRecord]) -> frozenset[str]:
        """Nodes of a run that must not be tried again by themselves when an attempt was lost."""
        spec = self.spec_again(record, nodes)
        return frozenset(node.unique_id for node in spec.nodes if node.on_lost == FAIL)

    def remember_code(self, spec: RunSpec) -> None:
        """Keep what is behind the fingerprints of a run's nodes."""
        if self.graph.code is not None:
            known = [node.unique_id for node in spec.nodes if node.code]
            self.store.ledger.remember_code(self.graph.code.texts(known))

    def _shape(self, record: RunRecord) -> tuple[Shape, Group]:
        """The project as it is in the run's interval."""
        dag, grouping = self.graph.order(self.session.dag)
        group = grouping.group(record.group)
        shape = Shape(dag=dag, grouping=grouping, code=self.code)
        if not self.session.interval_dependent:
            return shape, group
        planned = PlannedRun(group=group, interval=record.interval, nodes=())
        spec, _ = self._maker(shape, ()).spec_of(
            planned, run_id=record.run_id, kind=record.kind, invocation={}
        )
        dag, grouping = self.graph.order(self.session.dag_for(spec.variables))
        return Shape(dag=dag, grouping=grouping, code=self.code), group

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
        try:
            chosen = members & select(dag, tuple(wanted), indirect=self.session.indirect_selection)
        except ProjectError as error:
            raise EmptySelectionError(str(error)) from error
        if not chosen:
            raise EmptySelectionError(
                f"the selection {' '.join(wanted)!r} holds nothing of the group {record.group}"
            )
        return chosen

    def _to_do(self, record: RunRecord, dag: Dag, members: frozenset[str]) -> list[str]:
        reprocess = Reprocess(record.invocation.get("reprocess") or Reprocess.MISSING)
        if record.invocation.get("full_refresh"):
            reprocess = Reprocess.ALL
        free = {uid for uid in members if dag[uid].kind in INTERVAL_FREE_KINDS}
        entries = dict(self.store.ledger.entries(members - free, record.interval))
        if free:
            entries |= self.store.ledger.entries(free)
        changed = self._changes(entries) if reprocess is Reprocess.CHANGED or free else _unchanged
        standings = standings_over(dag, members, record.interval, entries, changed)
        return list(nodes_to_run(dag, members, standings, reprocess))

    def _changes(self, entries: Mapping[str, Sequence[LedgerEntry]]) -> ChangedIn:
        if self.graph.code is None:
            return _unchanged
        return CodeChanges(self.graph.code, self.session.adapter_type, self.store.ledger, entries)


def _unchanged(_uid: str, _code: str) -> str:
    return ""


def _always(shape: Shape, *_: Any) -> Shape:
    return shape
