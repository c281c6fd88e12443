"""Backfills, planned and under way, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlorch.cli import text
from sqlorch.domain.describe import name_slot
from sqlorch.domain.interval import format_instant

if TYPE_CHECKING:
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.scheduling import Backfill, BackfillSlot
    from sqlorch.engine.backfill_plan import BackfillPlan

_SHOWN = 12


def plan_lines(plan: BackfillPlan, depth: int = 0) -> Iterator[str]:
    """What a plan comes to, the groups that follow from it indented."""
    indent = "  " * depth
    estimate = "" if plan.seconds is None else f", about {text.seconds(plan.seconds)}"
    again = f", {plan.again} of them again" if plan.again else ""
    yield (
        f"{indent}{plan.group}: {text.number(len(plan.units), 'run')} of {plan.there} in the range{again}, "
        f"{plan.order} first, {plan.parallel} at once{estimate}"
    )
    for note in plan.notes:
        yield f"{indent}  note: {note}"
    for child in plan.children:
        yield from plan_lines(child, depth + 1)


def plan_document(plan: BackfillPlan) -> dict[str, Any]:
    """A plan as JSON."""
    return {
        "group": plan.group,
        "runs": [_interval(unit.interval) | {"run_id": unit.run_id} for unit in plan.units],
        "in_range": plan.there,
        "order": str(plan.order),
        "parallel": plan.parallel,
        "seconds": plan.seconds,
        "notes": list(plan.notes),
        "cascade": [plan_document(child) for child in plan.children],
    }


def backfill_line(one: Backfill) -> str:
    """A backfill in one line."""
    failed = f", {one.failed} failed" if one.failed else ""
    reason = f": {one.reason}" if one.reason else ""
    parent = f", follows {one.parent}" if one.parent else ""
    return f"{one.backfill_id}  {one.group}  {one.state}{reason}  {one.done}/{one.slots} done{failed}{parent}"


def backfill_document(one: Backfill, slots: Sequence[BackfillSlot] | None = None) -> dict[str, Any]:
    """A backfill as JSON, with its slots where they are given."""
    document: dict[str, Any] = {
        "backfill_id": one.backfill_id,
        "group": one.group,
        "interval": _interval(one.interval),
        "state": str(one.state),
        "reason": one.reason,
        "order": one.order,
        "reprocess": one.reprocess,
        "parallel": one.parallel,
        "slots": one.slots,
        "done": one.done,
        "failed": one.failed,
        "parent": one.parent,
    }
    if slots is not None:
        document["list"] = [
            _interval(slot.interval) | {"state": slot.state, "run_id": slot.run_id, "reason": slot.reason}
            for slot in slots
        ]
    return document


def slot_lines(slots: Sequence[BackfillSlot], timezone: str) -> Iterator[str]:
    """What is not done yet, the first of it one by one."""
    left = [slot for slot in slots if slot.state != "done"]
    for slot in left[:_SHOWN]:
        run = f" ({slot.run_id})" if slot.run_id else ""
        reason = f": {slot.reason}" if slot.reason else ""
        yield f"  {name_slot(slot.interval, timezone)} {slot.state}{run}{reason}"
    if len(left) > _SHOWN:
        yield f"  and {len(left) - _SHOWN} more"


def _interval(interval: Interval) -> dict[str, Any]:
    return {"start": format_instant(interval.start), "end": format_instant(interval.end)}
