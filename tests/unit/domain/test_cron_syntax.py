"""What the validator accepts, refuses and warns of, each with its reason."""

from datetime import UTC, datetime

import pytest

from sqlorch.domain.cron import next_fires, parse_cron
from sqlorch.domain.cron_syntax import PRESETS, parse_fields
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.zones import find_zone

UTC_ZONE = find_zone("UTC")
NOW = datetime(2026, 1, 1, tzinfo=UTC)

REFUSED = [
    (None, "not the NoneType None"),
    (45000, "not the int 45000"),
    (["0 0 * * *"], "not the list"),
    (b"0 0 * * *", "not the bytes"),
    ("", "empty"),
    ("   \n", "empty"),
    ("0 0 * * ٣", "other than ASCII"),
    ("0\u00a00 * * *", "other than ASCII"),
    ("0 " * 200, "longer than 256"),
    ("0 0 * *", "4 fields"),
    ("*/10 * * * * *", "6 fields.*seconds are refused"),
    ("0 0 0 1 1 * 2026", "7 fields.*years"),
    ("R * * * *", "R is random"),
    ("R(0-10) 0 * * *", "R is random"),
    ("R/5 0 * * *", "R is random"),
    ("H 0 * * *", "H .*not supported"),
    ("0 h(1-3) * * *", "H .*not supported"),
    ("@reboot", "names no point in time"),
    ("@continuous", "names no point in time"),
    ("@every 5m", "write `every: 5m`"),
    ("@fortnightly", "unknown preset.*@daily"),
    ("0 0 1 JAN-JAN *", "to itself"),
    ("0 0 * * MON-MON", "to itself"),
    ("5-5 0 * * *", "to itself"),
    ("0 0 * * 7-0", "to itself"),
    ("0 0 * * 7-7", "to itself"),
    ("0 22-2 * * *", "backwards; write 22-23,0-2"),
    ("0 0 * * 5-1", "backwards; write 5-6,0-1"),
    ("0 0 * * 7-3", "backwards; write 0-3"),
    ("0 0 1 nov-feb *", "backwards; write 11-12,1-2"),
    ("*/90 * * * *", "step of 90"),
    ("*/60 * * * *", "step of 60"),
    ("0 */24 * * *", "step of 24"),
    ("0-10/20 * * * *", "step of 20"),
    ("5/90 * * * *", "step of 90"),
    ("*/0 * * * *", "step of 0"),
    ("60 * * * *", "not within 0-59"),
    ("0 24 * * *", "not within 0-23"),
    ("0 0 0 * *", "not within 1-31"),
    ("0 0 * 13 *", "not within 1-12"),
    ("0 0 * * 8", "not within 0-6"),
    ("-5 * * * *", "not a value"),
    ("1,,2 * * * *", "not a value"),
    ("1, * * * *", "not a value"),
    ("*,5 * * * *", "already means every"),
    ("*-5 * * * *", "not a range"),
    ("? 0 * * *", "day fields only"),
    ("0 0 15W * *", "nearest weekday"),
    ("0 0 LW * *", "nearest weekday"),
    ("0 0 * * 5L", "not a day of week"),
    ("0 0 * * 1#6", "not within #1-#5"),
    ("0 0 * * 1#0", "not within #1-#5"),
    ("0 0 * * 1#1,3", "not mixed"),
    ("0 0 * * 1-3#2", "write 2#3"),
    ("0 0 1-L * *", "'l' is not a day of month"),
    ("0 0 * FOO *", "'foo' is not a month"),
    ("0 0 31 2 *", "never fires"),
    ("0 0 30 2 *", "never fires"),
    ("0 0 31 4,6,9,11 *", "never fires"),
    ("0 0 */2 * 1-5", "ambiguous"),
    ("0 0 1-5 * */2", "ambiguous"),
    ("0 0 */2 * */2", "ambiguous"),
    ("0 0 13 * 5#2", "ambiguous"),
    ("0 0 13 * L5", "ambiguous"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=lambda value: repr(value)[:40])
def test_refused_with_a_one_line_reason(text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_cron(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("0 0 * * SUN", "0 0 * * 7"),
        ("0 0 * * 0-7", "0 0 * * 0-6"),
        ("0 0 * * fri-sun", "0 0 * * 0,5,6"),
        ("0 0 ? * 1", "0 0 * * MON"),
        ("0 0 1 ? *".replace("?", "*"), "00 00 01 * ?"),
        ("  0\t9 * JAN-MAR,dec mon-fri ", "0 9 * 1,2,3,12 1-5"),
        ("10/20 * * * *", "10,30,50 * * * *"),
        ("@quarterly", "0 0 1 1,4,7,10 *"),
        ("0 0 31 2 1", "0 0 * 2 1"),
    ],
)
def test_other_spellings_mean_the_same(text, same):
    assert next_fires(parse_cron(text), NOW, UTC_ZONE, 40) == next_fires(parse_cron(same), NOW, UTC_ZONE, 40)


def test_equal_text_is_an_equal_value():
    assert (
        parse_cron("0  0 * * *") == parse_cron("0 0 * * *") == parse_cron("@daily") == parse_cron("@midnight")
    )
    assert len({parse_cron("@daily"), parse_cron("0 0 * * *"), parse_cron("@hourly")}) == 2


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_an_expression_in_any_case(preset):
    assert parse_cron(preset.upper()).text == PRESETS[preset]


@pytest.mark.parametrize(
    ("text", "elapsed"),
    [
        ("*/5 0 * * *", True),
        ("0 * * * *", True),
        ("0 */2 * * *", True),
        ("0 0 * * *", False),
        ("0-59 0-23 * * *", False),
        ("0 1,2 * * *", False),
    ],
)
def test_elapsed_type_is_a_leading_star_in_minute_or_hour(text, elapsed):
    assert parse_fields(text).elapsed is elapsed


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 13 * 5", ["either matches"]),
        ("*/7 * * * *", ["'*/7' counts from 0 anew every hour"]),
        ("0 */5 * * *", ["'*/5' counts from 0 anew every day"]),
        ("0 0 */2 * *", ["'*/2' counts from 1 anew every month"]),
        ("0 0 1 */5 *", ["'*/5' counts from 1 anew every year"]),
        ("0 0 * * */2", ["'*/2' counts from 0 anew every week"]),
        ("*/15 */6 * */3 *", []),
        ("0 0 */1 * *", []),
        ("0 0 1 * ?", []),
        ("0 0 29 2 *", []),
    ],
)
def test_notes(text, expected):
    warnings = parse_cron(text).warnings(NOW, UTC_ZONE)
    assert len(warnings) == len(expected)
    assert all(part in said for part, said in zip(expected, warnings, strict=True))


def test_a_first_fire_far_away_is_warned_of():
    leap, fifth = parse_cron("0 0 29 2 *"), parse_cron("0 0 * 2 1#5")
    assert leap.warnings(datetime(2096, 3, 1, tzinfo=UTC), UTC_ZONE) == [
        "after 2096-03-01 it fires not before 2104-02-29"
    ]
    assert fifth.warnings(NOW, UTC_ZONE) == ["after 2026-01-01 it fires not before 2044-02-29"]
    assert leap.warnings(NOW, UTC_ZONE) == []


def test_the_end_of_what_a_datetime_holds_is_no_error():
    for text in ("0 0 1 1 *", "* * * * *", "0 0 29 2 *"):
        for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
            fires = next_fires(
                parse_cron(text), datetime(9999, 12, 31, 23, 58, tzinfo=UTC), find_zone(zone), 5
            )
            assert len(fires) <= 1
