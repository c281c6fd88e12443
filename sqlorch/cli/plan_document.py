"""The document of ``sqlorch plan --json``, described in docs/intervals.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlorch.app.planning import Planned, Question
from sqlorch.cli.interval_text import interval_document, schedule_text
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.pieces import Piece
from sqlorch.domain.scheduling import GroupStatus
from sqlorch.engine.forecast import GroupForecast


def plan_document(planned: Planned, question: Question) -> dict[str, Any]:
    """A plan, complete."""
    groups = [_group(group) for group in planned.groups]
    return {
        "at": format_instant(planned.now),
        "interval": question.interval,
        "reprocess": str(question.reprocess),
        "groups": groups,
        "due_runs": sum(len(group["due"]["runs"]) for group in groups),
        "intervals_again": sum(piece.count for group in planned.groups for piece in group.again),
        "warnings": [str(reference) for reference in planned.view.project.unresolved],
    }


def _group(group: GroupForecast) -> dict[str, Any]:
    state, axis = group.state, group.axis
    return {
        "group": group.group.name,
        "schedule": schedule_text(group.group),
        "timezone": group.group.timezone,
        "status": str(GroupStatus.ACTIVE if state is None else state.status),
        "reason": "" if state is None else state.reason,
        "enrolled": state is not None,
        "cursor": _instant(axis.cursor),
        "next_due": _instant(axis.next_due),
        "nodes": list(group.members),
        "held": group.held or None,
        "waits": group.waits or None,
        "due": {
            "intervals": axis.total_due,
            "counted": axis.counted,
            "runs": [interval_document(run) for run in group.settled.runs],
            "skipped": [interval_document(slot) for slot in group.settled.skips],
            "skip_reason": group.settled.reason or None,
            "work": _work(group.due, axis.slots),
        },
        "again": _work(group.again, axis.slots),
        "skipped": [
            {"reason": reason, "intervals": [interval_document(slot) for slot in slots]}
            for reason, slots in group.skipped.items()
        ],
        "changed": [
            {"unique_id": uid, "changed": what, "intervals": count}
            for uid, (what, count) in group.changed.items()
        ],
        "open_runs": [
            {
                "run_id": run.run_id,
                "state": str(run.state),
                "reason": run.reason,
                "interval": interval_document(run.interval),
            }
            for run in group.open_runs
        ],
        "by_hand": [
            {"unique_id": uid, "standing": str(verdict.standing), "reason": verdict.reason or None}
            for uid, verdict in group.by_hand.items()
        ],
    }


def _work(pieces: Iterable[Piece], slots: Sequence[Interval]) -> list[dict[str, Any]]:
    return [
        {
            "intervals": [interval_document(slot) for slot in slots[piece.first : piece.last + 1]],
            "nodes": [
                {
                    "unique_id": uid,
                    "standing": str(work.verdict.standing),
                    "reason": work.verdict.reason or None,
                    "because_of": None if work.cause == uid else work.cause,
                }
                for uid, work in piece.work.items()
            ],
        }
        for piece in pieces
    ]


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else format_instant(instant)
