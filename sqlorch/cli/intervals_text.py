"""What ``sqlorch intervals`` prints: nodes that stand alike together, time in compact rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from sqlorch.app.planning import Planned
from sqlorch.cli.interval_text import STYLES, node_names, schedule_text, span_text
from sqlorch.cli.text import number
from sqlorch.domain.coverage import Standing, Stretch, Verdict
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.engine.forecast import GroupForecast

_ROWS = 12  # stretches shown one by one
_WORD = 8
_NAMES = 6


def print_intervals(console: Console, planned: Planned, *, missing: bool) -> None:
    """Print how nodes stand, group by group."""
    shown = 0
    for group in planned.groups:
        alike = _alike(group, missing=missing)
        if not alike:
            continue
        its = group.group
        zone = f" {its.timezone}" if its.timetable.scheduled else ""
        console.print(f"[bold]{escape(its.name)}[/]  [dim]{escape(schedule_text(its) + zone)}[/]")
        for rows, uids in alike.items():
            shown += len(uids)
            console.print(f"  {escape(node_names(uids, planned.view.project.dag, _NAMES))}", soft_wrap=True)
            for standing, text in rows:
                style = STYLES[standing]
                console.print(f"    [{style}]{standing:<{_WORD}}[/] {escape(text)}", soft_wrap=True)
        console.print()
    if not shown:
        console.print("nothing is missing" if missing else "there is nothing to show")


Rows = tuple[tuple[Standing, str], ...]


def _alike(group: GroupForecast, *, missing: bool) -> dict[Rows, list[str]]:
    """Nodes by what there is to say of them; those of whom there is nothing to say are left out."""
    found: dict[Rows, list[str]] = {}
    for uid in group.members:
        if uid in group.by_hand:
            rows = _without_interval(group.by_hand[uid], missing=missing)
        else:
            rows = _rows(group.lines[uid], group.axis.slots, group.group.timezone, missing=missing)
        if rows:
            found.setdefault(rows, []).append(uid)
    return found


def _without_interval(verdict: Verdict, *, missing: bool) -> Rows:
    if missing and verdict.standing is Standing.DONE:
        return ()
    plain = {Standing.MISSING: "never run", Standing.DONE: "by the newest run, whatever the interval"}
    return ((verdict.standing, verdict.reason or plain.get(verdict.standing, "")),)


def _rows(stretches: Sequence[Stretch], slots: Sequence[Interval], timezone: str, *, missing: bool) -> Rows:
    wanted = [each for each in stretches if not (missing and each.verdict.standing is Standing.DONE)]
    if len(wanted) <= _ROWS:
        return tuple(
            (each.verdict.standing, span_text(slots, each.first, each.last, timezone) + _why(each))
            for each in wanted
        )
    return tuple(_summed(wanted, slots, timezone))


def _summed(
    stretches: Iterable[Stretch], slots: Sequence[Interval], timezone: str
) -> Iterable[tuple[Standing, str]]:
    by_standing: dict[Standing, list[Stretch]] = {}
    for each in stretches:
        by_standing.setdefault(each.verdict.standing, []).append(each)
    for standing, these in by_standing.items():
        within = span_text((slots[these[0].first], slots[these[-1].last]), 0, 1, timezone)
        count = number(sum(each.count for each in these), "interval")
        yield standing, f"{count} in {number(len(these), 'row')} within {within.removesuffix(' (2)')}"


def _why(stretch: Stretch) -> str:
    return f"  {stretch.verdict.reason}" if stretch.verdict.reason else ""


def intervals_document(planned: Planned, *, missing: bool) -> dict[str, Any]:
    """The document of ``--json``, described in docs/intervals.md."""
    return {
        "at": format_instant(planned.now),
        "groups": [
            {
                "group": group.group.name,
                "timezone": group.group.timezone,
                "nodes": [
                    {"unique_id": uid, "intervals": _document(group, uid, missing=missing)}
                    for uid in group.members
                ],
            }
            for group in planned.groups
        ],
    }


def _document(group: GroupForecast, uid: str, *, missing: bool) -> list[Mapping[str, Any]]:
    if uid in group.by_hand:
        verdict = group.by_hand[uid]
        stretches: Sequence[Stretch] = (Stretch(verdict=verdict, first=0, last=0),)
        ends: Sequence[tuple[str | None, str | None, int | None]] = ((None, None, None),)
    else:
        stretches = group.lines[uid]
        slots = group.axis.slots
        ends = [
            (format_instant(slots[each.first].start), format_instant(slots[each.last].end), each.count)
            for each in stretches
        ]
    return [
        {
            "standing": str(each.verdict.standing),
            "reason": each.verdict.reason or None,
            "start": start,
            "end": end,
            "count": count,
        }
        for each, (start, end, count) in zip(stretches, ends, strict=True)
        if not (missing and each.verdict.standing is Standing.DONE)
    ]
