"""Units of a backfill: every slot of the range in exactly one of them, and never a second run."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.backfill import units_within, wanted
from sqlorch.domain.coverage import Standing, verdict_over
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark, Reprocess
from sqlorch.domain.scheduling import Slot, SlotStatus
from sqlorch.domain.snapshot import SnapshotNode
from sqlorch.domain.timetable import make_timetable

T0 = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 60
TIMETABLE = make_timetable(schedule="@hourly")
NODE = SnapshotNode(unique_id="m", name="m", kind="model", group="g")


def hours(first, last):
    return Interval(T0 + first * HOUR, T0 + last * HOUR)


def history(seed, origin, cursor):
    """Decided slots: runs over one to four of them, skips between; anything may be undecided before."""
    rng = Random(seed)  # noqa: S311 - hypothesis owns the seed
    slots, at = [], origin
    while at < cursor:
        length = min(rng.randint(1, 4), cursor - at)
        run = None if rng.random() < 0.3 else f"run-{at}"
        for hour in range(at, at + length):
            status = SlotStatus.SKIPPED if run is None else SlotStatus.RUN
            slots.append(
                Slot(group="g", interval=hours(hour, hour + 1), status=status, run_id=run, decided_at=T0)
            )
        at += length
    return slots


@st.composite
def ranges(draw):
    origin = draw(st.integers(0, 20))
    cursor = draw(st.integers(origin, HOURS))
    first = draw(st.integers(0, HOURS))
    last = draw(st.integers(first, HOURS))
    return history(draw(st.integers(0, 2**32)), origin, cursor), cursor, first, last


def units_of(slots, cursor, first, last, batch):
    span = hours(first, last)
    touched = {slot.run_id for slot in slots if slot.run_id and slot.interval.overlaps(span)}
    near = [slot for slot in slots if slot.interval.overlaps(span) or slot.run_id in touched]
    return units_within(TIMETABLE, near, span, cursor=T0 + cursor * HOUR, batch=batch)


@settings(deadline=None)
@given(ranges(), st.integers(1, 6))
def test_every_decided_slot_of_the_range_is_in_exactly_one_unit(given_range, batch):
    slots, cursor, first, last = given_range
    units = units_of(slots, cursor, first, last, batch)
    for hour in range(first, min(last, cursor)):
        assert sum(unit.interval.contains(hours(hour, hour + 1)) for unit in units) == 1
    assert all(before.interval.end <= after.interval.start for before, after in pairwise(units))
    assert all(unit.interval.end <= T0 + cursor * HOUR for unit in units)


@settings(deadline=None)
@given(ranges(), st.integers(1, 6))
def test_a_slot_that_has_a_run_keeps_it_and_its_run_is_whole(given_range, batch):
    slots, cursor, first, last = given_range
    units = units_of(slots, cursor, first, last, batch)
    for unit in units:
        inside = [slot for slot in slots if unit.interval.contains(slot.interval)]
        if unit.run_id is None:
            assert all(slot.run_id is None for slot in inside)
            assert unit.interval.length <= batch * HOUR
            assert hours(first, last).contains(unit.interval)
        else:
            whole = [slot for slot in slots if slot.run_id == unit.run_id]
            assert inside == whole
            assert unit.wider is not hours(first, last).contains(unit.interval)
    taken = [unit.run_id for unit in units if unit.run_id]
    assert len(taken) == len(set(taken))


@settings(deadline=None)
@given(ranges(), st.integers(0, 2**32), st.sampled_from(list(Reprocess)))
def test_what_is_wanted_is_what_stands_badly(given_range, seed, reprocess):
    slots, cursor, first, last = given_range
    units = units_of(slots, cursor, first, last, 1)
    rng = Random(seed)  # noqa: S311 - hypothesis owns the seed
    entries = [
        LedgerEntry(
            unique_id="m",
            interval=hours(begin, begin + rng.randint(1, 9)),
            mark=rng.choice(list(LedgerMark)),
            code="",
            run_id="r",
            gen=1,
            at=T0 + number * HOUR,
        )
        for number, begin in enumerate(rng.choices(range(HOURS), k=rng.randint(0, 12)))
    ]
    chosen = wanted(units, [NODE], {"m": entries}, reprocess)
    bad = {Standing.FAILED} | (set() if reprocess is Reprocess.FAILED else {Standing.MISSING})
    expected = [
        unit
        for unit in units
        if reprocess is Reprocess.ALL or verdict_over(entries, unit.interval).standing in bad
    ]
    assert chosen == expected
