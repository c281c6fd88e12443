"""Coverage of intervals by ledger entries of any length, against a brute-force reading hour by hour."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.coverage import SlotAxis, Standing, Verdict, timeline, verdict_over
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark, Reprocess
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS, nodes_to_run, standings_over

T0 = datetime(2013, 1, 1, tzinfo=UTC)
HOURS = 24
ORDER = list(Standing)


def span(start: int, end: int) -> Interval:
    return Interval(T0 + timedelta(hours=start), T0 + timedelta(hours=end))


@st.composite
def entries(draw: st.DrawFn) -> list[LedgerEntry]:
    made = []
    for age in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, HOURS - 1))
        made.append(
            LedgerEntry(
                unique_id="model.a",
                interval=span(start, draw(st.integers(start + 1, HOURS))),
                mark=draw(st.sampled_from(LedgerMark)),
                code=draw(st.sampled_from(["", "new", "old"])),
                run_id=draw(st.sampled_from(["", "r1", "r2"])),
                gen=1,
                at=T0 + timedelta(days=40, seconds=age),
            )
        )
    return draw(st.permutations(made))


def changed(code: str) -> str:
    return "SQL" if code == "old" else ""


def by_hand(found: list[LedgerEntry], slot: Interval) -> Standing:
    worst = Standing.DONE
    hour = slot.start
    while hour < slot.end:
        covering = [entry for entry in found if entry.interval.start <= hour < entry.interval.end]
        newest = max(covering, key=lambda entry: entry.at, default=None)
        if newest is None or newest.mark is LedgerMark.MISSING:
            here = Standing.MISSING
        elif newest.mark is LedgerMark.FAILED:
            here = Standing.FAILED
        else:
            made_then = newest.mark is LedgerMark.DONE and newest.code == "old"
            here = Standing.CHANGED if made_then else Standing.DONE
        worst = max(worst, here, key=ORDER.index)
        hour += timedelta(hours=1)
    return worst


@given(entries(), st.lists(st.integers(0, HOURS), min_size=2, max_size=9, unique=True), st.data())
def test_every_slot_has_the_verdict_of_its_hours(
    found: list[LedgerEntry], bounds: list[int], data: st.DataObject
) -> None:
    bounds.sort()
    slots = [span(a, b) for a, b in itertools.pairwise(bounds) if data.draw(st.booleans())]
    axis = SlotAxis(slots)
    stretches = axis.stretches(timeline(found, changed))
    verdicts = [s.verdict.standing for s in stretches for _ in range(s.first, s.last + 1)]
    assert verdicts == [by_hand(found, slot) for slot in slots]
    assert [s.first for s in stretches] == [0, *(s.last + 1 for s in stretches[:-1])][: len(stretches)]
    assert all(a.verdict != b.verdict for a, b in itertools.pairwise(stretches))
    for slot in slots:
        assert verdict_over(found, slot, changed).standing is by_hand(found, slot)


@given(entries())
def test_a_timeline_is_disjoint_ordered_and_minimal(found: list[LedgerEntry]) -> None:
    line = timeline(found, changed)
    for before, after in itertools.pairwise(line):
        assert before.end <= after.start
        assert before.end < after.start or before.verdict != after.verdict
    assert sum(((s.end - s.start) for s in line), timedelta()) == timedelta(
        hours=sum(any(e.interval.contains(span(h, h + 1)) for e in found) for h in range(HOURS))
    )


@given(entries(), st.integers(0, HOURS - 1))
def test_a_point_stands_as_the_instant_does(found: list[LedgerEntry], hour: int) -> None:
    point = span(hour, hour)
    assert verdict_over(found, point, changed).standing is by_hand(found, span(hour, hour + 1))


def test_a_point_is_covered_by_its_own_entry_and_covers_no_window() -> None:
    entry = LedgerEntry(
        unique_id="m", interval=span(3, 3), mark=LedgerMark.DONE, code="", run_id="r", gen=1, at=T0
    )
    assert verdict_over([entry], span(3, 3)) == Verdict(Standing.DONE)
    assert verdict_over([entry], span(3, 4)).standing is Standing.MISSING


KINDS = ["model", "seed", "test"]


@st.composite
def projects(draw: st.DrawFn) -> tuple[Dag, set[str], dict[str, Standing]]:
    names = [f"n{i}" for i in range(draw(st.integers(1, 7)))]
    nodes = [Node(unique_id=name, kind=draw(st.sampled_from(KINDS)), name=name) for name in names]
    edges = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :] if draw(st.booleans())]
    members = {name for name in names if draw(st.booleans())}
    return Dag(nodes, edges), members, {name: draw(st.sampled_from(Standing)) for name in members}


@given(projects(), st.sampled_from(Reprocess))
def test_a_run_holds_what_needs_it_and_all_that_is_downstream(
    project: tuple[Dag, set[str], dict[str, Standing]], reprocess: Reprocess
) -> None:
    dag, members, standings = project
    causes = nodes_to_run(dag, members, standings, reprocess)
    chosen = set(causes)
    assert list(causes) == [uid for uid in dag.order if uid in chosen]
    assert chosen <= members
    assert dag.descendants(chosen) & members <= chosen
    for uid, cause in causes.items():
        read = dag.parents(cause) & members
        anew = read | dag.descendants(read)  # what a failed check reads is made again, with all below it
        of_its_check = standings[cause] is Standing.FAILED and dag[cause].kind == "test" and uid in anew
        assert cause == uid or uid in dag.descendants([cause]) or of_its_check
    failed = {uid for uid in members if standings[uid] is Standing.FAILED and dag[uid].kind == "test"}
    assert {parent for uid in failed for parent in dag.parents(uid)} & members <= chosen
    wanted = {
        Reprocess.MISSING: {Standing.MISSING, Standing.FAILED},
        Reprocess.FAILED: {Standing.FAILED},
        Reprocess.CHANGED: {Standing.MISSING, Standing.FAILED, Standing.CHANGED},
        Reprocess.ALL: set(Standing),
    }[reprocess]
    assert {uid for uid in members if standings[uid] in wanted} <= chosen
    bound = {uid for uid in members if dag[uid].kind not in INTERVAL_FREE_KINDS}
    if not any(standings[uid] in wanted for uid in bound):
        free = members - bound
        stale = {uid for uid in free if standings[uid] in wanted | {Standing.CHANGED}}
        if reprocess is Reprocess.FAILED:
            stale = {uid for uid in free if standings[uid] in wanted}
        assert chosen == (stale | dag.descendants(stale)) & members


@given(projects())
def test_done_nodes_run_for_nothing(project: tuple[Dag, set[str], dict[str, Standing]]) -> None:
    dag, members, _ = project
    done = dict.fromkeys(members, Standing.DONE)
    for reprocess in (Reprocess.MISSING, Reprocess.FAILED, Reprocess.CHANGED):
        assert nodes_to_run(dag, members, done, reprocess) == {}
    assert set(nodes_to_run(dag, members, {}, Reprocess.MISSING)) == members


def test_a_seed_stands_by_its_newest_outcome_and_a_model_by_the_interval() -> None:
    dag = Dag([Node(unique_id=uid, kind=uid, name=uid) for uid in ("seed", "model")], [("seed", "model")])
    done = {
        uid: [
            LedgerEntry(
                unique_id=uid, interval=span(0, 1), mark=LedgerMark.DONE, code=uid, run_id="r", gen=1, at=T0
            )
        ]
        for uid in ("seed", "model")
    }
    standings = standings_over(dag, done, span(5, 6), done, lambda _uid, _code: "")
    assert standings == {"seed": Standing.DONE, "model": Standing.MISSING}
    edited = standings_over(dag, done, span(0, 1), done, lambda uid, _code: "file" if uid == "seed" else "")
    assert edited == {"seed": Standing.CHANGED, "model": Standing.DONE}
    assert list(nodes_to_run(dag, done, edited, Reprocess.MISSING)) == ["seed", "model"]
