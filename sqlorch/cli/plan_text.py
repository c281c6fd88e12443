"""What ``sqlorch plan`` prints for people: a few lines for each group with work, one for all the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from sqlorch.app.planning import Planned, Question
from sqlorch.cli.interval_text import STYLES, named, node_names, schedule_text, span_text, work_text, worst
from sqlorch.cli.text import number
from sqlorch.domain.coverage import Standing, Verdict
from sqlorch.domain.dag import Dag
from sqlorch.domain.describe import name_slot, name_span, why_skipped
from sqlorch.domain.group import Group
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.pieces import Piece
from sqlorch.domain.reprocess import WANTED
from sqlorch.domain.scheduling import GroupStatus, OpenRun
from sqlorch.engine.forecast import GroupForecast

_ROWS = 8  # of one kind in one group
_WORD = 9
_IDLE = 12  # groups named in the last line


def print_plan(console: Console, planned: Planned, question: Question) -> None:
    """Print a plan."""
    dag = planned.view.project.dag
    idle: list[str] = []
    for group in planned.groups:
        rows = list(_rows(group, dag, question))
        if rows:
            console.print(_title(group), soft_wrap=True)
            for word, style, text in rows:
                console.print(f"  [{style}]{word:<{_WORD}}[/] {escape(text)}", soft_wrap=True)
            console.print()
        else:
            idle.append(group.group.name)
    if idle:
        console.print(f"nothing to do: {escape(named(idle, _IDLE))}", style="dim", soft_wrap=True)
    console.print(escape(_total(planned.groups)), soft_wrap=True)
    if any(group.settled.runs for group in planned.groups) and not any(g.state for g in planned.groups):
        follow = "no daemon has followed these schedules yet: start one with sqlorch daemon"
        console.print(f"[dim]{follow}, or run by hand with sqlorch run --interval ...[/]", soft_wrap=True)


Row = tuple[str, str, str]


def _rows(group: GroupForecast, dag: Dag, question: Question) -> Iterator[Row]:
    if group.state is not None and group.state.status is GroupStatus.PAUSED:
        yield "paused", "magenta", group.state.reason or "by a person"
    if group.held:
        yield "held", "magenta", group.held
    yield from _open(group.open_runs, group.group)
    yield from _due(group, dag)
    again = list(_pieces(group.again, "", group, dag))
    yield from again
    if again:
        yield "", "dim", _remedy(group, question)
    yield from _skipped(group)
    if question.reprocess not in (Reprocess.CHANGED, Reprocess.ALL):
        yield from _changed(group, dag)
    yield from _by_hand(group, dag, question)


def _title(group: GroupForecast) -> str:
    its = group.group
    zone = f" {its.timezone}" if its.timetable.scheduled else ""
    following = ""
    if group.axis.next_due is not None:
        point = Interval(group.axis.next_due, group.axis.next_due)
        following = f", next due {name_slot(point, its.timezone)}"
    return f"[bold]{escape(its.name)}[/]  [dim]{escape(schedule_text(its) + zone + following)}[/]"


def _open(runs: Sequence[OpenRun], group: Group) -> Iterator[Row]:
    for run in runs[:_ROWS]:
        why = f": {run.reason}" if run.reason else ""
        yield str(run.state), "cyan", f"{name_span(run.interval, group.timetable)}  {run.run_id}{why}"
    yield from _more(len(runs), "run")


def _due(group: GroupForecast, dag: Dag) -> Iterator[Row]:
    yield from _pieces(group.due, "due", group, dag)
    batch = group.group.batch
    if batch > 1 and len(group.settled.runs) > 1:
        yield "", "dim", f"in {number(len(group.settled.runs), 'run')} of up to {batch} intervals"
    if group.settled.skips:
        skips = group.settled.skips
        row = span_text(skips, 0, len(skips) - 1, group.group.timezone)
        yield "skips", "yellow", f"{row}: {group.settled.reason}"
    if group.waits:
        yield "waits", "yellow", group.waits.removeprefix("waiting ")


def _pieces(pieces: Sequence[Piece], word: str, group: GroupForecast, dag: Dag) -> Iterator[Row]:
    """One row for each piece; where there are many, one for each standing instead."""
    slots, zone, members = group.axis.slots, group.group.timezone, len(group.members)
    if len(pieces) <= _ROWS:
        for piece in pieces:
            standing = worst(piece.work)
            what = work_text(piece.work, dag, members)
            yield (
                word or standing,
                STYLES[standing],
                f"{span_text(slots, piece.first, piece.last, zone)}  {what}",
            )
        return
    for standing in reversed(Standing):
        these = [piece for piece in pieces if worst(piece.work) is standing]
        if not these:
            continue
        own = Counter(uid for p in these for uid, each in p.work.items() if each.cause == uid)
        begin, end = name_slot(slots[these[0].first], zone), name_slot(slots[these[-1].last], zone)
        count = sum(piece.count for piece in these)
        nodes = node_names((uid for uid, _ in own.most_common()), dag)
        yield (
            word or standing,
            STYLES[standing],
            f"{number(count, 'interval')} within {begin} … {end}  {nodes}",
        )


def _remedy(group: GroupForecast, question: Question) -> str:
    """The command that makes what is listed."""
    slots, zone = group.axis.slots, group.group.timezone
    if not group.group.timetable.scheduled:
        return f"sqlorch run --group {group.group.name} --interval {question.interval}"
    first, last = slots[group.again[0].first].start, slots[group.again[-1].last].end
    begin, end = (name_slot(Interval(end, end), zone).replace(" ", "T") for end in (first, last))
    asked = "" if question.reprocess is Reprocess.MISSING else f" --reprocess {question.reprocess}"
    return f"sqlorch backfill {group.group.name} --from {_day(begin)} --to {_day(end)}{asked}"


def _day(written: str) -> str:
    return written.removesuffix("T00:00")


def _skipped(group: GroupForecast) -> Iterator[Row]:
    for reason, slots in group.skipped.items():
        if not reason.startswith("done by"):
            count = f" ({len(slots):,})" if len(slots) > 1 else ""
            begin, end = (name_slot(slot, group.group.timezone) for slot in (slots[0], slots[-1]))
            yield (
                "skipped",
                "dim",
                (begin if len(slots) == 1 else f"{begin} … {end}") + f"{count}: {why_skipped(reason)}",
            )


def _changed(group: GroupForecast, dag: Dag) -> Iterator[Row]:
    by_reason: dict[str, list[str]] = {}
    for uid, (reason, _) in group.changed.items():
        by_reason.setdefault(reason, []).append(uid)
    if by_reason:
        most = max(count for _, count in group.changed.values())
        what = named(f"{node_names(nodes, dag)} ({reason})" for reason, nodes in by_reason.items())
        yield "changed", "yellow", f"{what}: up to {number(most, 'interval')} made with the code before"
        yield "", "dim", "to see which, and how to make them again: --reprocess changed"


def _by_hand(group: GroupForecast, dag: Dag, question: Question) -> Iterator[Row]:
    by_verdict: dict[Verdict, list[str]] = {}
    for uid, verdict in group.by_hand.items():
        if verdict.standing in WANTED[question.reprocess] | {Standing.CHANGED}:
            by_verdict.setdefault(verdict, []).append(uid)
    for verdict, nodes in by_verdict.items():
        word = (
            "never run" if verdict.standing is Standing.MISSING and not verdict.reason else verdict.standing
        )
        many = (
            "all " + number(len(nodes), "node")
            if len(nodes) == len(group.members) > 1
            else node_names(nodes, dag)
        )
        why = f" ({verdict.reason})" if verdict.reason else ""
        yield word, STYLES[verdict.standing], many + why


def _more(count: int, thing: str) -> Iterator[Row]:
    if count > _ROWS:
        yield "", "dim", f"and {number(count - _ROWS, thing)} more"


def _total(groups: Iterable[GroupForecast]) -> str:
    every = list(groups)
    runs = sum(len(group.settled.runs) for group in every)
    nodes = {uid for group in every for piece in (*group.due, *group.again) for uid in piece.work}
    again = sum(piece.count for group in every for piece in group.again)
    held = sum(bool(group.held) for group in every)
    parts = [f"{number(runs, 'run')} due" if runs else "nothing is due"]
    if held:
        parts.append(f"{number(held, 'group')} held until somebody decides")
    if again:
        parts.append(f"{number(again, 'interval')} of before to make")
    if nodes:
        parts.append(f"{number(len(nodes), 'different node')}")
    return "; ".join(parts)
