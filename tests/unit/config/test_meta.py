from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from sqlorch.config.meta import group_nodes, read_options
from sqlorch.config.settings import settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import NodeOptions


def node(name: str, said: object = None, kind: str = "model") -> Node:
    meta = {} if said is None else {"owner": "x", "sqlorch": said}
    return Node(
        unique_id=f"{kind}.shop.{name}",
        kind=kind,
        name=name,
        path=f"models/{name}.sql",
        config={"meta": meta},
    )


def read(said: object, kind: str = "model") -> NodeOptions:
    made = node("a", said, kind)
    return read_options(Dag([made], []), "UTC")[made.unique_id]


def refused(said: object, kind: str = "model") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(said, kind)
    return str(caught.value).splitlines()


def test_reads_every_key() -> None:
    said = read(
        {
            "group": "g",
            "schedule": "@daily",
            "timezone": "Europe/Berlin",
            "start": "2013-01-01",
            "end": "2014-01-01T06:00",
            "interval": "point",
            "batch": 2,
            "retries": 3,
            "retry_delay": "30s",
            "timeout": "5m",
            "export": True,
        }
    )
    assert said.origin == "models/a.sql"
    assert (said.group, said.retries, said.retry_delay, said.timeout, said.export) == (
        "g",
        3,
        30.0,
        300.0,
        True,
    )
    assert dict(said.keys.given) == {
        "schedule": ("@daily",),
        "timezone": "Europe/Berlin",
        "start": datetime(2013, 1, 1),  # noqa: DTZ001 - as written, without a zone
        "end": datetime(2014, 1, 1, 6),  # noqa: DTZ001 - as written, without a zone
        "interval": "point",
        "batch": 2,
    }


@pytest.mark.parametrize(
    ("start", "instant"),
    [
        (date(2013, 1, 1), datetime(2013, 1, 1, tzinfo=UTC)),
        (datetime(2013, 1, 1, 6), datetime(2013, 1, 1, 6, tzinfo=UTC)),  # noqa: DTZ001 - what YAML 1.1 gives
        (datetime(2013, 1, 1, 6, tzinfo=UTC), datetime(2013, 1, 1, 6, tzinfo=UTC)),
        ("2013-01-01 06:00:00.5-05:00", datetime(2013, 1, 1, 11, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_dates_may_be_those_dbts_yaml_has_made(start: object, instant: datetime) -> None:
    assert read({"schedule": "@daily", "start": start}).keys.timetable("UTC").start == instant


def test_nodes_that_say_nothing_have_no_options() -> None:
    assert read_options(Dag([node("a"), node("b", kind="source")], []), "UTC") == {}


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"schedul": "x"}, "unknown key 'schedul'; did you mean 'schedule'?"),
        (
            {"select": "x"},
            "unknown key 'select'; known keys: after, batch, catchup, catchup_max, depends_on_past, end",
        ),
        ({1: 2}, "keys must be text"),
        ("daily", "must be a mapping of keys to values, not 'daily'"),
        ([1], "must be a mapping of keys to values, not a list"),
        ({"schedule": "61 * * * *"}, "schedule: minute '61' of the schedule: 61 is not within 0-59"),
        ({"schedule": ["@daily", 5]}, "schedule[1]: must be text, not 5"),
        ({"start": 45000}, "start: must be a date like 2013-01-01 or 2013-01-01T06:00, not 45000"),
        ({"export": "yes"}, "export: must be true or false, not 'yes'"),
        ({"retries": True}, "retries: must be a whole number, not true"),
        ({"group": "a b"}, "group: a group's name is 1 to 64 letters, digits, '_' and '-', not 'a b'"),
        ({"timezone": "Nowhere/Land"}, "timezone: unknown time zone 'Nowhere/Land'"),
        ({"every": "6h"}, "every: `every: 6h` is counted from `start`, which is missing"),
    ],
)
def test_refusals_name_the_node_and_its_file(said: Any, message: str) -> None:
    (line,) = refused(said)
    assert line.startswith(f"models/a.sql: meta.sqlorch of model.shop.a: {message}")


def test_rules_and_sentences_are_those_of_the_file() -> None:
    text = (
        '{batch: 0, retry_delay: 5x, timeout: 0, schedule: "* * * *", start: nope, interval: x, timezone: y}'
    )
    keys = load_yaml(text, "f.yml").data
    with pytest.raises(ConfigError) as caught:
        settings_from(load_yaml(f"groups: {{a: {text}}}", "f.yml"), {}, project_dir=Path("shop"))
    in_file = {line.split("groups.a.", 1)[1] for line in str(caught.value).splitlines()}
    assert {line.split("model.shop.a: ", 1)[1] for line in refused(keys)} == in_file
    assert len(in_file) == 7


@pytest.mark.parametrize("kind", ["test", "unit_test"])
def test_a_test_may_say_how_it_is_executed_and_nothing_else(kind: str) -> None:
    said = read({"retries": 1, "retry_delay": 2, "timeout": "1m", "run_if": "day == 1"}, kind)
    assert (said.retries, said.retry_delay, said.timeout, said.group) == (1, 2.0, 60.0, None)
    assert said.run_if == "day == 1"
    (line,) = refused({"group": "g"}, kind)
    keys = "expected_runtime, pool, retries, retry_delay, run_if, timeout, trigger_rule"
    assert line.endswith(f"unknown key 'group'; known keys: {keys}")


@pytest.mark.parametrize("kind", ["source", "exposure", "analysis"])
def test_where_it_means_nothing_it_is_refused(kind: str) -> None:
    (line,) = refused({"export": True}, kind)
    assert line == (
        f"models/a.sql: meta.sqlorch of {kind}.shop.a: it is read on models, seeds, snapshots, "
        f"functions and tests, not on this {kind}; remove it"
    )


def test_all_faults_of_all_nodes_are_told_at_once() -> None:
    graph = Dag([node("a", {"batch": 0, "x": 1}), node("b", 5), node("c", {})], [])
    with pytest.raises(ConfigError) as caught:
        read_options(graph, "UTC")
    assert [line.split(": ")[0] for line in str(caught.value).splitlines()] == [
        "models/a.sql",
        "models/a.sql",
        "models/b.sql",
    ]


def test_file_and_sql_together_give_every_node_its_group() -> None:
    text = 'defaults: {timezone: Europe/Berlin}\ngroups: {g: {select: "a", schedule: "@daily"}}'
    settings = settings_from(load_yaml(text, "sqlorch.yml"), {}, project_dir=Path("shop"))
    graph = Dag(
        [
            node("a"),
            node("b", {"schedule": "@monthly", "export": True}),
            node("c", {"group": "monthly", "retries": 5}),
            node("d"),
        ],
        [("model.shop.a", "model.shop.b")],
    )
    grouping = group_nodes(graph, settings, lambda _, select, __: frozenset({f"model.shop.{select}"}))
    assert [group.name for group in grouping.groups] == ["g", "monthly", "default"]
    assert [grouping.group_of[f"model.shop.{name}"] for name in "abcd"] == [
        "g",
        "monthly",
        "monthly",
        "default",
    ]
    assert grouping.group("monthly").timezone == "Europe/Berlin"
    assert grouping.exported == {"model.shop.b"}
    assert grouping.retry["model.shop.c"].retries == 5
