"""Rows of intervals and reasons as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlorch.cli.text import number
from sqlorch.domain.coverage import Standing
from sqlorch.domain.dag import Dag
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


def node_names(uids: Iterable[str], dag: Dag, count: int = _NAMES) -> str:
    """``fct_flights, fct_delays, with 12 tests``; tests alone are named."""
    every = list(uids)
    tests = [dag[uid].name for uid in every if dag[uid].is_test]
    others = [dag[uid].name for uid in every if not dag[uid].is_test]
    if not others:
        return named(tests, count)
    return named(others, count) + (f", with {number(len(tests), 'test')}" if tests else "")


def work_text(work: Mapping[str, Work], dag: Dag, members: int) -> str:
    """Which nodes and why: ``stg_a (SQL), fct_b + 3 downstream``, or ``all 14 nodes``."""
    own = {uid: each for uid, each in work.items() if each.cause == uid}
    reasons = {each.verdict.reason for each in own.values()}
    if len(work) == members and len(own) == members and len(reasons) == 1:
        reason = reasons.pop()
        return ("all " if members > 1 else "") + number(members, "node") + (f" ({reason})" if reason else "")
    parts = []
    for reason in dict.fromkeys(each.verdict.reason for each in own.values()):
        these = [uid for uid, each in own.items() if each.verdict.reason == reason]
        parts.append(node_names(these, dag) + (f" ({reason})" if reason else ""))
    downstream = len(work) - len(own)
    return named(parts) + (f" + {downstream:,} downstream" if downstream else "")


def worst(work: Mapping[str, Work]) -> Standing:
    """The worst standing among the nodes that are made for their own sake."""
    order = list(Standing)
    own = [each.verdict.standing for uid, each in work.items() if each.cause == uid]
    return max(own, key=order.index)
