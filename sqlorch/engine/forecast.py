"""What would run and why, group by group: a function of the project, of what is remembered, and of now."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from sqlorch.domain.coverage import (
    Changed,
    SlotAxis,
    Standing,
    Stretch,
    Verdict,
    newest_verdict,
    timeline,
)
from sqlorch.domain.dag import Dag
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, Reprocess
from sqlorch.domain.pieces import Piece, cut_pieces
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS
from sqlorch.domain.scheduling import GroupState, GroupStatus, OpenRun, Slot, SlotStatus
from sqlorch.domain.snapshot import Snapshot
from sqlorch.domain.upstream import (
    Upstream,
    find_lacks,
    needed_slots,
    never_built,
    say_never_built,
    say_waiting,
)
from sqlorch.engine.forecast_slots import GroupSlots, Settled, settle, slots_of

ChangedIn = Callable[[str, str], str]
"""What has changed in a node since a fingerprint was current: ``(unique id, fingerprint) -> words``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is remembered, as the store answers.

    Attributes:
        states: groups that were enrolled.
        slots: decided slots by group.
        entries: the ledger by node.
        open_runs: runs that have not ended.
    """

    states: Mapping[str, GroupState] = field(default_factory=dict)
    slots: Mapping[str, Sequence[Slot]] = field(default_factory=dict)
    entries: Mapping[str, Sequence[LedgerEntry]] = field(default_factory=dict)
    open_runs: Sequence[OpenRun] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person wants to know.

    Attributes:
        groups: names of groups; all when empty.
        nodes: nodes to speak of; None for all.
        span: the time asked about, in a group's zone; None for all of it.
        reprocess: which intervals that were decided before count as work.
    """

    groups: frozenset[str] = frozenset()
    nodes: frozenset[str] | None = None
    span: Callable[[Group], Interval | None] = lambda _group: None
    reprocess: Reprocess = Reprocess.MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupForecast:
    """What there is to say of one group.

    Attributes:
        group: the group.
        state: what is remembered of it, None before a daemon has seen it.
        members: its nodes that were asked about, in topological order.
        span: the time asked about, None for all of it.
        axis: its slots and which of them are decided.
        lines: how each member stands, as stretches over the slots; one that does not depend on the interval
            has a single stretch.
        due: what the slots that are due make of it, under the catchup policy.
        settled: the runs of the due slots, and the slots skipped.
        skipped: decided slots that were skipped on record, by reason.
        again: slots that no run is due for, with work by ``reprocess``: gaps and failures of before, and what
            was made with other code.
        held: why nothing due would run without a person's decision, ``""``.
        waits: what the oldest due run waits for in other groups, ``""``.
        open_runs: runs under way or queued.
        changed: what has changed by member, where some done slot was made with other code; and in how many.
        by_hand: how members stand by their newest outcome to which the interval does not matter: seeds, and
            everything in a group without a schedule.
    """

    group: Group
    state: GroupState | None
    members: tuple[str, ...]
    span: Interval | None
    axis: GroupSlots
    lines: Mapping[str, Sequence[Stretch]]
    due: Sequence[Piece] = ()
    settled: Settled = field(default_factory=Settled)
    again: Sequence[Piece] = ()
    skipped: Mapping[str, Sequence[Interval]] = field(default_factory=dict)
    held: str = ""
    waits: str = ""
    open_runs: Sequence[OpenRun] = ()
    changed: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    by_hand: Mapping[str, Verdict] = field(default_factory=dict)


def forecast(
    snapshot: Snapshot, dag: Dag, known: Known, asked: Asked, *, now: datetime, changed: ChangedIn
) -> Iterator[GroupForecast]:
    """Say of each group what would run and why, in the order groups run.

    Args:
        snapshot: groups and nodes.
        dag: the project's graph.
        known: what is remembered.
        asked: what to speak of.
        now: the current instant.
        changed: compares code.
    """
    for name, group in snapshot.groups.items():
        if asked.groups and name not in asked.groups:
            continue
        wanted = snapshot.members(name) if asked.nodes is None else snapshot.members(name) & asked.nodes
        members = tuple(sorted(wanted, key=dag.position.__getitem__))
        if members:
            yield _Group(snapshot, dag, known, asked, now, changed, group, members).forecast()


@dataclass(frozen=True, slots=True)
class _Group:
    """One group while it is looked at."""

    snapshot: Snapshot
    dag: Dag
    known: Known
    asked: Asked
    now: datetime
    changed: ChangedIn
    group: Group
    members: tuple[str, ...]

    def forecast(self) -> GroupForecast:
        group, span = self.group, self.asked.span(self.group)
        state = self.known.states.get(group.name)
        open_runs = [run for run in self.known.open_runs if run.group == group.name]
        if not group.timetable.scheduled and span is None:
            return self._by_hand(state, open_runs)
        axis = self._axis(state, span)
        lines = dict(self._lines(axis.slots))
        due_slots = axis.slots[axis.decided :]
        settled = settle(group, state, due_slots)
        places = range(axis.decided, len(axis.slots))
        due = self._pieces(axis.slots, places, lines, frozenset(settled.skips), Reprocess.MISSING)
        runs = tuple(_with_work(settled.runs, due, axis.slots))
        taken = _pending(axis.slots, open_runs) | frozenset(settled.skips) | _covered(due, axis.slots)
        return GroupForecast(
            group=group,
            state=state,
            members=self.members,
            span=span,
            axis=axis,
            lines=lines,
            due=due,
            settled=Settled(runs=runs, skips=settled.skips, reason=settled.reason),
            again=self._pieces(axis.slots, range(len(axis.slots)), lines, taken, self.asked.reprocess),
            skipped=self._skipped(axis),
            held=self._held(state, axis) if span is None or due else "",
            waits=self._waits(runs[0]) if runs else "",
            open_runs=open_runs,
            changed=_changed({uid: lines[uid] for uid in self._bound()}),
            by_hand={uid: verdict for uid, verdict in self._newest().items() if uid not in self._bound()},
        )

    def _pieces(
        self,
        slots: Sequence[Interval],
        places: range,
        lines: Mapping[str, Sequence[Stretch]],
        left_out: frozenset[Interval],
        reprocess: Reprocess,
    ) -> list[Piece]:
        """What is to be made; an interval is not worked on for the sake of a seed alone."""
        bound = self._bound()
        return [
            piece
            for row in _unbroken(slots, places, left_out)
            for piece in cut_pieces(self.dag, lines, row, reprocess)
            if any(work.cause in bound for work in piece.work.values())
        ]

    def _bound(self) -> frozenset[str]:
        """Members that depend on the interval; all of them where none does."""
        found = frozenset(uid for uid in self.members if self.dag[uid].kind not in INTERVAL_FREE_KINDS)
        return found or frozenset(self.members)

    def _newest(self) -> dict[str, Verdict]:
        return {
            uid: newest_verdict(self.known.entries.get(uid, ()), self._changed_in(uid))
            for uid in self.members
        }

    def _skipped(self, axis: GroupSlots) -> Mapping[str, Sequence[Interval]]:
        found: dict[str, list[Interval]] = {}
        shown = frozenset(axis.slots[: axis.decided])
        for slot in self.known.slots.get(self.group.name, ()):
            if slot.status is SlotStatus.SKIPPED and slot.interval in shown:
                found.setdefault(slot.reason, []).append(slot.interval)
        return found

    def _axis(self, state: GroupState | None, span: Interval | None) -> GroupSlots:
        group = self.group
        if not group.timetable.scheduled and span is not None:
            return GroupSlots(slots=(span,), decided=1, cursor=None, total_due=0, counted=True, next_due=None)
        entries = (
            self.known.entries.get(uid, ())
            for uid in self.members
            if self.dag[uid].kind not in INTERVAL_FREE_KINDS
        )
        slots = self.known.slots.get(group.name, ())
        return slots_of(group, state, slots, entries, span=span, now=self.now)

    def _lines(self, slots: Sequence[Interval]) -> Iterator[tuple[str, Sequence[Stretch]]]:
        axis = SlotAxis(slots)
        for uid in self.members:
            entries = self.known.entries.get(uid, ())
            if not slots:
                yield uid, ()
            elif self.dag[uid].kind in INTERVAL_FREE_KINDS:
                verdict = newest_verdict(entries, self._changed_in(uid))
                yield uid, (Stretch(verdict=verdict, first=0, last=len(slots) - 1),)
            else:
                yield uid, axis.stretches(timeline(entries, self._changed_in(uid)))

    def _changed_in(self, uid: str) -> Changed:
        return partial(self.changed, uid)

    def _by_hand(self, state: GroupState | None, open_runs: Sequence[OpenRun]) -> GroupForecast:
        empty = GroupSlots(slots=(), decided=0, cursor=None, total_due=0, counted=True, next_due=None)
        return GroupForecast(
            group=self.group,
            state=state,
            members=self.members,
            span=None,
            axis=empty,
            lines={},
            open_runs=open_runs,
            by_hand=self._newest(),
        )

    def _held(self, state: GroupState | None, axis: GroupSlots) -> str:
        if state is not None and state.status is GroupStatus.HELD:
            return state.reason
        limit = self.group.rules.catchup_max
        if limit is None or axis.total_due <= limit or (state is not None and state.catchup):
            return ""
        count = f"{axis.total_due:,}" if axis.counted else f"more than {axis.total_due:,}"
        return (
            f"{count} intervals are due, more than catchup_max {limit}; "
            f"decide with: sqlorch catchup {self.group.name} --all | --latest | --coalesce | --skip"
        )

    def _waits(self, run: Interval) -> str:
        """What the run waits for in the groups it reads from."""
        mode = Upstream(self.group.rules.upstream)
        said = []
        for other, reads in self.snapshot.reads(self.group.name).items():
            above = self.snapshot.groups[other]
            if not above.timetable.scheduled and mode is not Upstream.IGNORE:
                missing = never_built(reads, self.known.entries)
                if missing:
                    said.append(say_never_built(other, [self.snapshot.nodes[uid].name for uid in missing]))
                continue
            slots = tuple(needed_slots(above.timetable, run, mode))
            decided = self.known.slots.get(other, ())
            skipped = [slot.interval for slot in decided if slot.status is SlotStatus.SKIPPED]
            lacks = find_lacks(slots, reads, entries=self.known.entries, runs={}, skipped=skipped)
            if lacks:
                names = {lack.node: self.snapshot.nodes[lack.node].name for lack in lacks}
                state = self.known.states.get(other)
                stopped = "" if state is None or state.status is GroupStatus.ACTIVE else state.status.value
                said.append(say_waiting(other, above.timezone, lacks, names=names, stopped=stopped))
        return "; ".join(said)


def _unbroken(slots: Sequence[Interval], places: range, left_out: Container[Interval]) -> Iterator[range]:
    """Those places whose slots are not left out, in unbroken rows."""
    start: int | None = None
    for place in places:
        if slots[place] in left_out:
            if start is not None:
                yield range(start, place)
            start = None
        elif start is None:
            start = place
    if start is not None:
        yield range(start, places.stop)


def _pending(slots: Sequence[Interval], open_runs: Iterable[OpenRun]) -> frozenset[Interval]:
    """Slots a run is under way or queued for."""
    axis = SlotAxis(slots)
    return frozenset(slots[place] for run in open_runs for place in axis.within(run.interval))


def _covered(pieces: Iterable[Piece], slots: Sequence[Interval]) -> frozenset[Interval]:
    return frozenset(slot for piece in pieces for slot in slots[piece.first : piece.last + 1])


def _with_work(
    runs: Iterable[Interval], pieces: Sequence[Piece], slots: Sequence[Interval]
) -> Iterator[Interval]:
    """The runs over slots in which something is to be made; both are in order."""
    spans = [Interval(slots[piece.first].start, slots[piece.last].end) for piece in pieces]
    at = 0
    for run in runs:
        while at < len(spans) and spans[at].end < run.start:
            at += 1
        if any(span.overlaps(run) or span.contains(run) for span in spans[at : at + 2]):
            yield run


def _changed(lines: Mapping[str, Iterable[Stretch]]) -> dict[str, tuple[str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for uid, stretches in lines.items():
        these = [s for s in stretches if s.verdict.standing is Standing.CHANGED]
        if these:
            reasons = ", ".join(dict.fromkeys(s.verdict.reason for s in these))
            found[uid] = reasons, sum(s.count for s in these)
    return found
