from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import GROUP_NAME, Group, NodeOptions, ScheduleKeys
from sqlorch.domain.group_names import implicit_name
from sqlorch.domain.run import RetryPolicy
from sqlorch.domain.sql_groups import define_groups
from sqlorch.domain.timetable import make_timetable

DEFAULT = Group(
    name="default",
    timetable=make_timetable(timezone="Europe/Berlin"),
    retry=RetryPolicy(retries=4),
    timeout=9.0,
)


def said(uid: str, group: str | None = None, schedule: str | None = None, **keys: Any) -> NodeOptions:
    return NodeOptions(
        origin=f"models/{uid}.sql",
        group=group,
        keys=ScheduleKeys(schedule=(schedule,) if schedule else None, **keys),
    )


def in_file(name: str, schedule: str, **keys: Any) -> Group:
    written = ScheduleKeys(schedule=(schedule,), **keys)
    return Group(
        name=name, keys=written, timetable=written.timetable("Europe/Berlin"), origin="sqlorch.yml:3"
    )


def define(options: dict[str, NodeOptions], *groups: Group) -> tuple[list[Group], dict[str, str]]:
    return define_groups(options, groups, DEFAULT)


def refused(options: dict[str, NodeOptions], *groups: Group) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        define(options, *groups)
    return str(caught.value).splitlines()


def at(uid: str) -> str:
    return f"models/{uid}.sql: meta.sqlorch of {uid}: "


def test_a_schedule_without_a_group_makes_one_named_from_it() -> None:
    (group,), claimed = define({"a": said("a", schedule="@daily", batch=3), "b": NodeOptions(retries=2)})
    assert claimed == {"a": "daily"}
    assert (group.name, group.batch, group.timezone, group.origin) == (
        "daily",
        3,
        "Europe/Berlin",
        "models/a.sql",
    )
    assert (group.retry, group.timeout) == (DEFAULT.retry, DEFAULT.timeout)
    assert group.timetable.scheduled


def test_nodes_that_agree_share_a_group_and_others_join_it_by_name() -> None:
    made, claimed = define(
        {
            "a": said("a", "g"),
            "b": said("b", "g", "@daily", batch=1, timezone="Europe/Berlin"),
            "c": said("c", "g", "@daily"),
        }
    )
    assert [group.name for group in made] == ["g"]
    assert claimed == {"a": "g", "b": "g", "c": "g"}


def test_nodes_of_a_group_that_disagree_are_refused_with_both_models() -> None:
    start = datetime(2013, 1, 1)  # noqa: DTZ001 - as written, without a zone
    assert refused(
        {
            "a": said("a", "g", "@daily"),
            "b": said("b", "g", "@hourly"),
            "c": said("c", "g", "@daily", start=start),
        }
    ) == [
        (
            f"{at('b')}schedule is '@hourly' here but '@daily' for a (models/a.sql), "
            "which is in the same group 'g'; make them agree or name another group"
        ),
        (
            f"{at('c')}start is '2013-01-01 00:00:00' here but not set for a (models/a.sql), "
            "which is in the same group 'g'; make them agree or name another group"
        ),
    ]


def test_a_group_of_the_file_is_joined_by_its_name_or_by_a_schedule_of_that_name() -> None:
    made, claimed = define(
        {"a": said("a", "daily"), "b": said("b", schedule="@daily"), "c": said("c", "daily", "@daily")},
        in_file("daily", "@daily", timezone="UTC"),
    )
    assert made == []
    assert claimed == {"a": "daily", "b": "daily", "c": "daily"}


def test_what_contradicts_a_group_of_the_file_is_refused_with_its_line() -> None:
    assert refused({"a": said("a", "g", batch=2)}, in_file("g", "@daily")) == [
        (
            f"{at('a')}batch is '2' here but '1' for the group 'g' (sqlorch.yml:3); make them "
            "agree or name another group"
        )
    ]


def test_a_group_that_is_defined_nowhere_is_refused_with_the_nearest() -> None:
    assert refused(
        {"a": said("a", "flights_dayly"), "b": said("b", "zz")}, in_file("flights_daily", "@daily")
    ) == [
        (
            f"{at('a')}the group 'flights_dayly' is defined neither in sqlorch.yml nor by a "
            "model; did you mean 'flights_daily'?"
        ),
        (
            f"{at('b')}the group 'zz' is defined neither in sqlorch.yml nor by a model; define "
            "it under groups: there, or add a schedule here"
        ),
    ]


def test_schedule_keys_without_a_schedule_or_a_group_are_refused() -> None:
    assert refused({"a": said("a", timezone="UTC", batch=2)}) == [
        (f"{at('a')}batch, timezone without a schedule means nothing; add schedule or every, or name a group")
    ]


def test_default_can_be_joined_but_not_scheduled() -> None:
    assert define({"a": said("a", "default")}) == ([], {"a": "default"})
    (line,) = refused({"a": said("a", "default", "@daily")})
    assert "the group 'default' is that of all models no group selects and has no schedule" in line


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"schedule": ("@daily",)}, "daily"),
        ({"schedule": ("@Daily",)}, "daily"),
        ({"schedule": ("0 6 * * 1-5",)}, "cron_0_6_x_x_1-5"),
        ({"schedule": ("*/15  * * * *",)}, "cron_every15_x_x_x_x"),
        ({"schedule": ("0 0,12 1/2 JAN 5#2",)}, "cron_0_0and12_1by2_jan_5nth2"),
        ({"schedule": ("0 6 * * *", "@monthly")}, "cron_0_6_x_x_x_monthly"),
        ({"every": "6h"}, "every_6h"),
        ({"schedule": ("@daily",), "timezone": "America/New_York"}, "daily_America-New_York"),
        ({"schedule": ("@daily",), "timezone": "UTC"}, "daily"),
        ({"schedule": ("@daily",), "timezone": "Etc/GMT+5"}, "daily_Etc-GMTplus5"),
    ],
)
def test_implicit_names_can_be_read(keys: dict[str, Any], name: str) -> None:
    assert implicit_name(ScheduleKeys(**keys), "UTC") == name


def test_a_long_implicit_name_is_cut_and_still_tells_schedules_apart() -> None:
    crons = [tuple(f"{minute} {hour} * * *" for hour in range(20)) for minute in (1, 2)]
    made = [implicit_name(ScheduleKeys(schedule=("0 5 * * *", *cron)), "UTC") for cron in crons]
    assert all(GROUP_NAME.match(name) and len(name) == 64 for name in made)
    assert made[0] != made[1]
    assert made[0].startswith("cron_0_5_x_x_x_cron_")
