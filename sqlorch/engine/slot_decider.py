"""From due slots to queued runs and recorded skips, group by group.

What becomes of due slots is :func:`sqlorch.domain.catchup.catchup`'s to say; here it is carried out: slots a
person has already made by hand are recorded as such, the rest is cut into batches, and everything is written
piece by piece in order of time, each piece in one transaction that moves the cursor. A crash between two
pieces leaves a cursor from which the next tick goes on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, islice, takewhile
from typing import TYPE_CHECKING

from sqlorch.domain.catchup import COUNTED, RUNS_PER_DECISION, CatchupPolicy, Decision, catchup
from sqlorch.domain.describe import name_slot
from sqlorch.domain.errors import StateError
from sqlorch.domain.interval import Interval
from sqlorch.domain.scheduling import GroupState, GroupStatus, NewRun, RunKind, SlotDecision
from sqlorch.domain.settled import made_by_hand
from sqlorch.domain.sla import CATCHUP
from sqlorch.domain.snapshot import Snapshot, spec_hash
from sqlorch.domain.timetable import batched
from sqlorch.domain.variables import new_run_id

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.engine.scheduler_store import SchedulerStore

WHO = "daemon"
AT_ONCE = 50
"""Groups decided in one transaction, which should not hold the state file for long."""
_NEAR = timedelta(days=3)
_SUFFIX = 12  # hexadecimal digits: thousands of groups may be due at the same instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What a tick made of one group's due slots; ``error`` says why it could not be decided."""

    state: GroupState
    created: tuple[str, ...] = ()
    skipped: int = 0
    held: str = ""
    error: StateError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proposal:
    """What is to be written for one group, in this order."""

    state: GroupState
    decisions: tuple[SlotDecision, ...] = ()
    held: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Neighbouring slots that share a run, or the reason they are skipped for."""

    slots: tuple[Interval, ...]
    run: Interval | None = None
    reason: str = ""


class SlotDecider:
    """Decides due slots.

    Args:
        store: where decisions are written.
        snapshot: the project.
    """

    def __init__(self, store: SchedulerStore, snapshot: Snapshot) -> None:
        self._store = store
        self._snapshot = snapshot
        self._read: Mapping[str, Sequence[LedgerEntry]] | None = None

    def decide(self, states: Iterable[GroupState], now: datetime) -> Iterator[Decided]:
        """Decide the slots of active groups that are due, the first of them where there are many.

        Too many to be decided without asking hold a group, with an alert; those a person has made by hand do
        not count. Groups are written many at a time: a commit waits for the disk.
        """
        coming = iter(states)
        while some := list(islice(coming, AT_ONCE)):
            self._read_ledger(some, now)
            together = [self._propose(state, now) for state in some]
            decisions = [one for proposal in together for one in proposal.decisions]
            answers = iter(self._store.schedule.decide_all(decisions, now=now) if decisions else ())
            for proposal in together:
                yield _settled(proposal, list(islice(answers, len(proposal.decisions))))

    def _read_ledger(self, states: Sequence[GroupState], now: datetime) -> None:
        """Read what was made by hand for all of these groups at once, unless some are far behind."""
        cursors = [state.cursor for state in states if state.cursor is not None]
        self._read = None
        if len(cursors) > 1 and now - min(cursors) <= _NEAR:
            members = [uid for state in states for uid in self._snapshot.members(state.name)]
            self._read = self._store.ledger.entries(members, Interval(min(cursors), now))

    def _propose(self, state: GroupState, now: datetime) -> _Proposal:
        group = self._snapshot.groups[state.name]
        decision = self._decision(group, state, now)
        if not decision.held:
            return self._carry_out(group, state, decision, now)
        done = self._leading_done(group, state, now)
        if done:
            return self._proposal(group, state, done, now)
        return self._hold(group, state, decision, now)

    def _decision(self, group: Group, state: GroupState, now: datetime) -> Decision:
        """What becomes of the next due slots; of so many that full batches can be cut from them."""
        decision = self._next_decision(group, state, now)
        wanted = RUNS_PER_DECISION * group.batch
        while decision.runs and not decision.skips and RUNS_PER_DECISION <= len(decision.runs) < wanted:
            more = self._next_decision(group, replace(state, cursor=decision.cursor), now)
            if not more.runs or more.skips:
                break
            decision = replace(decision, runs=decision.runs + more.runs, cursor=more.cursor)
        return decision

    def _next_decision(self, group: Group, state: GroupState, now: datetime) -> Decision:
        asked = self._asked_for(group, state, now)
        if asked is not None:
            return asked
        return catchup(
            group.timetable,
            state.cursor,
            now,
            group.rules.catchup,
            group.rules.catchup_max,
            watching_since=state.watched_since,
        )

    def _asked_for(self, group: Group, state: GroupState, now: datetime) -> Decision | None:
        """What a person's decision comes to, as long as a slot it is about is left."""
        if not state.catchup:
            return None
        until = now if state.watched_since is None else min(now, state.watched_since)
        asked = catchup(group.timetable, state.cursor, until, CatchupPolicy(state.catchup), None)
        return asked if asked.runs or asked.skips else None

    def _hold(self, group: Group, state: GroupState, decision: Decision, now: datetime) -> _Proposal:
        reason = _say_held(group, state, decision)
        payload = {"group": group.name, "reason": reason, "due": decision.due, "owner": group.owner}
        # the alert first: should this process die in between, the next tick finds the group not yet held
        self._store.alerts.raise_alert(f"held:{group.name}:{state.cursor}", "group_held", payload, now=now)
        self._store.schedule.set_status(group.name, GroupStatus.HELD, reason=reason, who=WHO, now=now)
        return _Proposal(state=replace(state, status=GroupStatus.HELD, reason=reason), held=reason)

    def _carry_out(self, group: Group, state: GroupState, decision: Decision, now: datetime) -> _Proposal:
        pieces = sorted(
            [
                *self._run_pieces(group, decision.runs),
                *(_Piece(slots=(slot,), reason=decision.skip_reason) for slot in decision.skips),
            ],
            key=lambda piece: piece.slots[0],
        )
        return self._proposal(group, state, pieces, now)

    def _run_pieces(self, group: Group, runs: Sequence[Interval]) -> Iterator[_Piece]:
        """Intervals to run as pieces: without what is done already, and in batches."""
        slots = [slot for run in runs for slot in _slots_of(group, run)]
        by_hand = self._made_by_hand(group, slots)
        size = len(slots) if len(slots) > len(runs) else group.batch  # coalesced, or each on its own
        for done, neighbours in groupby(slots, key=lambda slot: slot in by_hand):
            cut = list(neighbours)
            if done:
                yield from (_Piece(slots=(slot,), reason=by_hand[slot]) for slot in cut)
                continue
            for cover in batched(cut, max(size, 1)):
                yield _Piece(slots=tuple(slot for slot in cut if cover.contains(slot)), run=cover)

    def _leading_done(self, group: Group, state: GroupState, now: datetime) -> list[_Piece]:
        """Slots from the cursor on that a person has made by hand, without a gap."""
        decision = catchup(group.timetable, state.cursor, now, CatchupPolicy.ALL, None)
        by_hand = self._made_by_hand(group, decision.runs)
        pieces: list[_Piece] = []
        for slot in decision.runs:
            if slot not in by_hand:
                break
            pieces.append(_Piece(slots=(slot,), reason=by_hand[slot]))
        return pieces

    def _made_by_hand(self, group: Group, slots: Sequence[Interval]) -> dict[Interval, str]:
        members = [self._snapshot.nodes[uid] for uid in self._snapshot.members(group.name)]
        if not slots or not members:
            return {}
        entries = self._read
        if entries is None:
            span = Interval(slots[0].start, slots[-1].end)
            entries = self._store.ledger.entries([node.unique_id for node in members], span)
        return made_by_hand(slots, members, entries) if entries else {}

    def _proposal(
        self, group: Group, state: GroupState, pieces: Sequence[_Piece], now: datetime
    ) -> _Proposal:
        decisions: list[SlotDecision] = []
        expected = state.cursor
        for said, part in _in_transactions(pieces):
            cursor = part[-1].slots[-1].end
            skips = tuple(slot for piece in part if piece.run is None for slot in piece.slots)
            self._tell_skips(group, skips, said, now)
            decisions.append(
                SlotDecision(
                    group=group.name,
                    expected=expected,
                    cursor=cursor,
                    runs=tuple(
                        self._new_run(group, state, piece, now) for piece in part if piece.run is not None
                    ),
                    skips=skips,
                    reason=said,
                )
            )
            expected = cursor
        return _Proposal(state=state, decisions=tuple(decisions))

    def _tell_skips(self, group: Group, skips: Sequence[Interval], reason: str, now: datetime) -> None:
        if not skips or not reason.startswith("catchup_"):
            return
        first, last = (name_slot(slot, group.timezone) for slot in (skips[0], skips[-1]))
        payload = {
            "group": group.name,
            "reason": reason,
            "count": len(skips),
            "first": first,
            "last": last,
            "owner": group.owner,
        }
        dedupe = f"skipped:{group.name}:{skips[0].start.isoformat()}"
        self._store.alerts.raise_alert(dedupe, "slot_skipped", payload, now=now)

    def _new_run(self, group: Group, state: GroupState, piece: _Piece, now: datetime) -> NewRun:
        interval = piece.run or piece.slots[0]
        missed = state.watched_since is not None and interval.end <= state.watched_since
        return NewRun(
            run_id=slot_run_id(group.name, interval.start),
            group=group.name,
            kind=RunKind.SCHEDULED,
            interval=interval,
            timezone=group.timezone,
            slots=piece.slots,
            due_at=min(interval.end, now),
            spec_hash=spec_hash(group),
            parameters={CATCHUP: True} if missed else {},
        )


def _settled(proposal: _Proposal, answers: Sequence[bool | StateError]) -> Decided:
    """What became of a proposal: all up to the first that was refused, since the others build on it."""
    state = proposal.state
    error = next((answer for answer in answers if isinstance(answer, StateError)), None)
    written = list(takewhile(lambda pair: pair[1] is True, zip(proposal.decisions, answers, strict=True)))
    if written:
        state = replace(state, cursor=written[-1][0].cursor)
    return Decided(
        state=state,
        created=tuple(run.run_id for one, _ in written for run in one.runs),
        skipped=sum(len(one.skips) for one, _ in written),
        held=proposal.held,
        error=error,
    )


def slot_run_id(group: str, start: datetime) -> str:
    """The id of the one run of the slot that starts then, whoever asks for it."""
    digest = hashlib.sha256(f"{group}|{start.isoformat()}".encode()).hexdigest()
    return new_run_id("scheduled", start, digest[:_SUFFIX])


def _slots_of(group: Group, run: Interval) -> Iterator[Interval]:
    """The slots an interval to run is made of: itself, or many where they are coalesced."""
    if run.start == run.end:
        yield run
        return
    slot = group.timetable.next_slot(run.start)
    while slot is not None and slot.end <= run.end:
        yield slot
        slot = group.timetable.next_slot(slot.end)


def _in_transactions(pieces: Sequence[_Piece]) -> Iterator[tuple[str, list[_Piece]]]:
    """Cut pieces into transactions: one records skips for one reason only, and any runs beside them."""
    part: list[_Piece] = []
    reason = ""
    for piece in pieces:
        if piece.reason and reason and piece.reason != reason:
            yield reason, part
            part, reason = [], ""
        part.append(piece)
        reason = piece.reason or reason
    if part:
        yield reason, part


def _say_held(group: Group, state: GroupState, decision: Decision) -> str:
    first = group.timetable.next_slot(state.cursor) if state.cursor is not None else None
    since = f" since {name_slot(first, group.timezone)}" if first is not None else ""
    least = "at least " if decision.due == COUNTED else ""
    return (
        f"{least}{decision.due} intervals are due{since}, more than catchup_max {group.rules.catchup_max}; "
        f"decide with: sqlorch catchup {group.name} --all | --latest | --coalesce | --skip"
    )
