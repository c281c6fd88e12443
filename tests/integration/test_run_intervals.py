"""Which runs `sqlorch run` makes of an interval, in which order, and which data each of them covers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.projects import Project, make_project

TOLD = """\
    {{{{ config(materialized='incremental') }}}}
    select '{{{{ var("run_id") }}}}' as run_id, '{{{{ var("ts") }}}}' as ts{more}
"""
FILES = {
    "models/hour.sql": TOLD.format(more=""),
    "models/day.sql": TOLD.format(more=", (select count(*) from {{ ref('hour') }}) as seen"),
    "models/month.sql": TOLD.format(more=", (select count(*) from {{ ref('day') }}) as seen"),
    "models/report.sql": TOLD.format(more=", (select count(*) from {{ ref('day') }}) as seen"),
    "sqlorch.yml": """\
        groups:
          monthly: {select: month, schedule: "@monthly", start: 2013-01-01, timezone: America/New_York}
          daily: {select: day, schedule: "@daily", start: 2013-01-01, timezone: America/New_York}
          hourly:
            {select: hour, schedule: "@hourly", start: 2013-01-01, timezone: America/New_York, batch: 24}
        """,
}


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("clock"), FILES)


def planned(project: Project, *arguments: str) -> list[tuple[str, str, str]]:
    """Group, start and end of each run, in order; times in UTC to the minute."""
    document = project.sqlorch("run", "--dry-run", "--json", *arguments).document
    return [short(run) for run in document["runs"]]


def short(run: dict[str, Any]) -> tuple[str, str, str]:
    start, end = (run["interval"][side] for side in ("start", "end"))
    assert start.endswith("+00:00")
    return run["group"], start[:16], end[:16]


def test_two_days_run_oldest_first_and_upstream_groups_before_those_that_read_them(clock: Project) -> None:
    said = clock.run(interval="2013-01-03/2013-01-05")
    assert (said.code, said.err) == (0, "")
    days = [("2013-01-03T05:00", "2013-01-04T05:00"), ("2013-01-04T05:00", "2013-01-05T05:00")]
    assert [short(run) for run in said.document["runs"]] == [
        ("hourly", *days[0]),
        ("daily", *days[0]),
        ("hourly", *days[1]),
        ("daily", *days[1]),
        ("default", "2013-01-03T00:00", "2013-01-05T00:00"),  # no schedule: one run, in UTC
    ]
    assert said.document["not_due"] == [
        {"group": "monthly", "reason": "its interval 2013-01 is not complete in 2013-01-03/2013-01-05"}
    ]
    daily = said.document["runs"][1]["run_id"]
    shown = clock.sqlorch("runs", "show", daily).out
    assert "2013-01-03 00:00 -> 2013-01-04 00:00 America/New_York (05:00 -> 05:00 UTC)" in " ".join(
        shown.split()
    )
    assert clock.query("select ts, seen from day order by 1") == [
        ("2013-01-03T00:00:00-05:00", 1),
        ("2013-01-04T00:00:00-05:00", 2),
    ]
    assert clock.query("select ts, seen from report") == [("2013-01-03T00:00:00+00:00", 2)]
    assert clock.query("select count(distinct run_id) from hour") == [(2,)]


def test_a_month_holds_its_days_hours_and_itself(clock: Project) -> None:
    runs = planned(clock, "--interval", "2013-01")
    assert [group for group, _, _ in runs].count("daily") == 31
    assert [group for group, _, _ in runs].count("hourly") == 31  # 744 hours, 24 at a time
    assert [run for run in runs if run[0] == "monthly"] == [
        ("monthly", "2013-01-01T05:00", "2013-02-01T05:00")
    ]
    last_day = runs.index(("daily", "2013-01-31T05:00", "2013-02-01T05:00"))
    assert runs.index(("monthly", "2013-01-01T05:00", "2013-02-01T05:00")) > last_day


@pytest.mark.parametrize(
    "arguments",
    [
        ("--interval", "2013-01-03"),
        ("--interval", "2013-01-03/2013-01-04"),
        ("--interval", "2013-01-03T00:00/2013-01-04T00:00"),
        ("--interval", "2013-01-03T05:00Z/2013-01-04T05:00Z"),
        ("--interval", "2013-01-03T00:00:00-05:00/P1D"),
        ("--start", "2013-01-03", "--end", "2013-01-04"),
    ],
)
def test_a_day_is_written_in_many_ways(clock: Project, arguments: tuple[str, ...]) -> None:
    assert planned(clock, *arguments, "--group", "daily") == [
        ("daily", "2013-01-03T05:00", "2013-01-04T05:00")
    ]


def test_a_day_on_which_clocks_change_has_23_hours(clock: Project) -> None:
    runs = planned(clock, "--interval", "2013-03-10", "--group", "daily", "--group", "hourly")
    assert runs == [
        ("hourly", "2013-03-10T05:00", "2013-03-11T04:00"),
        ("daily", "2013-03-10T05:00", "2013-03-11T04:00"),
    ]


def test_as_one_covers_the_whole_range_in_one_run_a_group(clock: Project) -> None:
    runs = planned(clock, "--interval", "2013-01-03/2013-01-10", "--as-one", "--group", "daily")
    assert runs == [("daily", "2013-01-03T05:00", "2013-01-10T05:00")]


def test_a_node_that_is_named_runs_over_its_whole_interval(clock: Project) -> None:
    runs = planned(clock, "--interval", "2013-01-03", "--select", "month")
    assert runs == [("monthly", "2013-01-01T05:00", "2013-02-01T05:00")]
    said = clock.sqlorch("run", "--dry-run", "--interval", "2013-01-03", "--select", "month")
    assert "monthly: 2013-01-03 is part of its interval 2013-01, which runs as a whole" in said.out


def test_nothing_due_is_an_error_that_says_what_to_do(clock: Project) -> None:
    said = clock.sqlorch("run", "--interval", "2013-01-03T01:10/2013-01-03T01:20", "--exclude", "report")
    message = said.told(2)
    assert "no group is due" in message
    assert "choose a longer interval, or take it as it is with --as-one" in message


def test_before_the_start_and_after_the_end_no_longer_interval_is_advised(tmp_path: Path) -> None:
    ends = "start: 2013-01-02 06:00, end: 2013-02-01"
    settings = f"groups: {{daily: {{select: day, schedule: '0 6 * * *', {ends}}}}}"
    project = make_project(tmp_path / "shop", {"models/day.sql": "select 1 as n", "sqlorch.yml": settings})
    late = project.sqlorch("run", "--interval", "2013-03-01/2013-04-01").told(2)
    assert (
        "no group is due (daily: its schedule ends on 2013-02-01, before 2013-03); name an interval" in late
    )
    early = project.sqlorch("run", "--interval", "2013-01-01", "--select", "day").told(2)
    assert "its schedule starts on 2013-01-02 06:00, after 2013-01-01" in early
    assert "longer" not in late + early
    across = project.sqlorch("run", "--interval", "2013-01-02").told(2)
    assert "no interval of its schedule lies inside 2013-01-02); choose a longer interval" in across
    assert project.sqlorch("run", "--interval", "2013-03-01", "--as-one").code == 0
