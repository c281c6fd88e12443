"""An alert as one line of the daemon's log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlorch.domain.alert_text import SAID
from sqlorch.domain.alerts import kind_of
from sqlorch.domain.describe import why_skipped


def alert_line(kind: str, payload: Mapping[str, Any]) -> str:
    """What has happened, in a sentence; the same facts stand in the alert itself.

    Args:
        kind: of the alert.
        payload: its facts. Those that are missing are left out of the sentence.
    """
    run_id = payload.get("run_id")
    if kind in _OWN_WORDS and not run_id:
        return _OWN_WORDS[kind](payload)
    if kind == "node_slow":
        return f"run {run_id}: {payload.get('node')} takes longer than expected"
    if run_id:
        return _because(f"run {run_id}{_about(payload)} {SAID.get(kind) or kind_of(kind).title}", payload)
    group = payload.get("group")
    return _because(f"{group}: {kind_of(kind).title}" if group else kind_of(kind).title, payload)


def _about(payload: Mapping[str, Any]) -> str:
    known = [str(payload[name]) for name in ("group", "interval") if payload.get(name)]
    return f" ({' '.join(known)})" if known else ""


def _because(said: str, payload: Mapping[str, Any]) -> str:
    reason = payload.get("reason")
    left = payload.get("still_failed")
    return f"{said}{f': {reason}' if reason else ''}{f'; still failed: {left}' if left else ''}"


def _skipped(payload: Mapping[str, Any]) -> str:
    count, first, last = (payload.get(name) for name in ("count", "first", "last"))
    intervals = (
        "1 interval" if count == 1 else f"{count:,} intervals" if isinstance(count, int) else "intervals"
    )
    span = f", {first}" if first == last else f", {first} to {last}"
    why = why_skipped(str(payload.get("reason") or ""))
    return _because(f"skipped {intervals} of {payload.get('group')}{span}", {"reason": why})


def _held(payload: Mapping[str, Any]) -> str:
    return _because(f"{payload.get('group')} is held", payload)


def _undecided(payload: Mapping[str, Any]) -> str:
    return _because(f"{payload.get('group')} cannot be scheduled", payload)


def _backfill(payload: Mapping[str, Any]) -> str:
    return _because(f"the backfill {payload.get('backfill')} of {payload.get('group')} failed", payload)


def _clock(payload: Mapping[str, Any]) -> str:
    return str(payload.get("reason") or kind_of("clock_jumped").title)


_OWN_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        "slot_skipped": _skipped,
        "group_held": _held,
        "group_undecided": _undecided,
        "backfill_failed": _backfill,
        "clock_jumped": _clock,
    }
)
