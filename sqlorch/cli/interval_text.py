"""Rows of intervals and reasons as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlorch.domain.coverage import Standing
from sqlorch.domain.describe import name_slot
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.pieces import Work

STYLES = {
    Standing.DONE: "green",
    Standing.CHANGED: "yellow",
    Standing.MISSING: "cyan",
    Standing.FAILED: "bold red",
}
_NAMES = 3  # nodes named before the rest is counted


def schedule_text(group: Group) -> str:
    """When a group runs: ``@daily``, ``every 6h``, ``after orders``, ``by hand``."""
    if group.keys.schedule:
        return ", ".join(group.keys.schedule)
    if group.keys.every:
        return f"every {group.keys.every}"
    if group.rules.after:
        joined = " and " if group.rules.after_all else " or "
        return "after " + joined.join(name.rpartition(".")[2] for name in group.rules.after)
    return "by hand"


def span_text(slots: Sequence[Interval], first: int, last: int, timezone: str) -> str:
    """``2013-01-03``, or ``2013-01-03 … 2013-01-09 (7)`` for neighbouring slots."""
    begin = name_slot(slots[first], timezone)
    if first == last:
        return begin
    return f"{begin} … {name_slot(slots[last], timezone)} ({last - first + 1:,})"


def interval_document(interval: Interval) -> dict[str, str]:
    """An interval in a document of ``--json``."""
    return {"start": format_instant(interval.start), "end": format_instant(interval.end)}


def named(names: Iterable[str], count: int = _NAMES) -> str:
    """``a, b, c and 4 more``."""
    every = list(names)
    more = len(every) - count
    if more <= 1:  # as short to name it
        return ", ".join(every)
    return f"{', '.join(every[:count])} and {more:,} more"


def work_text(work: Mapping[str, Work], names: Mapping[str, str], members: int) -> str:
    """Which nodes and why: ``stg_a (SQL), fct_b + 3 downstream``, or ``all 14 nodes``."""
    own = {uid: each for uid, each in work.items() if each.cause == uid}
    reasons = {each.verdict.reason for each in own.values()}
    if len(work) == members and len(own) == members and len(reasons) == 1:
        reason = reasons.pop()
        return ("all " if members > 1 else "") + _nodes(members) + (f" ({reason})" if reason else "")
    parts = []
    for reason in dict.fromkeys(each.verdict.reason for each in own.values()):
        these = [names[uid] for uid, each in own.items() if each.verdict.reason == reason]
        parts.append(named(these) + (f" ({reason})" if reason else ""))
    downstream = len(work) - len(own)
    return named(parts) + (f" + {downstream:,} downstream" if downstream else "")


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count:,} nodes"


def worst(work: Mapping[str, Work]) -> Standing:
    """The worst standing among the nodes that are made for their own sake."""
    order = list(Standing)
    own = [each.verdict.standing for uid, each in work.items() if each.cause == uid]
    return max(own, key=order.index)
