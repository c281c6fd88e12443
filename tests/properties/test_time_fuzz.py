# ruff: noqa: DTZ001, PT017, S311 - naive times, errors that may or may not come, and repeatable dice
"""Whatever a person types about time, the answer is a value or one of our errors."""

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.fuzz import fuzz

from sqlorch.domain.cron import parse_cron
from sqlorch.domain.describe import compact, describe
from sqlorch.domain.errors import SqlorchError
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_bounds, parse_instant, parse_period
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.zones import find_zone

unhurried = settings(deadline=None)  # a busy machine is no failure
ZONES = ["UTC", "America/New_York", "Pacific/Apia", "Africa/Cairo", "Asia/Kathmandu"]
PERIOD_PARTS = [
    "2013",
    "-",
    "01",
    "/",
    "T",
    "P",
    "D",
    "M",
    "00",
    ":",
    "Z",
    "+",
    "05",
    "7",
    " ",
    "30",
    "9999",
    ".",
    "W",
]
CRON_PARTS = [
    "*",
    "/",
    "-",
    ",",
    " ",
    " ",
    "0",
    "5",
    "59",
    "31",
    "2",
    "L",
    "#",
    "?",
    "MON",
    "jan",
    "W",
    "H",
    "@daily",
    "7",
]


def pasted(parts):
    return st.lists(st.sampled_from(parts), max_size=18).map("".join)


JUNK = st.one_of(
    st.text(max_size=40), st.none(), st.integers(), st.floats(), st.binary(max_size=8), st.lists(st.none())
)


@fuzz("text")
@given(
    text=st.one_of(JUNK, pasted(PERIOD_PARTS)),
    other=st.one_of(JUNK, pasted(PERIOD_PARTS)),
    zone=st.sampled_from(ZONES),
)
def test_periods(text, other, zone):
    for read in (lambda: parse_period(text, zone), lambda: parse_bounds(text, other, zone)):
        try:
            interval = read()
        except SqlorchError as error:
            assert "\n" not in str(error)
        else:
            assert interval.start < interval.end
            assert describe(interval, zone)
    try:
        assert parse_instant(text, zone).tzinfo is UTC
    except SqlorchError as error:
        assert "\n" not in str(error)


@fuzz("text")
@given(text=st.one_of(JUNK, pasted(CRON_PARTS)), zone=st.sampled_from(ZONES))
def test_cron(text, zone):
    now = datetime(2026, 3, 1, tzinfo=UTC)
    try:
        cron = parse_cron(text)
    except SqlorchError as error:
        assert "\n" not in str(error)
    else:
        fire = cron.next_after(now, find_zone(zone))
        assert fire is None or fire > now


@fuzz("text")
@given(schedule=JUNK, every=JUNK, timezone=JUNK, mode=JUNK)
def test_settings(schedule, every, timezone, mode):
    since = {"every": every, "start": datetime(2026, 3, 1, tzinfo=UTC)}
    every_one = ({"schedule": schedule}, {"every": every}, since, {"timezone": timezone}, {"mode": mode})
    for given_settings in every_one:
        try:
            make_timetable(**given_settings)
        except SqlorchError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_expressions(seed):
    """Valid texts with a few characters changed: the near misses people make."""
    rng = random.Random(seed)
    good = [
        "30 2 * * 1-5",
        "0 0 L * *",
        "*/15 8-18 1,15 JAN-MAR ?",
        "0 0 * * 2#3",
        "@monthly",
        "5/10 0 1 */3 *",
    ]
    intervals = ["2013-01-03", "2013-01-01/2013-01-08", "2013-01-01T05:00Z/P1DT2H", "P1M/2013-02", "2013"]
    read = 0
    for _ in range(650):
        for text, parse in ((rng.choice(good), parse_cron), (rng.choice(intervals), parse_period)):
            letters = list(text)
            for _ in range(rng.randint(1, 3)):
                letters[rng.randrange(len(letters))] = rng.choice("0123456789*/-,#?LWRHTPZ :@\t\né")
            try:
                parse("".join(letters))
                read += 1
            except SqlorchError as error:
                assert "\n" not in str(error)
    assert read > 50  # some damage leaves a valid text


@unhurried
@given(
    start=st.datetimes(datetime(1971, 1, 1), datetime(2500, 1, 1), timezones=st.just(UTC)),
    length=st.timedeltas(
        min_value=datetime.resolution, max_value=datetime(1980, 1, 1) - datetime(1970, 1, 1)
    ),
    zone=st.sampled_from(ZONES),
)
def test_what_is_shown_reads_back_as_the_same_interval(start, length, zone):
    interval = Interval(start, start + length)
    assert parse_period(compact(interval, zone), zone) == interval
