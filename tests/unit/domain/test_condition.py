from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.condition import condition_values, parse_condition, unmet
from sqlorch.domain.condition_syntax import NAMES
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.interval import Interval
from sqlorch.domain.variables import SAMPLE_INTERVAL

VALUES = condition_values(SAMPLE_INTERVAL, timezone="America/New_York", group="flights")


def test_values_are_those_of_the_intervals_start_in_the_groups_zone() -> None:
    assert VALUES == {
        "ds": "2013-01-03",
        "ds_nodash": "20130103",
        "ts": "2013-01-03T00:00:00-05:00",
        "ts_nodash": "20130103T000000",
        "logical_date": "2013-01-03T05:00:00+00:00",
        "data_interval_start": "2013-01-03T05:00:00+00:00",
        "data_interval_end": "2013-01-04T05:00:00+00:00",
        "group": "flights",
        "weekday_name": "thursday",
        "year": 2013,
        "quarter": 1,
        "month": 1,
        "week": 1,
        "day": 3,
        "day_of_month": 3,
        "day_of_year": 3,
        "days_in_month": 31,
        "weekday": 4,
        "hour": 0,
        "minute": 0,
    }
    kinds = {name: "text" if isinstance(value, str) else "a number" for name, value in VALUES.items()}
    assert kinds == dict(NAMES)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("day == 3", True),
        ("day_of_month == 1", False),
        ("day == days_in_month", False),
        ("weekday in [6, 7]", False),
        ("weekday not in (6, 7)", True),
        ("weekday_name == 'thursday' and hour == 0", True),
        ("month % 3 == 1 or day == 9", True),
        ("1 < day <= 3", True),
        ("3 < day <= 5", False),
        ("not (day == 3)", False),
        ("ds >= '2013-01-03' and ds < \"2013-02-01\"", True),
        ("-day + 2 * 3 - 1 == 2", True),
        ("(year - 2000) // 4 == 3", True),
        ("group == 'flights'", True),
        ("(day == 3) == (month == 1)", True),
        ("True", True),
        ("day == 3 and\n  month == 1", True),
    ],
)
def test_conditions_say_what_they_say_in_python(text: str, held: bool) -> None:
    assert parse_condition(text).holds(VALUES) is held


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a condition must not be empty"),
        ("day", "a condition must be true or false, but this is a number; compare it: day == 1"),
        ("ds", "a condition must be true or false, but this is text"),
        ("day = 1", "'day = 1' is not a condition at character 5; write it as in: day == 1"),
        ("day == 1 and", "'day == 1 and' is not a condition"),
        ("dya == 1", "a condition knows no 'dya'; did you mean 'day'?"),
        ("run_id == 'x'", "a condition knows no 'run_id'; there are: data_interval_end"),
        ("ds < day", "'ds < day' compares text with a number"),
        ("(day == 1) < True", "true and false have no order"),
        ("day + ds == 1", "'ds' is text where a number is wanted"),
        ("not day", "'day' is a number where true or false is wanted"),
        ("day and True", "'day' is a number where true or false is wanted"),
        ("'2013' in ds", "what follows 'in' must be a list"),
        ("day in [1, 'a']", "the list after 'in' holds text where a number is wanted"),
        ("week % day == 1", "divides by a written number greater than 0 only"),
        ("week // 0 == 1", "divides by a written number greater than 0 only"),
        ("week % True == 1", "divides by a written number greater than 0 only"),
        ("9 ** 9 == 1", "'9 ** 9' does not belong into a condition"),
        ("day / 2 == 1", "'day / 2' does not belong into a condition"),
        ("~day == 1", "'~day' does not belong into a condition"),
        ("day is 1", "'day is 1' does not belong into a condition"),
        ("day == 1.5", "'1.5' does not belong into a condition"),
        ("ds == None", "'None' does not belong into a condition"),
        ("ds == b'x'", "does not belong into a condition"),
        ("__import__('os').system('x') == 0", "does not belong into a condition"),
        ("ds.upper() == 'x'", "does not belong into a condition"),
        ("ds[0] == '2'", "does not belong into a condition"),
        ("().__class__ == 1", "does not belong into a condition"),
        ("(lambda: True)()", "does not belong into a condition"),
        ("[d for d in [1]] == [1]", "does not belong into a condition"),
        ("(d := 1) == 1", "does not belong into a condition"),
        ("f'{ds}' == ds", "does not belong into a condition"),
        ("True if day == 1 else False", "does not belong into a condition"),
        ("day == 99999999999", "numbers of a condition go up to 1,000,000,000"),
        ("not " * 30 + "True", "nested at most 20 levels deep"),
        ("day == " + "1" * 600, "at most 500 printable characters"),
        ("day == \x07", "at most 500 printable characters"),
        ("(" * 240 + "True" + ")" * 240, "a condition"),
    ],
)
def test_refusals_are_one_sentence(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_condition(text)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_deep_chains_are_read_quickly() -> None:
    text = "1==(" * 19 + "1==1" + ")==1" * 19
    with pytest.raises(ConfigError, match=r"compares a number with true or false|levels deep"):
        parse_condition(text)
    assert parse_condition("==".join(["day"] * 100)).holds(VALUES)


def test_unmet_conditions_come_with_a_reason_that_shows_the_values() -> None:
    conditions = [
        ("a", "day == 1"),
        ("b", ""),
        ("c", "day == 3"),
        ("d", "weekday in [6, 7] and ds > '2014'"),
        ("e", "False"),
    ]
    assert unmet(conditions, SAMPLE_INTERVAL, timezone="America/New_York", group="g") == {
        "a": "run_if: day == 1 is false (day is 3)",
        "d": "run_if: weekday in [6, 7] and ds > '2014' is false (weekday is 4, ds is '2013-01-03')",
        "e": "run_if: False is false",
    }


def test_a_day_belongs_to_the_zone() -> None:
    midnight = datetime(2013, 3, 1, tzinfo=UTC)
    day = Interval(midnight, midnight + timedelta(days=1))
    first = [("a", "day == 1")]
    assert unmet(first, day, timezone="UTC", group="g") == {}
    assert unmet(first, day, timezone="America/New_York", group="g")["a"].endswith("(day is 28)")
