"""What the scheduler decides and remembers: groups, slots, runs waiting to start, and what became of them.

Instants are UTC. A *slot* is one interval of a group's schedule; it is decided exactly once, by a run or by a
skip on record (scheduling specification 2.1 and 2.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlorch.domain.history import Owner
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState

_EMPTY: Mapping[str, Any] = MappingProxyType({})


class RunKind(StrEnum):
    """Why a run was made. The first three are driven by the daemon, and taken up again when it died."""

    SCHEDULED = "scheduled"
    BACKFILL = "backfill"
    DATASET = "dataset"
    TRIGGERED = "triggered"  # asked for by a person, driven by the daemon
    MANUAL = "manual"  # driven by the command that made it, `sqlorch run`


class GroupStatus(StrEnum):
    """Whether the daemon makes runs of a group."""

    ACTIVE = "active"
    PAUSED = "paused"  # by a person
    HELD = "held"  # by a guard: a person has to decide


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """What is remembered of a group between ticks.

    Attributes:
        name: the group.
        cursor: end of the last slot decided; None before the first.
        status, reason: whether it is scheduled, and why not.
        watched_since: slots due after it fell due while a daemon watched, so they are not "missed".
        spec_hash: of the schedule keys last seen; a change is told, the cursor stays.
        catchup: what a person decided for the slots due until ``watched_since`` (a
            :class:`~sqlorch.domain.catchup.CatchupPolicy` word), ``""`` when nobody did.
    """

    name: str
    cursor: datetime | None = None
    status: GroupStatus = GroupStatus.ACTIVE
    reason: str = ""
    watched_since: datetime | None = None
    spec_hash: str = ""
    catchup: str = ""


class SlotStatus(StrEnum):
    """How a slot was decided."""

    RUN = "run"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A decided slot. Several slots share a run where runs are batched or coalesced."""

    group: str
    interval: Interval
    status: SlotStatus
    run_id: str | None = None
    reason: str = ""
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be queued; its nodes are filled in when it is claimed, since the project may change till then.

    Attributes:
        run_id: made by :func:`sqlorch.domain.variables.new_run_id`; file-safe, at most 64 characters.
        group, kind, interval, timezone: as on :class:`~sqlorch.domain.run.RunSpec`.
        slots: the slots it decides; empty for triggered and dataset runs.
        due_at: when it became due (for queue times, lateness and SLA).
        trigger_key: makes asking twice one run, within its group; None for scheduled runs.
        backfill: id of the backfill it belongs to.
        spec_hash: of the schedule it was made by.
        parameters: what a retry must repeat and what was asked: ``vars``, ``select``, ``full_refresh``,
            ``reprocess`` (a word of :class:`~sqlorch.domain.ledger.Reprocess`).
    """

    run_id: str
    group: str
    kind: RunKind
    interval: Interval
    timezone: str
    slots: tuple[Interval, ...] = ()
    due_at: datetime
    trigger_key: str | None = None
    backfill: str | None = None
    spec_hash: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotDecision:
    """What is made of a group's next slots, to be written all or nothing.

    Attributes:
        group: the group.
        expected: where its cursor must still be.
        cursor: where it goes: the end of the last of these slots.
        runs: runs to queue, with their slots.
        skips: slots to record as skipped.
        reason: why those are.
    """

    group: str
    expected: datetime | None
    cursor: datetime
    runs: tuple[NewRun, ...] = ()
    skips: tuple[Interval, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A group to be remembered, or its changed schedule; ``cursor`` counts where none is stored."""

    group: str
    cursor: datetime | None
    spec_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRun:
    """A run that has not ended, as the scheduler sees it.

    ``reason`` says what a queued one waits for; ``owner`` is the process that drives (or made) it.
    """

    run_id: str
    group: str
    kind: RunKind
    interval: Interval
    timezone: str
    gen: int
    state: RunState
    reason: str
    created_at: datetime
    started_at: datetime | None
    due_at: datetime | None
    owner: Owner | None
    backfill: str | None
    cancel_requested: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)


class BackfillState(StrEnum):
    """Where a backfill stands."""

    RUNNING = "running"
    PAUSED = "paused"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """A range of a group's slots to be made again or for the first time, as asked for.

    The slots are a snapshot at submission; ``order`` is ``oldest`` or ``newest``; ``reprocess`` a word of
    :class:`~sqlorch.domain.ledger.Reprocess`; ``parallel`` bounds its runs open at once.
    """

    backfill_id: str
    group: str
    interval: Interval
    order: str
    reprocess: str
    parallel: int
    state: BackfillState
    reason: str
    created_at: datetime
    finished_at: datetime | None
    slots: int
    done: int
    failed: int
    parent: str | None = None  # the backfill it cascades from


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillSlot:
    """One slot of a backfill: ``state`` is waiting, queued, done, failed, skipped or cancelled."""

    backfill_id: str
    interval: Interval
    position: int
    state: str
    run_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something a person must learn of, kept until it was delivered.

    ``dedupe`` makes it one however often it is found; ``kind`` is ``run_failed``, ``run_recovered``,
    ``sla_missed``, ``slot_skipped``, ``group_held``, ``reload_failed``, ``worker_lost`` ...
    ``sent_at`` is when nothing was left to be done about it; ``error`` says then who could not be told.
    """

    alert_id: int
    dedupe: str
    kind: str
    payload: Mapping[str, Any]
    created_at: datetime
    tries: int
    sent_at: datetime | None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetEvent:
    """A producer (a group or a model) finished an interval: ``event_id`` only ever grows."""

    event_id: int
    dataset: str
    run_id: str
    gen: int
    interval: Interval
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """What became of a run whose driver died: ``retried`` and ``failed`` nodes by unique id."""

    run_id: str
    retried: tuple[str, ...]
    failed: tuple[str, ...]
