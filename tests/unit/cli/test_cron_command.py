import json

import pytest
from click.testing import CliRunner

from sqlorch.cli.cron import cron
from sqlorch.domain.errors import ConfigError

SPRING = ["30 2 * * *", "--timezone", "America/New_York", "--after", "2026-03-06T12:00"]


def invoke(*arguments):
    return CliRunner().invoke(cron, arguments)


def test_json_is_one_document_with_fires_in_utc():
    result = invoke(*SPRING, "--count", "3", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "fires": ["2026-03-07T07:30:00+00:00", "2026-03-08T07:00:00+00:00", "2026-03-09T06:30:00+00:00"],
        "warnings": ["the clocks skip 02:00-03:00 on 2026-03-08: 1 of 1 fires of that day happens at 03:00"],
    }


def test_the_table_shows_local_time_utc_and_lengths():
    lines = invoke(*SPRING, "--count", "2").stdout.splitlines()
    assert lines[0].split("   ")[0] == "fires (America/New_York)"
    assert lines[1].split("   ") == ["Sat 2026-03-07 02:30 -05:00", "2026-03-07 07:30", "23 h 30 min"]
    assert lines[2].split("   ") == ["Sun 2026-03-08 03:00 -04:00", "2026-03-08 07:00", "23 h 30 min"]
    assert lines[3] == ""
    assert lines[4].startswith("note: the clocks skip 02:00-03:00 on 2026-03-08")
    assert len(lines) == 5


def test_without_notes_there_is_only_the_table():
    lines = invoke("@daily", "--after", "2026-01-01", "--count", "1").stdout.splitlines()
    assert [line.split("   ")[0].strip() for line in lines] == ["fires (UTC)", "Fri 2026-01-02 00:00 +00:00"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["30 1 * * *", "-z", "Europe/Berlin", "--after", "2026-10-24"], []),
        (
            ["30 2 * * *", "-z", "Europe/Berlin", "--after", "2026-10-24"],
            ["02:30 twice; it fires the first time"],
        ),
        (
            ["*/30 * * * *", "-z", "Europe/Berlin", "--after", "2026-10-25T01:50", "-n", "6"],
            ["in both passes"],
        ),
        (["0 0 13 * 5", "*/7 * * * *", "--after", "2026-01-01"], ["either matches", "anew every hour"]),
    ],
)
def test_notes(arguments, said):
    warnings = json.loads(invoke(*arguments, "--json").stdout)["warnings"]
    assert len(warnings) == len(said)
    assert all(part in warning for part, warning in zip(said, warnings, strict=True))


GAP = ["-z", "America/New_York", "--after", "2026-03-07", "--json"]
SKIPS = "the clocks skip 02:00-03:00 on 2026-03-08: "


@pytest.mark.parametrize(
    ("schedule", "count", "said"),
    [
        (["*/15 2 * * *"], 3, []),  # up to the 7th alone
        (["*/15 2 * * *"], 4, [f"{SKIPS}4 of 4 fires of that day do not happen"]),
        (["0 */2 * * *"], 30, [f"{SKIPS}1 of 12 fires of that day does not happen"]),
        (["*/15 2,3 * * *"], 20, [f"{SKIPS}4 of 8 fires of that day do not happen"]),
        (["*/15 * * * *"], 200, []),  # a quarter of an hour is always one
        (["0 3 * * *"], 5, []),
        (["15,45 2 * * *"], 5, [f"{SKIPS}2 of 2 fires of that day happen at 03:00, as one"]),
        (
            ["0 1-4 * * *"],
            9,
            [f"{SKIPS}1 of 4 fires of that day happens at 03:00, as one with that of 03:00"],
        ),
        (["* 2 * * *", "0 5 * * *"], 99, [f"{SKIPS}60 of 60 fires of that day do not happen (* 2 * * *)"]),
    ],
)
def test_fires_that_the_clocks_skip_are_told(schedule, count, said):
    assert json.loads(invoke(*schedule, *GAP, "-n", str(count)).stdout)["warnings"] == said


def test_fires_of_a_day_that_is_skipped_are_told():
    skipped = ["*/30 1 * * *", "-z", "Pacific/Apia", "--after", "2011-12-28", "-n", "6"]
    assert invoke(*skipped).stdout.splitlines()[-1] == (
        "note: the clocks skip 2011-12-30 00:00 to 2011-12-31 00:00: 2 of 2 fires of that day do not happen"
    )


def test_several_schedules_are_a_union():
    fires = json.loads(invoke("0 0 * * *", "0 6 * * *", "--after", "2026-01-01", "-n", "3", "--json").stdout)[
        "fires"
    ]
    assert [fire[8:16] for fire in fires] == ["01T06:00", "02T00:00", "02T06:00"]


def test_now_is_the_default_start():
    result = invoke("* * * * *", "--count", "1000", "--json")
    assert len(json.loads(result.stdout)["fires"]) == 1000


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["* * * *"], "4 fields"),
        (["@once"], "start"),
        (["@daily", "-z", "Mars"], "unknown time zone"),
        (["@daily", "--after", "soon"], "'soon' is not a time"),
    ],
)
def test_bad_input_is_one_of_our_errors(arguments, reason):
    result = invoke(*arguments)
    assert isinstance(result.exception, ConfigError)
    assert reason in str(result.exception)


@pytest.mark.parametrize("arguments", [[], ["@daily", "--count", "0"], ["@daily", "--count", "1001"]])
def test_usage(arguments):
    assert invoke(*arguments).exit_code == 2
