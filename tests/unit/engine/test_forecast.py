"""What a plan says, with the project, the memory and the clock made up."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.catchup import CatchupPolicy, catchup
from sqlorch.domain.coverage import SlotAxis, Standing, timeline
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.group import Group, RunRules
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark, Reprocess
from sqlorch.domain.pieces import cut_pieces
from sqlorch.domain.reprocess import nodes_to_run
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import GroupState, GroupStatus, OpenRun, RunKind, Slot, SlotStatus
from sqlorch.domain.snapshot import Snapshot, SnapshotNode
from sqlorch.domain.timetable import make_timetable
from sqlorch.engine.forecast import Asked, GroupForecast, Known, forecast
from sqlorch.engine.forecast_slots import settle

T0 = datetime(2013, 1, 1, tzinfo=UTC)
NOW = datetime(2013, 1, 6, 12, tzinfo=UTC)


def day(number: int, length: int = 1) -> Interval:
    start = T0 + timedelta(days=number - 1)
    return Interval(start, start + timedelta(days=length))


def entry(uid: str, interval: Interval, mark: LedgerMark = LedgerMark.DONE, code: str = "") -> LedgerEntry:
    return LedgerEntry(
        unique_id=uid, interval=interval, mark=mark, code=code, run_id="r", gen=1, at=interval.end
    )


def group(rules: RunRules | None = None, schedule: str | None = "@daily", batch: int = 1) -> Group:
    timetable = make_timetable(schedule=schedule, start=T0 if schedule else None)
    return Group(name="g", timetable=timetable, rules=rules or RunRules(), batch=batch)


def look(
    known: Known | None = None,
    *,
    of: Group | None = None,
    asked: Asked | None = None,
    changed: dict[str, str] | None = None,
) -> GroupForecast:
    nodes = [Node(unique_id=uid, kind="model", name=uid) for uid in ("a", "b")]
    its = of or group()
    snapshot = Snapshot(
        groups={"g": its},
        nodes={
            n.unique_id: SnapshotNode(unique_id=n.unique_id, name=n.name, kind=n.kind, group="g")
            for n in nodes
        },
    )
    (found,) = forecast(
        snapshot,
        Dag(nodes, [("a", "b")]),
        known or Known(),
        asked or Asked(),
        now=NOW,
        changed=lambda _uid, code: (changed or {}).get(code, ""),
    )
    return found


def enrolled(cursor: datetime, **more: object) -> dict[str, GroupState]:
    return {"g": GroupState(name="g", cursor=cursor, watched_since=T0, **more)}  # type: ignore[arg-type]


def decided(*days: int, status: SlotStatus = SlotStatus.RUN, reason: str = "") -> dict[str, Sequence[Slot]]:
    return {
        "g": [
            Slot(group="g", interval=day(n), status=status, reason=reason, run_id="r", decided_at=NOW)
            for n in days
        ]
    }


def done(*days: int) -> dict[str, Sequence[LedgerEntry]]:
    return {uid: [entry(uid, day(n)) for n in days] for uid in ("a", "b")}


def days_of(found: GroupForecast, pieces: Sequence[object]) -> list[tuple[int, ...]]:
    slots = found.axis.slots
    return [
        tuple((slot.start - T0).days + 1 for slot in slots[p.first : p.last + 1])  # type: ignore[attr-defined]
        for p in pieces
    ]


def test_everything_since_the_start_is_due_before_a_daemon_has_looked() -> None:
    found = look()
    assert days_of(found, found.due) == [(1, 2, 3, 4, 5)]
    assert found.axis.next_due == day(7).start
    assert found.again == []


def test_a_gap_before_the_cursor_is_not_due_but_to_be_made_again() -> None:
    known = Known(states=enrolled(day(5).start), slots=decided(1, 2, 3, 4), entries=done(1, 2, 4))
    found = look(known)
    assert days_of(found, found.due) == [(5,)]
    assert days_of(found, found.again) == [(3,)]


def test_a_slot_with_a_run_under_way_is_not_to_be_made_again() -> None:
    run = OpenRun(
        run_id="r3", group="g", kind=RunKind.SCHEDULED, interval=day(3), timezone="UTC", gen=1,
        state=RunState.QUEUED, reason="waiting for raw", created_at=NOW, started_at=None, due_at=None,
        owner=None, backfill=None, cancel_requested="",
    )  # fmt: skip
    known = Known(
        states=enrolled(day(5).start), slots=decided(1, 2, 3, 4), entries=done(1, 4), open_runs=[run]
    )
    found = look(known)
    assert days_of(found, found.again) == [(2,)]
    assert found.open_runs == [run]


def test_what_was_skipped_is_told_with_its_reason() -> None:
    known = Known(
        states=enrolled(day(5).start),
        slots=decided(1, 2, status=SlotStatus.SKIPPED, reason="catchup_latest"),
        entries=done(),
    )
    assert {reason: len(slots) for reason, slots in look(known).skipped.items()} == {"catchup_latest": 2}


def test_policies_decide_what_due_slots_come_to() -> None:
    state = {"g": GroupState(name="g", cursor=T0, watched_since=day(5).start)}
    due = {policy: look(Known(states=state), of=group(RunRules(catchup=policy))) for policy in CatchupPolicy}
    assert days_of(due[CatchupPolicy.ALL], due[CatchupPolicy.ALL].due) == [(1, 2, 3, 4, 5)]
    assert days_of(due[CatchupPolicy.LATEST], due[CatchupPolicy.LATEST].due) == [(4, 5)]
    assert due[CatchupPolicy.LATEST].settled.skips == (day(1), day(2), day(3))
    assert due[CatchupPolicy.COALESCE].settled.runs == (day(1, 4), day(5))
    assert due[CatchupPolicy.NONE].settled.runs == (day(5),)


def test_a_held_group_says_why_and_a_decision_frees_it() -> None:
    rules = RunRules(catchup_max=3)
    assert look(of=group(rules)).held.startswith("5 intervals are due, more than catchup_max 3; decide with")
    asked_for = {"g": GroupState(name="g", cursor=T0, catchup="all", watched_since=NOW)}
    assert look(Known(states=asked_for), of=group(rules)).held == ""
    held = {"g": GroupState(name="g", cursor=T0, status=GroupStatus.HELD, reason="too many")}
    assert look(Known(states=held), of=group(rules)).held == "too many"


def test_a_span_leaves_the_rest_aside() -> None:
    found = look(asked=Asked(span=lambda _group: day(2, 2)))
    assert days_of(found, found.due) == [(2, 3)]
    assert found.axis.total_due == 5


def test_a_group_without_schedule_stands_by_its_newest_run_or_over_the_span() -> None:
    known = Known(entries={"a": [entry("a", day(1, 3)), entry("a", day(9), LedgerMark.FAILED)]})
    found = look(known, of=group(schedule=None))
    assert {uid: verdict.standing for uid, verdict in found.by_hand.items()} == {
        "a": Standing.FAILED,
        "b": Standing.MISSING,
    }
    over = look(known, of=group(schedule=None), asked=Asked(span=lambda _group: day(2)))
    assert [list(piece.work) for piece in over.again] == [["b"]]


def test_changed_code_counts_intervals_and_is_work_only_when_asked_for() -> None:
    entries = {"a": [entry("a", day(1, 5), code="old")], "b": [entry("b", day(1, 5), code="new")]}
    known = Known(entries=entries)
    found = look(known, changed={"old": "SQL"})
    assert (found.changed, found.due, found.again) == ({"a": ("SQL", 5)}, [], [])
    again = look(known, changed={"old": "SQL"}, asked=Asked(reprocess=Reprocess.CHANGED)).again
    assert [(p.count, list(p.work), p.work["b"].cause) for p in again] == [(5, ["a", "b"], "a")]


def test_coalesced_and_batched_runs_are_cut_as_the_daemon_cuts_them() -> None:
    found = look(of=group(batch=2))
    assert found.settled.runs == (day(1, 2), day(3, 2), day(5))
    known = Known(entries=done(3, 4))
    assert look(known, of=group(batch=2)).settled.runs == (day(1, 2), day(5))


@given(
    st.sampled_from(CatchupPolicy),
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from(["window", "point"]),
)
def test_settling_all_at_once_is_settling_a_few_at_a_time(
    policy: CatchupPolicy, due: int, watched: int, mode: str
) -> None:
    timetable = make_timetable(schedule="@daily", start=T0, mode=mode)  # type: ignore[arg-type]
    its = Group(name="g", timetable=timetable, rules=RunRules(catchup=policy))
    now = T0 + timedelta(days=due, hours=1)
    since = T0 + timedelta(days=watched, hours=2)
    cursor = timetable.first_cursor()
    state = GroupState(name="g", cursor=cursor, watched_since=since)
    slots: list[Interval] = []
    slot = timetable.next_slot(cursor) if cursor else None
    while slot is not None and slot.end <= now:
        slots.append(slot)
        slot = timetable.next_slot(slot.end)
    runs: list[Interval] = []
    skips: list[Interval] = []
    while True:
        decision = catchup(timetable, cursor, now, policy, None, watching_since=since)
        if not decision.runs and not decision.skips:
            break
        runs += decision.runs
        skips += decision.skips
        cursor = decision.cursor
    settled = settle(its, state, slots)
    assert list(settled.runs) == runs
    assert list(settled.skips) == skips


@st.composite
def histories(draw: st.DrawFn) -> dict[str, list[LedgerEntry]]:
    found: dict[str, list[LedgerEntry]] = {}
    for uid in ("a", "b", "c"):
        found[uid] = [
            entry(uid, day(first, draw(st.integers(1, 5))), draw(st.sampled_from(LedgerMark)))
            for first in draw(st.lists(st.integers(1, 12), max_size=4))
        ]
    return found


@given(histories(), st.sampled_from(Reprocess), st.integers(0, 12), st.integers(0, 12))
def test_pieces_say_of_every_slot_what_a_run_over_it_would_make(
    entries: dict[str, list[LedgerEntry]], reprocess: Reprocess, one: int, other: int
) -> None:
    dag = Dag([Node(unique_id=uid, kind="model", name=uid) for uid in "abc"], [("a", "b"), ("b", "c")])
    axis = SlotAxis([day(n) for n in range(1, 13)])
    lines = {uid: axis.stretches(timeline(some)) for uid, some in entries.items()}
    places = range(min(one, other), max(one, other))
    told: dict[int, set[str]] = {}
    pieces = cut_pieces(dag, lines, places, reprocess)
    for piece in pieces:
        for place in range(piece.first, piece.last + 1):
            assert place not in told
            told[place] = set(piece.work)
    for place in places:
        standings = {
            uid: next(s.verdict.standing for s in line if s.first <= place <= s.last)
            for uid, line in lines.items()
        }
        assert told.get(place, set()) == set(nodes_to_run(dag, lines, standings, reprocess))
    assert told.keys() <= set(places)
    assert all(a.last + 1 < b.first or a.work != b.work for a, b in itertools.pairwise(pieces))


def test_no_interval_is_worked_on_for_the_sake_of_a_seed_alone() -> None:
    nodes = [Node(unique_id="s", kind="seed", name="s"), Node(unique_id="m", kind="model", name="m")]
    its = group()
    snapshot = Snapshot(
        groups={"g": its},
        nodes={
            n.unique_id: SnapshotNode(unique_id=n.unique_id, name=n.name, kind=n.kind, group="g")
            for n in nodes
        },
    )
    entries = {"s": [entry("s", day(1, 5), code="old")], "m": [entry("m", day(n)) for n in (1, 2, 4)]}
    known = Known(states=enrolled(day(6).start), slots=decided(1, 2, 3, 4, 5), entries=entries)
    (found,) = forecast(
        snapshot,
        Dag(nodes, [("s", "m")]),
        known,
        Asked(),
        now=NOW,
        changed=lambda _uid, code: "file" if code == "old" else "",
    )
    assert [(p.first, p.last, list(p.work)) for p in found.again] == [(2, 2, ["s", "m"]), (4, 4, ["s", "m"])]
    assert found.changed == {}
    assert {uid: (v.standing, v.reason) for uid, v in found.by_hand.items()} == {
        "s": (Standing.CHANGED, "file")
    }
