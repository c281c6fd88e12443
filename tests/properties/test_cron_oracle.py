# ruff: noqa: S311 - repeatable dice
"""5,000 random expressions against an oracle that looks at every single minute.

The oracle shares nothing with the code: expressions are drawn together with the sets of values they mean (so
it parses nothing), and it knows of time zones only what the wall clock shows at each minute of real time.
"""

import random
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from sqlorch.domain.cron import parse_cron

MINUTE = timedelta(minutes=1)
NAMES = dict(
    enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1)
)
WEEKDAYS = dict(enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]))

# zone, local noon of the day on which (or before which) its clocks change
CHANGES = [
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("Europe/London", "2025-10-25"),
    ("Australia/Lord_Howe", "2026-10-03"),  # half an hour
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Pacific/Chatham", "2026-04-04"),  # 45-minute offset
    ("Pacific/Chatham", "2026-09-26"),
    ("Africa/Cairo", "2026-04-23"),  # gap at midnight
    ("Africa/Cairo", "2026-10-29"),  # fold before midnight
    ("America/Santiago", "2026-09-05"),
    ("America/Santiago", "2026-04-04"),
    ("Asia/Beirut", "2026-03-28"),
    ("America/Havana", "2026-10-31"),
    ("America/Asuncion", "2017-09-30"),
    ("Pacific/Apia", "2011-12-29"),  # a day that does not exist
    ("Antarctica/Troll", "2026-03-28"),  # two hours
    ("Antarctica/Troll", "2026-10-24"),
    ("Africa/Casablanca", "2026-02-14"),  # clocks go back for Ramadan
    ("Africa/Casablanca", "2026-03-21"),
    ("America/Caracas", "2016-04-30"),  # half an hour, for good
    ("Asia/Pyongyang", "2018-05-04"),
    ("Asia/Kolkata", "2026-01-01"),
    ("UTC", "2024-02-28"),
]


@dataclass(frozen=True)
class Meaning:
    """An expression, and what it was made from."""

    text: str
    minutes: frozenset
    hours: frozenset
    days: object  # date -> bool

    @property
    def elapsed(self):
        minute, hour, *_ = self.text.split()
        return minute[0] == "*" or hour[0] == "*"


@dataclass(frozen=True)
class Window:
    """Every minute of real time around a change of clocks, and every label of the days it touches."""

    shown: list  # (instant, minute, hour, date) of every real minute
    labels: list  # (instant it stands for, minute, hour, date) of every label, shown or not
    start: datetime
    end: datetime


@cache
def window(zone_name, noon):
    zone = ZoneInfo(zone_name)
    start = (datetime.fromisoformat(f"{noon}T12:00").replace(tzinfo=zone)).astimezone(UTC) - timedelta(
        hours=15
    )
    margin = timedelta(hours=26)  # labels resolve correctly only inside what was looked at
    instants = [start - margin + n * MINUTE for n in range((46 + 2 * 26) * 60)]
    clock = [(instant, instant.astimezone(zone).replace(tzinfo=None)) for instant in instants]
    first_shown = {}
    for instant, label in clock:
        first_shown.setdefault(label.replace(fold=0), instant)
    label, last, resolved = max(first_shown), min(first_shown), []
    stands_for = None
    while label >= last:
        stands_for = first_shown.get(label, stands_for)  # not shown: the first label after it that is
        resolved.append((stands_for, label.minute, label.hour, label.date()))
        label -= MINUTE
    resolved.reverse()
    shown = [(instant, label.minute, label.hour, label.date()) for instant, label in clock]
    return Window(shown, resolved, start, start + timedelta(hours=46))


def oracle(meaning, inside, after):
    rows = inside.shown if meaning.elapsed else inside.labels
    days = {day for day in {row[3] for row in rows} if meaning.days(day)}
    minutes, hours = meaning.minutes, meaning.hours
    fires = {at for at, minute, hour, day in rows if minute in minutes and hour in hours and day in days}
    return sorted(fire for fire in fires if after < fire <= inside.end)


def draw_field(  # noqa: PLR0911 - one for every shape
    rng, low, high, stars, names=None
):
    """A field's text and the values it means; names stand for values here and there."""

    def word(value):
        return names[value] if names and rng.random() < 0.3 else str(value)

    shape = rng.choice(["*", "*/n", "value", "value", "list", "range", "range/n", "value/n"])
    if shape[0] == "*" and not stars:
        shape = "value"
    every = range(low, high + 1)
    if shape == "*":
        return "*", set(every)
    if shape == "*/n":
        step = rng.randint(1, high - low)
        return f"*/{step}", set(every[::step])
    first, last = sorted(rng.sample(every, 2))
    if shape == "value":
        return word(first), {first}
    if shape == "list":
        chosen = rng.sample(every, rng.randint(2, 4))
        return ",".join(map(word, chosen)), set(chosen)
    if shape == "range":
        return f"{word(first)}-{word(last)}", set(range(first, last + 1))
    if shape == "range/n":
        step = rng.randint(1, last - first)
        return f"{first}-{last}/{step}", set(range(first, last + 1, step))
    step = rng.randint(1, high - low)
    return f"{first}/{step}", set(range(first, high + 1, step))


def draw_day_of_month(rng):
    if rng.random() < 0.15:
        value = rng.randint(1, 28)
        text = rng.choice(["L", f"{value},L"])
        chosen = {value} if "," in text else set()
        return text, lambda day: day.day in chosen or day.day == monthrange(day.year, day.month)[1]
    text, values = draw_field(rng, 1, 31, stars=True)
    return text, lambda day: day.day in values


def draw_day_of_week(rng):
    if rng.random() < 0.15:
        weekday, nth = rng.randint(0, 6), rng.randint(1, 5)
        if rng.random() < 0.5:
            return (
                f"{weekday}#{nth}",
                lambda day: (day.isoweekday() % 7, (day.day + 6) // 7) == (weekday, nth),
            )
        return f"L{weekday}", lambda day: day.isoweekday() % 7 == weekday and is_last(day)
    text, values = draw_field(rng, 0, 6, stars=True, names=WEEKDAYS)
    return text, lambda day: day.isoweekday() % 7 in values


def is_last(day):
    return (day + timedelta(days=7)).month != day.month


def draw_days(rng):
    if rng.random() < 0.5:
        return "* * *", lambda day: True
    (month, months), (day, in_month), (weekday, in_week) = (
        draw_field(rng, 1, 12, stars=True, names=NAMES),
        draw_day_of_month(rng),
        draw_day_of_week(rng),
    )
    if "*" not in (day, weekday) and (day[0] == "*" or weekday[0] == "*" or "#" in weekday or "L" in weekday):
        weekday, in_week = "*", lambda day: True  # the validator refuses the two together
    if "*" in (day, weekday):
        return f"{day} {month} {weekday}", lambda d: d.month in months and in_month(d) and in_week(d)
    return f"{day} {month} {weekday}", lambda d: d.month in months and (in_month(d) or in_week(d))


def draw(rng):
    minute, minutes = draw_field(rng, 0, 59, stars=True)
    hour, hours = draw_field(rng, 0, 23, stars=True)
    if rng.random() < 0.4:  # most changes of clocks are at night
        hour, hours = "1-3", {1, 2, 3}
    days, matches = draw_days(rng)
    return Meaning(f"{minute} {hour} {days}", frozenset(minutes), frozenset(hours), matches)


@pytest.mark.parametrize(("zone", "noon"), CHANGES)
def test_around_a_change_of_clocks(zone, noon):
    rng = random.Random(f"{zone} {noon}")
    inside, info = window(zone, noon), ZoneInfo(zone)
    compared = fired = 0
    while compared < 180:
        meaning = draw(rng)
        if not exists_at_all(meaning):
            continue
        compared += 1
        after = inside.start + rng.randrange(20 * 60 * 60) * timedelta(seconds=1)
        cron, found = parse_cron(meaning.text), []
        for fire in cron.fires_after(after, info):
            if fire > inside.end:
                break
            found.append(fire)
        expected = oracle(meaning, inside, after)
        assert found == expected, f"{meaning.text} in {zone} after {after}"
        fired += len(expected)
    assert fired > 1000  # it did compare something


def exists_at_all(meaning):
    return any(meaning.days(date(2000, 1, 1) + timedelta(days=n)) for n in range(366))


@pytest.mark.parametrize("seed", range(5))
def test_days_over_four_years(seed):
    rng = random.Random(seed)
    first, last = date(2098, 6, 1), date(2102, 6, 1)  # 2100 is no leap year
    every_day = [first + timedelta(days=n) for n in range((last - first).days)]
    compared = 0
    while compared < 100:
        text, matches = draw_days(rng)
        expected = [day for day in every_day if matches(day)]
        if not expected:
            continue
        compared += 1
        after = datetime(2098, 5, 31, 23, 59, tzinfo=UTC)
        fires = parse_cron(f"0 0 {text}").fires_after(after, ZoneInfo("UTC"))
        found = [fire.date() for fire, _ in zip(fires, expected, strict=False)]
        assert found == expected, text
