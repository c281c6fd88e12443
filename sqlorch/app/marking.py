"""``sqlorch mark``: what a person knows better than the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from sqlorch.app.clock import SystemClock
from sqlorch.app.lineage import LineageView, open_view
from sqlorch.app.own_target import claim_target
from sqlorch.app.person import this_person
from sqlorch.app.snapshot import take_snapshot
from sqlorch.app.workspace import Choices
from sqlorch.domain.dag import Dag
from sqlorch.domain.describe import compact
from sqlorch.domain.errors import ConfigError, StateError
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.periods import parse_period
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import OpenRun
from sqlorch.domain.selector import select
from sqlorch.domain.snapshot import Snapshot

_UNDER_WAY = frozenset({RunState.RUNNING, RunState.CANCELLING})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRequest:
    """What to mark.

    Attributes:
        mark: as what.
        run_id: the nodes and the interval of this run; or None.
        group, interval: this group over this time; or None.
        select: which of the nodes, in dbt's syntax; all when empty.
    """

    mark: LedgerMark
    run_id: str | None = None
    group: str | None = None
    interval: str | None = None
    select: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What was marked.

    Attributes:
        group: the group.
        nodes: unique ids of the nodes.
        dag: the project.
        slots: the intervals.
        followers: groups that run after what was marked (``after``); a mark starts none.
    """

    group: Group
    nodes: Sequence[str]
    dag: Dag
    slots: Sequence[Interval]
    followers: Sequence[str] = ()


def mark(choices: Choices, request: MarkRequest) -> Marked:
    """Write the ledger by hand; the audit trail says who did.

    What waits for these intervals sees it at its next look. The history of runs stays as it is, and no event
    tells of it: groups with ``after`` are started by runs alone.

    Raises:
        SqlorchError: no such run or group, an interval in which no slot lies, nothing selected, or a run over
            it is under way, which would write the ledger itself.
    """
    view = open_view(choices)
    snapshot = take_snapshot(view, {})
    now = SystemClock().now()
    with view.workspace.store() as store:
        if request.run_id is not None:
            record = store.run(request.run_id)
            group, slots = view.grouping.group(record.group), [record.interval]
            among = {node.unique_id for node in store.nodes(request.run_id)}
        else:
            group = view.grouping.group(request.group or "")
            slots = _slots(group, request.interval or "")
            among = set(snapshot.members(group.name))
        nodes = _chosen(view, among, request.select)
        _refuse_under_way(group, slots, store.queue.open_runs())
        entries = [
            LedgerEntry(unique_id=uid, interval=slot, mark=request.mark, code="", run_id="", gen=0, at=now)
            for uid in nodes
            for slot in slots
        ]
        claim_target(store, view.project.target)
        store.ledger.mark(entries, who=this_person(), now=now)
    return Marked(
        group=group,
        nodes=nodes,
        dag=view.project.dag,
        slots=slots,
        followers=_followers(snapshot, {group.name, *nodes}),
    )


def _followers(snapshot: Snapshot, marked: AbstractSet[str]) -> list[str]:
    return sorted(
        name
        for name in snapshot.groups
        if any(not marked.isdisjoint(datasets) for datasets in snapshot.producers(name).values())
    )


def _slots(group: Group, written: str) -> list[Interval]:
    span = parse_period(written, group.timezone)
    slots = list(group.timetable.slots_within(span))
    if not slots:
        raise ConfigError(
            f"no interval of {group.name} lies wholly inside {compact(span, group.timezone)}; "
            f"see them with: sqlorch intervals --group {group.name}"
        )
    return slots


def _chosen(view: LineageView, among: Iterable[str], selection: tuple[str, ...]) -> list[str]:
    wanted = set(among)
    if selection:
        wanted &= select(view.project.dag, selection)
    if not wanted:
        raise ConfigError("the selection holds none of these nodes")
    last = len(view.project.dag)  # what is in the project no more comes after the rest
    return sorted(wanted, key=lambda uid: (view.project.dag.position.get(uid, last), uid))


def _refuse_under_way(group: Group, slots: Sequence[Interval], open_runs: Iterable[OpenRun]) -> None:
    span = Interval(slots[0].start, slots[-1].end)
    for run in open_runs:
        touches = run.interval.overlaps(span) or run.interval == span or span.contains(run.interval)
        if run.group == group.name and run.state in _UNDER_WAY and touches:
            raise StateError(
                f"{run.run_id} is under way over {compact(run.interval, group.timezone)} and will write what "
                "becomes of it; wait until it has ended, or cancel it first"
            )
