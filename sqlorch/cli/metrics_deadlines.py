"""Deadlines and how far data reaches, as rows of the tables of ``sqlorch metrics`` and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlorch.cli import text
from sqlorch.domain.interval import format_instant
from sqlorch.domain.lengths import spell_seconds

if TYPE_CHECKING:
    from sqlorch.app.trends import Trends
    from sqlorch.domain.sla import Verdict
    from sqlorch.domain.trends import Fresh

_BUILT = frozenset({"model", "snapshot"})  # of seeds an interval says nothing
_DAY = timedelta(days=1)


def deadline_documents(found: Trends) -> list[dict[str, Any]]:
    """One for each group and deadline: how many runs were judged, how many met it, the latest."""
    return [
        {
            "group": group,
            "deadline": kind,
            "within": within.total_seconds(),
            "runs": len(judged),
            "met": sum(bool(each.met) for each in judged),
            "latest": max((late.total_seconds() for each in judged if (late := each.late)), default=0.0),
        }
        for (group, kind, within), judged in _by_deadline(found)
    ]


def deadline_rows(found: Trends) -> Iterator[tuple[str, str, str, float, str]]:
    """Deadline, group, runs, the share that met it, how late the latest was."""
    for each in deadline_documents(found):
        latest = text.seconds(each["latest"]) if each["latest"] else "-"
        words = f"{each['deadline'].replace('_', ' ')} {spell_seconds(each['within'])}"
        yield words, each["group"], f"{each['runs']:,}", each["met"] / each["runs"], latest


def fresh_documents(found: Trends) -> list[dict[str, Any]]:
    """One for each node: until when its data reaches, when it was made, and how long ago the former is."""
    return [
        {
            "unique_id": each.unique_id,
            "data_until": format_instant(each.until),
            "made_at": format_instant(each.made_at),
            "behind": (found.now - each.until).total_seconds(),
        }
        for each in found.fresh
    ]


def oldest_rows(found: Trends) -> Iterator[tuple[str, str, str, str]]:
    """The node of each group whose data reaches least far: its name, the group, until when, how long ago."""
    of_group: dict[str, list[tuple[Fresh, str]]] = defaultdict(list)
    reach = {each.unique_id: each for each in found.fresh}
    for node in found.nodes:
        if node.kind in _BUILT and node.unique_id in reach:
            of_group[node.group].append((reach[node.unique_id], node.name))
    for group, nodes in sorted(of_group.items()):
        oldest, name = min(nodes, key=lambda each: (each[0].until, each[1]))
        yield name, group, f"{oldest.until:%Y-%m-%d %H:%M} UTC", _ago(found.now - oldest.until)


def _by_deadline(found: Trends) -> list[tuple[tuple[str, str, timedelta], list[Verdict]]]:
    """Those that are decided."""
    grouped: dict[tuple[str, str, timedelta], list[Verdict]] = defaultdict(list)
    for each in found.deadlines:
        if each.met is not None:
            grouped[each.run.group, each.deadline.kind, each.deadline.within].append(each)
    return sorted(grouped.items())


def _ago(length: timedelta) -> str:
    if length < timedelta():
        return "-"
    return text.number(length.days, "day") if length >= 2 * _DAY else text.seconds(length.total_seconds())
