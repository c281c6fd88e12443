"""What a run waits for, against the definition read literally over every slot there is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.domain.interval import Interval
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.upstream import Upstream, needed_slots, slots_waited_for

ORIGIN = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SCHEDULES = ["@hourly", "@daily", "0 */7 * * *", "30 1,13 * * 1-5", "@weekly", "15 3 * * *", "0 0 1,15 * *"]
ZONES = ["UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]


@st.composite
def upstreams(draw):
    start = draw(st.none() | st.integers(-500, 900).map(lambda n: ORIGIN + n * HOUR / 2))
    end = draw(st.none() | st.integers(1, 1500).map(lambda n: (start or ORIGIN) + n * HOUR / 2))
    return make_timetable(
        schedule=draw(st.sampled_from(SCHEDULES)),
        timezone=draw(st.sampled_from(ZONES)),
        start=start,
        end=end,
        mode=draw(st.sampled_from(["window", "point"])),
    )


intervals = st.builds(
    lambda first, length: Interval(ORIGIN + first * HOUR / 2, ORIGIN + (first + length) * HOUR / 2),
    st.integers(0, 1400),
    st.integers(0, 400),
)


def every_slot(timetable):
    """All slots from long before the intervals to after them, from the timetable's own iteration."""
    return list(timetable.slots_within(Interval(ORIGIN - timedelta(days=40), ORIGIN + timedelta(days=60))))


@settings(deadline=None, max_examples=60)
@given(upstreams(), intervals)
def test_it_is_every_slot_that_ends_inside_and_the_latest_before_the_end(timetable, interval):
    ended = [slot for slot in every_slot(timetable) if slot.end <= interval.end]
    wanted = [slot for slot in ended if slot.end > interval.start] or ended[-1:]
    assert list(needed_slots(timetable, interval, Upstream.WAIT)) == wanted
    assert list(needed_slots(timetable, interval, Upstream.LATEST)) == ended[-1:]


@settings(deadline=None, max_examples=60)
@given(upstreams(), intervals, st.integers(1, 400))
def test_neighbouring_runs_leave_no_slot_between_them_unwaited_for(timetable, interval, more):
    following = Interval(interval.end, interval.end + more * HOUR / 2)
    both = Interval(interval.start, following.end)
    apart = [
        *needed_slots(timetable, interval, Upstream.WAIT),
        *needed_slots(timetable, following, Upstream.WAIT),
    ]
    assert set(needed_slots(timetable, both, Upstream.WAIT)) <= set(apart)


@settings(deadline=None, max_examples=60)
@given(upstreams(), intervals, st.integers(0, 1400), st.sampled_from(list(Upstream)))
def test_slots_decided_and_to_come_are_those_of_the_timetable_where_nothing_was_changed(
    timetable, interval, reached, mode
):
    ended = [slot for slot in every_slot(timetable) if slot.end <= ORIGIN + reached * HOUR]
    if not ended:
        return
    cursor = ended[-1].end
    inside = [slot for slot in ended if interval.start < slot.end <= interval.end]
    known = inside or [slot for slot in ended if slot.end <= interval.end][-1:]
    found = slots_waited_for(timetable, known, cursor, interval, mode)
    assert found == list(needed_slots(timetable, interval, mode))


@settings(deadline=None, max_examples=60)
@given(upstreams(), intervals, st.integers(0, 1400), st.sampled_from([Upstream.WAIT, Upstream.LATEST]))
def test_before_a_groups_first_slot_there_is_nothing_to_wait_for(timetable, interval, begun, mode):
    cursor = ORIGIN + begun * HOUR
    for slot in slots_waited_for(timetable, [], cursor, interval, mode):
        assert slot.end > cursor
        assert slot.end <= interval.end
