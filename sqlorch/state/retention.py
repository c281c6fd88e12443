"""Forgetting runs that ended long ago: their rows, alerts and audit; never slots, ledger or cursors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, func, select, update

from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import BackfillState
from sqlorch.state.codec import to_micros
from sqlorch.state.engine import Database
from sqlorch.state.tables import (
    alert,
    alert_delivery,
    alert_topic,
    attempt,
    audit,
    backfill,
    backfill_slot,
    daemon,
    dataset_event,
    expectation_result,
    node_run,
    run,
    slot,
    source_freshness,
)

_TERMINAL = [state for state in RunState if state.terminal]
_UNFINISHED = [BackfillState.RUNNING, BackfillState.PAUSED]
_CHUNK = 200  # runs a transaction: others want to write too


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What was, or would be, forgotten.

    ``runs`` are the ids of the runs; of those whose slot is not made yet a line remains, so that it can be
    told and run again. ``records`` counts alerts, audit lines, dataset events, backfills and daemons.
    """

    runs: tuple[str, ...]
    records: int


def prune(database: Database, *, before: datetime, keep: int, dry_run: bool) -> Pruned:
    """Forget runs that ended before an instant, and records as old.

    Args:
        database: the state.
        before: what ended before it is forgotten.
        keep: newest runs of each group that stay however old; one stays in any case.
        dry_run: count only.
    """
    cutoff = to_micros(before)
    with database.read() as connection:
        runs = _old_runs(connection, cutoff, max(1, keep))
        records = sum(
            connection.scalar(select(func.count()).select_from(table).where(*old)) or 0
            for table, old in _old_records(cutoff)
        )
    if dry_run:
        return Pruned(runs=tuple(runs), records=records)
    for start in range(0, len(runs), _CHUNK):
        with database.write() as connection:
            _forget(connection, runs[start : start + _CHUNK])
    with database.write() as connection:
        records = sum(
            connection.execute(delete(table).where(*old)).rowcount for table, old in _old_records(cutoff)
        )
    return Pruned(runs=tuple(runs), records=records)


def remembered(database: Database) -> set[str]:
    """The ids of all runs of which more than a line is known: whose folders are worth something."""
    with database.read() as connection:
        known: set[str] = set(connection.scalars(select(node_run.c.run_id).distinct()))
    return known


def _old_runs(connection: Connection, cutoff: int, keep: int) -> list[str]:
    """Runs to forget, oldest first. Those a backfill is about stay until it has ended."""
    place = func.row_number().over(partition_by=run.c.group_name, order_by=run.c.id.desc())
    ranked = select(run.c.id, place.label("place")).subquery()
    wanted = (
        exists()
        .where(backfill_slot.c.run_id == run.c.run_id)
        .where(backfill.c.backfill_id == backfill_slot.c.backfill_id, backfill.c.state.in_(_UNFINISHED))
    )
    statement = (
        select(run.c.run_id)
        .join(ranked, ranked.c.id == run.c.id)
        .where(run.c.state.in_(_TERMINAL), run.c.finished_at < cutoff, ranked.c.place > keep, ~wanted)
        .where(~_owes_slot() | exists().where(node_run.c.run_id == run.c.run_id))
        .order_by(run.c.id)
    )
    return list(connection.scalars(statement))


def _owes_slot() -> ColumnElement[bool]:
    """Whether the run has a slot and did not make it."""
    return (run.c.state != RunState.SUCCESS) & exists().where(slot.c.run_id == run.c.run_id)


def _forget(connection: Connection, run_ids: Sequence[str]) -> None:
    # it may have been run again since it was chosen
    still = select(run.c.run_id).where(run.c.run_id.in_(run_ids), run.c.state.in_(_TERMINAL))
    chosen: list[str] = list(connection.scalars(still))
    attempts = select(attempt.c.attempt_id).where(attempt.c.run_id.in_(chosen))
    connection.execute(delete(expectation_result).where(expectation_result.c.attempt_id.in_(attempts)))
    connection.execute(delete(attempt).where(attempt.c.run_id.in_(chosen)))
    connection.execute(delete(node_run).where(node_run.c.run_id.in_(chosen)))
    connection.execute(delete(source_freshness).where(source_freshness.c.run_id.in_(chosen)))
    gone: list[str] = list(
        connection.scalars(select(run.c.run_id).where(run.c.run_id.in_(chosen), ~_owes_slot()))
    )
    connection.execute(update(slot).where(slot.c.run_id.in_(gone)).values(reason="done; the run was pruned"))
    connection.execute(delete(run).where(run.c.run_id.in_(gone)))


def _old_records(cutoff: int) -> list[tuple[Table, list[ColumnElement[bool]]]]:
    """Tables and which of their rows are old, in an order in which they may be deleted."""
    newer = dataset_event.alias("newer")
    superseded = exists().where(newer.c.dataset == dataset_event.c.dataset, newer.c.id > dataset_event.c.id)
    later = daemon.alias("later")
    over = [backfill.c.state.not_in(_UNFINISHED), backfill.c.finished_at < cutoff]
    sent = select(alert.c.id).where(alert.c.sent_at < cutoff)
    return [
        (alert_delivery, [alert_delivery.c.alert_id.in_(sent)]),
        (alert_topic, [alert_topic.c.seen_at < cutoff]),
        (alert, [alert.c.sent_at < cutoff]),
        (audit, [audit.c.at < cutoff]),
        # of each dataset the newest stays, for consumers that have not read for as long
        (dataset_event, [dataset_event.c.at < cutoff, superseded]),
        (backfill_slot, [backfill_slot.c.backfill_id.in_(select(backfill.c.backfill_id).where(*over))]),
        (backfill, over),
        (daemon, [daemon.c.beat_at < cutoff, exists().where(later.c.id > daemon.c.id)]),
    ]
