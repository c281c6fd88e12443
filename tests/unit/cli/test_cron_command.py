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
        "warnings": ["2026-03-08: the clocks skip the scheduled time; it fires where the gap ends, 03:00"],
    }


def test_the_table_shows_local_time_utc_and_lengths():
    lines = invoke(*SPRING, "--count", "2").stdout.splitlines()
    assert lines[0].split("   ")[0] == "fires (America/New_York)"
    assert lines[1].split("   ") == ["Sat 2026-03-07 02:30 -05:00", "2026-03-07 07:30", "23 h 30 min"]
    assert lines[2].split("   ") == ["Sun 2026-03-08 03:00 -04:00", "2026-03-08 07:00", "23 h 30 min"]
    assert lines[3] == ""
    assert lines[4].startswith("note: 2026-03-08: the clocks skip")
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
