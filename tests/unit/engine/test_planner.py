"""Which runs come of a period, and in what order."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.group import Group
from sqlorch.domain.grouping import Grouping, assign_groups
from sqlorch.domain.interval import Interval
from sqlorch.domain.periods import parse_period
from sqlorch.domain.timetable import make_timetable
from sqlorch.engine.planner import Plan, plan_runs

NEW_YORK = "America/New_York"
EDGES = [("seed", "hourly"), ("hourly", "daily"), ("daily", "monthly"), ("monthly", "report")]


def group(name: str, schedule: str | None, *, zone: str = NEW_YORK, batch: int = 1) -> Group:
    start = datetime(2013, 1, 1, 5, tzinfo=UTC) if schedule else None
    timetable = make_timetable(schedule=schedule, timezone=zone, start=start)
    return Group(name=name, select=f"x{name}", batch=batch, timetable=timetable)


def project() -> tuple[Dag, Grouping]:
    names = ["seed", "hourly", "daily", "monthly", "report"]
    dag = Dag([Node(unique_id=name, kind="model", name=name) for name in names], EDGES)
    groups = [
        group("gmonthly", "@monthly"),
        group("ghourly", "@hourly", batch=24),
        group("gdaily", "@daily"),
    ]
    members = {"xgmonthly": {"monthly"}, "xghourly": {"hourly"}, "xgdaily": {"daily"}, "xreport": {"report"}}
    groups.append(group("report", None))
    grouping = assign_groups(
        dag, groups, lambda _dag, text, _exclude: frozenset(members[text]), group("default", None)
    )
    return dag, grouping


def plan(period: str, *, selected: str = "seed hourly daily monthly report", **more: bool) -> Plan:
    dag, grouping = project()
    return plan_runs(
        dag=dag,
        grouping=grouping,
        selected=frozenset(selected.split()),
        period=lambda one: parse_period(period, one.timezone),
        **more,
    )


def shown(made: Plan) -> list[str]:
    return [
        f"{run.group.name} {run.interval.start:%m-%dT%H}..{run.interval.end:%m-%dT%H}" for run in made.runs
    ]


def test_each_group_is_cut_by_its_own_schedule_and_upstream_groups_come_first() -> None:
    assert shown(plan("2013-01-01/2013-01-03")) == [
        "default 01-01T05..01-03T05",
        "ghourly 01-01T05..01-02T05",
        "gdaily 01-01T05..01-02T05",
        "ghourly 01-02T05..01-03T05",
        "gdaily 01-02T05..01-03T05",
        "report 01-01T05..01-03T05",
    ]


def test_a_group_whose_interval_is_not_complete_is_not_due_and_says_so() -> None:
    made = plan("2013-01-01/2013-01-03")
    (notice,) = made.notices
    assert (notice.group, notice.due) == ("gmonthly", False)
    assert "not complete" in notice.text


def test_a_whole_month_is_due_after_its_days() -> None:
    runs = shown(plan("2013-01"))
    assert runs[-2:] == ["gmonthly 01-01T05..02-01T05", "report 01-01T05..02-01T05"]
    assert len([run for run in runs if run.startswith("gdaily")]) == 31


def test_what_was_named_runs_over_the_interval_around_the_period() -> None:
    made = plan("2013-01-03", selected="monthly", widen=True)
    assert shown(made) == ["gmonthly 01-01T05..02-01T05"]
    assert made.notices[0].due
    assert "part of" in made.notices[0].text


def test_as_one_takes_the_period_as_it_is() -> None:
    made = plan("2013-01-03T07:00/2013-01-04T09:00", selected="daily monthly", as_one=True)
    assert shown(made) == ["gdaily 01-03T12..01-04T14", "gmonthly 01-03T12..01-04T14"]


def test_what_whole_intervals_leave_over_is_told() -> None:
    made = plan("2013-01-03T07:00/2013-01-06T09:00", selected="daily")
    assert shown(made) == ["gdaily 01-04T05..01-05T05", "gdaily 01-05T05..01-06T05"]
    assert made.notices[0].due
    assert "no whole interval covers" in made.notices[0].text


def test_nodes_of_a_run_stand_in_topological_order_and_unselected_groups_have_no_run() -> None:
    made = plan("2013-01-01", selected="daily")
    assert [run.nodes for run in made.runs] == [("daily",)]


def test_an_elastic_plan_keeps_groups_whose_nodes_the_interval_decides() -> None:
    made = plan("2013-01-01", selected="", elastic=True)
    assert {run.group.name for run in made.runs} == {"default", "ghourly", "gdaily", "report"}


def test_a_year_of_hours_is_planned_quickly_enough_to_be_a_unit_test() -> None:
    dag, grouping = project()
    year = Interval(datetime(2013, 1, 1, 5, tzinfo=UTC), datetime(2014, 1, 1, 5, tzinfo=UTC))
    made = plan_runs(
        dag=dag, grouping=grouping, selected=frozenset({"hourly", "daily", "monthly"}), period=lambda _: year
    )
    ends: dict[str, list[datetime]] = {}
    for run in made.runs:
        ends.setdefault(run.group.name, []).append(run.interval.end)
    assert [len(ends[name]) for name in ("ghourly", "gdaily", "gmonthly")] == [365, 365, 12]
    assert all(found == sorted(found) for found in ends.values())
