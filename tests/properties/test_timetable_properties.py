# ruff: noqa: DTZ001 - naive local times are part of what is tested
"""What must hold for every timetable, whatever the zone does to its clocks."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.catchup import CatchupPolicy, catchup
from sqlorch.domain.cron import parse_cron
from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import batched, make_timetable
from sqlorch.domain.zones import find_zone

unhurried = settings(deadline=None)  # a busy machine is no failure
ZONES = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Pacific/Chatham",
    "Africa/Cairo",
    "Asia/Kolkata",
    "America/Santiago",
]
SCHEDULES = [
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@quarterly",
    "@yearly",
    "0 */2 * * *",
    "30 1-3 * * *",
    "0 2 * * *",
    "30 2 * * *",
    "15 */6 * * *",
    "0 9 * * 1-5",
    "0 0 13 * 5",
    "59/15 0 * * *",
    "0 0 L * *",
    "0 8 * * 1#1",
    "0 0 29 2 *",
    ["0 1 * * *", "30 1 * * *", "0 */8 * * *"],
    "45 23 * * 0",
    "30 0,12 1,15 * *",
]
INSTANTS = st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
ANY_ZONE = st.sampled_from([*ZONES, "Pacific/Apia", "Antarctica/Troll", "Africa/Casablanca", "Asia/Beirut"])
DENSE = st.sampled_from(
    ["* * * * *", "*/15 1-3 * * *", "0-59/7 2 * * *", "0 * * * *", "30 1-3 * * *", "0 2 * * 0"]
)
ANY_SCHEDULE = st.one_of(st.sampled_from(SCHEDULES), DENSE)


@pytest.mark.parametrize("zone", ZONES)
def test_ten_years_of_twenty_schedules(zone):
    """Contiguous, disjoint, strictly increasing, and made only of fires."""
    end = datetime(2030, 1, 1, tzinfo=UTC)
    last_year = Interval(datetime(2029, 1, 1, tzinfo=UTC), end)
    for schedule in SCHEDULES:
        timetable = make_timetable(schedule=schedule, timezone=zone, start=datetime(2020, 1, 1), end=end)
        cursor = timetable.first_cursor()
        slots = []
        while (slot := timetable.next_slot(cursor)) is not None:
            assert slot.start == cursor < slot.end <= end
            cursor = slot.end
            if slot.start >= last_year.start:
                slots.append(slot)
        assert timetable.fires.after(cursor) > end
        assert slots == list(timetable.slots_within(last_year))
        assert slots or schedule in {"@yearly", "0 0 29 2 *"}


@unhurried
@given(schedule=DENSE, zone=ANY_ZONE, after=INSTANTS)
def test_fires_advance_and_asking_anew_gives_the_same(schedule, zone, after):
    cron, info = parse_cron(schedule), find_zone(zone)
    fires = list(islice(cron.fires_after(after, info), 30))
    assert after < fires[0]
    assert all(earlier < later for earlier, later in pairwise(fires))
    for earlier, later in pairwise(fires):
        middle = earlier + (later - earlier) / 2
        assert cron.next_after(middle, info) == later
        assert cron.next_after(later - timedelta(microseconds=1), info) == later


@unhurried
@given(one=ANY_SCHEDULE.filter(lambda s: isinstance(s, str)), other=DENSE, zone=ANY_ZONE, after=INSTANTS)
def test_a_list_fires_when_any_of_it_does(one, other, zone, after):
    info = find_zone(zone)
    union = make_timetable(schedule=[one, other], timezone=zone)
    until = after + timedelta(days=20)
    found, fire = [], union.next_fire(after)
    while fire <= until and len(found) < 200:
        found.append(fire)
        fire = union.next_fire(fire)
    until = min(until, found[-1]) if found else until
    expected = set()
    for text in (one, other):
        for single in parse_cron(text).fires_after(after, info):
            if single > until:
                break
            expected.add(single)
    assert found == sorted(expected)


@unhurried
@given(schedule=ANY_SCHEDULE, zone=ANY_ZONE, instant=INSTANTS)
def test_the_slot_of_an_instant_has_the_right_neighbours(schedule, zone, instant):
    timetable = make_timetable(schedule=schedule, timezone=zone)
    slot = timetable.slot_containing(instant)
    assert slot.start <= instant < slot.end
    assert timetable.next_fire(instant) == slot.end
    assert timetable.next_slot(slot.start) == slot
    assert timetable.previous_slot(timetable.following_slot(slot)) == slot
    assert timetable.following_slot(timetable.previous_slot(slot)) == slot
    assert list(timetable.slots_within(slot)) == [slot]


@unhurried
@given(
    schedule=ANY_SCHEDULE,
    zone=ANY_ZONE,
    start=INSTANTS,
    length=st.timedeltas(timedelta(0), timedelta(days=3)),
)
def test_slots_within_a_span_are_all_of_those_inside(schedule, zone, start, length):
    timetable = make_timetable(schedule=schedule, timezone=zone)
    span = Interval(start, start + length)
    slots = list(islice(timetable.slots_within(span), 300))
    for slot in slots:
        assert span.contains(slot)
    for earlier, later in pairwise(slots):
        assert earlier.end == later.start
    first_fire = timetable.next_fire(start - timedelta(microseconds=1))
    assert (slots[0].start == first_fire) if slots else (timetable.next_fire(first_fire) > span.end)
    if slots and len(slots) < 300:
        assert timetable.next_fire(slots[-1].end) > span.end


@unhurried
@given(schedule=ANY_SCHEDULE, zone=ANY_ZONE, cursor=INSTANTS)
def test_an_edit_leaves_neither_gap_nor_overlap(schedule, zone, cursor):
    edited = make_timetable(schedule=schedule, timezone=zone)
    first = edited.next_slot(cursor)
    assert first.start == cursor
    second = edited.next_slot(first.end)
    assert second.start == first.end
    assert second == edited.slot_containing(first.end)


@unhurried
@given(minutes=st.integers(1, 5000), start=INSTANTS, instant=INSTANTS)
def test_fixed_lengths_are_elapsed_time(minutes, start, instant):
    every = make_timetable(every=f"{minutes}m", start=start, timezone="America/New_York")
    fire, before = every.fires.after(instant), every.fires.before(instant)
    assert before < instant < fire
    assert fire - before in {timedelta(minutes=minutes), timedelta(minutes=2 * minutes)}
    assert (fire - start) % timedelta(minutes=minutes) == timedelta(0)
    assert every.first_cursor() == every.start == start


@unhurried
@given(zone=ANY_ZONE, start=INSTANTS, hours=st.integers(0, 100), n=st.integers(1, 30))
def test_batches_cover_the_same_time_in_the_same_order(zone, start, hours, n):
    hourly = make_timetable(schedule="@hourly", timezone=zone)
    slots = list(hourly.slots_within(Interval(start, start + timedelta(hours=hours))))
    batches = list(batched(slots, n))
    assert len(batches) == -(-len(slots) // n)
    assert [part for batch in batches for part in hourly.slots_within(batch)] == slots


@settings(deadline=None, max_examples=200)
@given(
    policy=st.sampled_from(CatchupPolicy),
    mode=st.sampled_from(["window", "point"]),
    zone=ANY_ZONE,
    start=INSTANTS,
    steps=st.lists(st.integers(0, 60 * 60 * 30), max_size=6),
    watch=st.booleans(),
)
def test_catchup_decides_every_slot_exactly_once(*, policy, mode, zone, start, steps, watch):
    timetable = make_timetable(schedule="0 */6 * * *", timezone=zone, start=start, mode=mode)
    cursor, now, decided = None, start, []
    for step in [0, *steps]:
        since, now = now, now + timedelta(seconds=step)
        decision = None
        while decision is None or decision.due:
            decision = catchup(timetable, cursor, now, policy, None, watching_since=since if watch else None)
            decided += sorted([*decision.runs, *decision.skips])
            cursor = decision.cursor
    expected = list(timetable.slots_within(Interval(start, now + timedelta(microseconds=1))))
    if policy is CatchupPolicy.COALESCE and mode == "window":
        decided = [slot for run in decided for slot in timetable.slots_within(run)]
    assert decided == expected
