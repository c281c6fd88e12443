"""Records to rows and back, one function a direction, no statement and no transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from sqlorch.domain.history import AttemptRecord, NodeRecord, Owner, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import ErrorClass, NodeResult, NodeSpec, NodeState, Outcome, RunSpec, RunState
from sqlorch.state.codec import (
    clean_text,
    clean_text_or_none,
    from_json,
    from_micros,
    from_micros_or_none,
    seconds_between,
    to_json,
    to_loose_json,
    to_micros,
)

Values = dict[str, Any]


def owner_values(owner: Owner) -> Values:
    """The four owner columns of ``run``."""
    return {
        "owner_host": owner.host,
        "owner_boot_id": owner.boot_id,
        "owner_pid": owner.pid,
        "owner_started": owner.started,
    }


def run_values(spec: RunSpec, *, owner: Owner, now: datetime) -> Values:
    """A new row of ``run``: queued, generation 1."""
    return {
        "run_id": spec.run_id,
        "group_name": spec.group,
        "kind": spec.kind,
        "interval_start": to_micros(spec.interval.start),
        "interval_end": to_micros(spec.interval.end),
        "timezone": spec.timezone,
        "gen": 1,
        "state": RunState.QUEUED,
        "reason": "",
        "created_at": to_micros(now),
        "variables": to_json(spec.variables, what=f"the variables of run {spec.run_id}"),
        "invocation": to_json(spec.invocation, what=f"the invocation of run {spec.run_id}"),
        **owner_values(owner),
    }


def node_values(run_id: str, position: int, node: NodeSpec) -> Values:
    """A new row of ``node_run``: waiting, generation 1, never tried."""
    return {
        "run_id": run_id,
        "unique_id": node.unique_id,
        "name": node.name,
        "kind": node.kind,
        "path": clean_text(node.path),
        "materialized": node.materialized,
        "attached_to": node.attached_to,
        "severity": node.severity,
        "position": position,
        "after_ids": json.dumps(sorted(node.after)),
        "gen": 1,
        "state": NodeState.WAITING,
        "reason": "",
        "tries": 0,
        "gen_tries": 0,
        "code": clean_text(node.code),
        "pool": clean_text(node.pool or ""),
    }


def result_values(result: NodeResult) -> Values:
    """The columns of ``attempt`` that a result fills in."""
    return {
        "outcome": result.outcome,
        "error_class": result.error_class,
        "started_at": to_micros(result.started_at),
        "finished_at": to_micros(result.finished_at),
        "rows": result.rows,
        "failures": result.failures,
        "message": clean_text(result.message),
        "file": clean_text_or_none(result.file),
        "line": result.line,
        "compiled_path": clean_text_or_none(result.compiled_path),
        "log_path": clean_text_or_none(result.log_path),
        "adapter_response": to_loose_json(result.adapter_response),
        "timing": to_loose_json(result.timing),
    }


def run_record(row: Row[Any], node_counts: Mapping[str, int]) -> RunRecord:
    """A run from its row and the counts of its nodes."""
    return RunRecord(
        run_id=row.run_id,
        group=row.group_name,
        kind=row.kind,
        interval=Interval(from_micros(row.interval_start), from_micros(row.interval_end)),
        timezone=row.timezone,
        gen=row.gen,
        state=RunState(row.state),
        reason=row.reason,
        created_at=from_micros(row.created_at),
        started_at=from_micros_or_none(row.started_at),
        finished_at=from_micros_or_none(row.finished_at),
        owner=owner_of(row),
        variables=from_json(row.variables),
        invocation=from_json(row.invocation),
        node_counts=node_counts,
    )


def owner_of(row: Row[Any]) -> Owner | None:
    """The owner in a row of ``run``, if it has one."""
    if row.owner_pid is None:
        return None
    return Owner(host=row.owner_host, boot_id=row.owner_boot_id, pid=row.owner_pid, started=row.owner_started)


def node_record(row: Row[Any]) -> NodeRecord:
    """A node from its row joined with its newest attempt."""
    return NodeRecord(
        run_id=row.run_id,
        unique_id=row.unique_id,
        name=row.name,
        kind=row.kind,
        path=row.path,
        materialized=row.materialized,
        position=row.position,
        gen=row.gen,
        state=NodeState(row.state),
        reason=row.reason,
        tries=row.tries,
        after=frozenset(json.loads(row.after_ids)),
        outcome=None if row.outcome is None else Outcome(row.outcome),
        rows=row.rows,
        failures=row.failures,
        seconds=seconds_between(row.started_at, row.finished_at),
        message=row.message or "",
        attached_to=row.attached_to,
        severity=row.severity,
        queued=None if row.queued is None else row.queued / 1_000_000,
    )


def attempt_record(row: Row[Any]) -> AttemptRecord:
    """An attempt from its row."""
    return AttemptRecord(
        attempt_id=row.attempt_id,
        run_id=row.run_id,
        unique_id=row.unique_id,
        gen=row.gen,
        n=row.n,
        fence=row.fence,
        state=row.state,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        error_class=None if row.error_class is None else ErrorClass(row.error_class),
        started_at=from_micros(row.started_at),
        finished_at=from_micros_or_none(row.finished_at),
        rows=row.rows,
        failures=row.failures,
        message=row.message,
        file=row.file,
        line=row.line,
        compiled_path=row.compiled_path,
        log_path=row.log_path,
        adapter_response=from_json(row.adapter_response),
        timing=from_json(row.timing),
    )
