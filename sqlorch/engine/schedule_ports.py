"""The seams of the scheduler, as Protocols. Every method is one transaction; a refusal changes nothing.

One store object implements them all over one database (``sqlorch.state``); they are apart because nobody
needs all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlorch.domain.errors import StateError
    from sqlorch.domain.history import Owner
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.lease import Role, Standing
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.domain.run import RunSpec
    from sqlorch.domain.scheduling import (
        Alert,
        Backfill,
        BackfillSlot,
        BackfillState,
        DatasetEvent,
        Enrolment,
        GroupState,
        GroupStatus,
        NewRun,
        OpenRun,
        Rescue,
        Slot,
        SlotDecision,
    )


class ScheduleStore(Protocol):
    """Groups, their cursors, and the slots decided so far."""

    def groups(self) -> Mapping[str, GroupState]:
        """Every group ever enrolled, by name."""

    def enrol(
        self, name: str, *, cursor: datetime | None, spec_hash: str, watched_since: datetime, now: datetime
    ) -> GroupState:
        """Remember a group seen for the first time, or its changed schedule.

        A cursor once set is never moved by this; ``cursor`` counts only where none is stored.
        """

    def enrol_all(
        self, groups: Sequence[Enrolment], *, watched_since: datetime, now: datetime
    ) -> Mapping[str, GroupState]:
        """:meth:`enrol` many groups at once, in one transaction: for the first start of a large project."""

    def watch(self, since: datetime) -> None:
        """A daemon starts: what falls due from now on is not missed.

        A group where a person's decision on missed slots (``catchup``) is still being carried out stays as it
        is. The decision is done with, and forgotten, once a slot after ``watched_since`` is decided.
        """

    def set_status(
        self, name: str, status: GroupStatus, *, reason: str, who: str, now: datetime, catchup: str = ""
    ) -> bool:
        """Pause, resume or hold; False when it had that status already. Written to the audit trail.

        Becoming active sets ``watched_since`` to now, and ``catchup`` as the decision for what was missed.

        Raises:
            StateError: no such group.
        """

    def decide(
        self,
        name: str,
        *,
        expected: datetime | None,
        cursor: datetime,
        runs: Sequence[NewRun] = (),
        skips: Sequence[Interval] = (),
        reason: str = "",
        now: datetime,
    ) -> bool:
        """Queue runs, record skips and move the cursor, all or nothing.

        False, with nothing changed, when the cursor is not ``expected`` any more or a slot was decided. Where
        the first window begins after ``expected``, because the start of the schedule was moved, the hole is
        recorded as skipped.

        Raises:
            StateError: no such group; a slot does not begin where the one before it ends; the cursor is not
                the end of the last one; a run is of another group, decides no slot, or its id exists.
        """

    def decide_all(self, decisions: Sequence[SlotDecision], *, now: datetime) -> Sequence[bool | StateError]:
        """:meth:`decide` many in one transaction, in order; each is all or nothing by itself.

        What :meth:`decide` would raise for one of them is its answer here, and does not touch the others.
        """

    def slots(self, name: str, span: Interval | None = None, *, limit: int | None = None) -> list[Slot]:
        """Decided slots that overlap the span, oldest first (the newest ``limit`` of them)."""

    def version(self) -> int:
        """A number that differs whenever another process may have changed the state; cheap to poll."""


class QueueStore(Protocol):
    """Runs that wait for their turn, and those under way."""

    def enqueue(self, run: NewRun, *, now: datetime, consumed: Mapping[str, int] | None = None) -> str:
        """Queue a triggered, dataset or backfill run; returns its id, or that of the one with its key.

        Slots that have a run keep it: a backfill's run of such a slot is a rerun (:meth:`requeue`), never a
        second run. A slot that was skipped, or whose run was pruned, becomes this run's. ``consumed``
        advances the group's dataset cursors with it.

        Raises:
            StateError: one of its slots has a run, lies across a decided one, or is still to be decided by
                the schedule (it ends after the group's cursor, or after ``now``).
        """

    def requeue(
        self,
        run_id: str,
        *,
        now: datetime,
        backfill: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> int:
        """Send a terminal run back to ``queued`` with the next generation; its nodes are chosen when claimed.

        Returns:
            The new generation.

        Raises:
            StateError: no such run, or it has not ended.
        """

    def open_runs(self) -> list[OpenRun]:
        """Every run that is queued, running or cancelling, oldest due first."""

    def explain(self, reasons: Mapping[str, str], *, now: datetime) -> None:
        """Write what queued runs wait for; only what differs is written."""

    def claim(self, spec: RunSpec, *, owner: Owner, now: datetime, max_active: int | None = None) -> bool:
        """Take a queued run: write its nodes and variables, move it to ``running`` under ``owner``.

        False when it is not queued any more, or ``max_active`` runs of its group are under way, or another
        run of an overlapping interval of the group is.
        """

    def request_cancel(self, run_id: str, *, reason: str, who: str, now: datetime) -> bool:
        """Ask the driver of a run to cancel it; one that is still queued is cancelled at once.

        False when it has ended already.

        Raises:
            StateError: no such run.
        """

    def cancel_requested(self, run_id: str) -> str:
        """The reason somebody gave for cancelling the run, ``""`` when nobody asked."""

    def rescue(
        self,
        run_id: str,
        *,
        gen: int,
        was: Owner | None,
        owner: Owner,
        now: datetime,
        budget: int,
        keep: frozenset[str] = frozenset(),
    ) -> Rescue | None:
        """Take over a running run whose driver is gone.

        Live attempts end as lost. Their nodes go to ``up_for_retry``, or to ``failed`` when they were lost
        more than ``budget`` times in this generation or are in ``keep`` (not safe to repeat). None when
        somebody else was quicker (``gen`` or the stored owner differ) or it is not running; one that was
        being cancelled is ended by ``abandon_dead`` of the run store.
        """


class LedgerStore(Protocol):
    """Which interval of which node is done.

    The run store writes it, in the transaction it is about: a node that succeeds is done, one that fails for
    good has failed, and when a run begins, those of its nodes that have entries for the interval are missing.
    """

    def entries(
        self,
        unique_ids: Iterable[str] | None = None,
        span: Interval | None = None,
        *,
        merged: bool = False,
    ) -> Mapping[str, Sequence[LedgerEntry]]:
        """Entries by node that overlap the span or meet it, oldest interval first; every node when None.

        ``merged`` answers with as few as say the same about which time is done with which code: windows that
        follow one another, done with the same code, are one entry, with the run and instant of the newest of
        them. A year of a thousand nodes is then a thousand entries instead of 365,000.
        """

    def mark(self, entries: Sequence[LedgerEntry], *, who: str, now: datetime) -> None:
        """Write entries by hand; in the audit trail."""

    def remember_code(self, texts: Mapping[str, str]) -> None:
        """Keep the code behind fingerprints, each once."""

    def code(self, fingerprints: Iterable[str]) -> Mapping[str, str]:
        """The code behind those fingerprints that are known."""


class BackfillStore(Protocol):
    """Backfills and their slots."""

    def submit(self, backfill: Backfill, slots: Sequence[BackfillSlot], *, who: str, now: datetime) -> None:
        """Remember a backfill and the slots it is about.

        Raises:
            StateError: another backfill of the group is under way over an overlapping range; names it.
        """

    def backfills(self, *, group: str | None = None, unfinished: bool = False) -> list[Backfill]:
        """Backfills, newest first."""

    def backfill(self, backfill_id: str) -> Backfill:
        """One backfill.

        Raises:
            StateError: no such backfill; the nearest ids are named.
        """

    def backfill_slots(self, backfill_id: str, *, state: str | None = None) -> list[BackfillSlot]:
        """Its slots in their order."""

    def move_backfill(
        self,
        backfill_id: str,
        before: BackfillState,
        after: BackfillState,
        *,
        reason: str,
        who: str,
        now: datetime,
    ) -> bool:
        """Compare-and-swap its state; cancelling it cancels its waiting slots."""

    def move_slots(self, backfill_id: str, slots: Sequence[BackfillSlot], *, now: datetime) -> None:
        """Write the state, run and reason of some slots."""


class AlertStore(Protocol):
    """The outbox: what people must learn of. At least once, deduplicated."""

    def raise_alert(self, dedupe: str, kind: str, payload: Mapping[str, Any], *, now: datetime) -> bool:
        """Put it into the outbox; False when it is there already."""

    def alerts(self, *, unsent: bool = False, after: int = 0, limit: int | None = None) -> list[Alert]:
        """Alerts with larger ids than ``after``, oldest first."""

    def sent(self, alert_id: int, *, now: datetime, error: str = "") -> None:
        """It was delivered, or the try failed with ``error``."""


class DatasetStore(Protocol):
    """Events of finished producers; written with the success of a run."""

    def events(self, datasets: Iterable[str], after: Mapping[str, int]) -> list[DatasetEvent]:
        """Events of these datasets after the given event ids, oldest first."""

    def consumed(self, group: str) -> Mapping[str, int]:
        """The last event id a group has consumed, by dataset."""


class DaemonStore(Protocol):
    """Who the daemon is, for people and for the next one."""

    def beat(self, owner: Owner, *, version: str, state: str, now: datetime) -> None:
        """The daemon is alive and in this state (``running``, ``draining``, ``stopped``)."""

    def daemon(self) -> Mapping[str, Any] | None:
        """The last one: owner fields, ``started_at``, ``beat_at``, ``version``, ``state``."""

    def daemons(self, limit: int) -> list[Mapping[str, Any]]:
        """Those that were not stopped, as :meth:`daemon` describes one, newest first; they may have died."""

    def audit(self, limit: int | None = None) -> list[Mapping[str, Any]]:
        """What people did, newest first: ``at``, ``who``, ``action``, ``subject``, ``detail``."""


class LeaseStore(Protocol):
    """Leases of processes that drive runs, by the clock of the store (:mod:`sqlorch.domain.lease`).

    At every moment a lease either holds or is over for good, for everybody.
    """

    def take(self, owner: Owner, role: Role) -> Standing:
        """Begin a lease; it does not lead yet."""

    def renew(self, owner: Owner, *, may_lead: bool) -> Standing | None:
        """Let a lease begin anew; None when it is over.

        Args:
            owner: who has it.
            may_lead: whether that process is ready to lead; how long it has been counts.
        """

    def release(self, owner: Owner) -> None:
        """End a lease now; nothing when there is none."""

    def holds(self, owner: Owner) -> bool:
        """Whether the process has a lease; when it has not, it can never renew one."""

    def standing(self) -> Standing:
        """Every lease that holds."""
