"""``wait_for`` as it is written, and as it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sqlorch.config.meta import group_nodes
from sqlorch.config.settings import Settings, settings_from
from sqlorch.config.yaml_loader import load_yaml
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ConfigError, SqlorchError
from sqlorch.domain.grouping import Grouping
from sqlorch.domain.sensor import SensorSpec
from sqlorch.domain.snapshot import Snapshot
from sqlorch.domain.snapshot_codec import decode_snapshot, encode_snapshot


def settings(text: str) -> Settings:
    return settings_from(load_yaml(text, "sqlorch.yml"), {}, project_dir=Path("/warehouse"))


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return str(caught.value).splitlines()


def sensor(item: str) -> SensorSpec:
    (found,) = settings(f"groups: {{a: {{wait_for: {item}}}}}").groups[0].wait_for
    return found


def node(name: str, said: Any = None) -> Node:
    meta = {} if said is None else {"sqlorch": said}
    return Node(
        unique_id=f"model.shop.{name}",
        kind="model",
        name=name,
        path=f"models/{name}.sql",
        config={"meta": meta},
    )


def group(text: str, *nodes: Node) -> Grouping:
    return group_nodes(
        Dag(nodes, ()), settings(text), lambda _, select, __: frozenset({f"model.shop.{select}"})
    )


def test_every_kind_and_every_key() -> None:
    text = """\
groups:
  a:
    wait_for:
      - file: "in/{{ ds }}/*.csv"
        every: 5m
        timeout: 6h
        soft_fail: true
        description: the file of {{ ds }}
      - sql: |
          select count(*) > 0
          from raw
      - http: https://example.org/{{ ds }}?x=1
        status: [200, 204]
        json: {"files[0].state": complete, ready: true}
      - freshness: raw.flights
      - group: b
      - model: "stg"
      - {sensor: kafka_offset, with: {topic: [a, 1]}}
  b: {}
sensors: {allow_hosts: [localhost, 10.0.0.0/8, "::1"]}
"""
    read = settings(text)
    first, *others = read.groups[0].wait_for
    assert first == SensorSpec(
        kind="file",
        target="in/{{ ds }}/*.csv",
        every=300.0,
        timeout=21600.0,
        soft_fail=True,
        description="the file of {{ ds }}",
        origin="sqlorch.yml:4",
    )
    assert [(one.kind, one.origin) for one in others] == [
        ("sql", "sqlorch.yml:9"),
        ("http", "sqlorch.yml:12"),
        ("freshness", "sqlorch.yml:15"),
        ("group", "sqlorch.yml:16"),
        ("model", "sqlorch.yml:17"),
        ("kafka_offset", "sqlorch.yml:18"),
    ]
    assert others[1].options == {"status": [200, 204], "json": {"files[0].state": "complete", "ready": True}}
    assert others[5].options == {"topic": ["a", 1]}
    assert (others[0].every, others[0].timeout, others[0].soft_fail) == (60.0, None, False)
    assert read.sensor_hosts == ("localhost", "10.0.0.0/8", "::1/128")


@pytest.mark.parametrize(
    "url", ["s3://raw/{{ ds }}.csv", "gs://raw/*", "abfss://c@account/x", "file:///tmp/x"]
)
def test_object_stores_and_local_files_are_waited_for(url: str) -> None:
    assert sensor(f"{{file: '{url}'}}").target == url


@pytest.mark.parametrize("path", ["ready", "[0].a", "a[0][1].b c", "a.0"])
def test_paths_into_json(path: str) -> None:
    assert sensor(f"{{http: 'http://h/', json: {{'{path}': 1}}}}").options == {"json": {path: 1}}


def test_one_sensor_needs_no_list_and_one_status_neither() -> None:
    assert sensor("{file: x}").target == "x"
    assert sensor("{http: 'http://h/', status: 204}").options == {"status": [204]}


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{}", "wait_for: says nothing to wait for; give it one of file, sql, http"),
        ("{every: 5m}", "says nothing to wait for"),
        ("{file: a, sql: select 1}", "waits for file and sql in one"),
        ("{file: '{{ dss }}'}", "a run has no variable 'dss'; did you mean 'ds'?"),
        ("{file: ''}", "must be a line of text"),
        ("{file: 5}", "must be text, not 5"),
        ("{file: 'https://example.org/a.csv'}", "an address is waited for with http:"),
        (
            "{file: 'webhdfs://127.0.0.1:9870/x'}",
            "'webhdfs://' is not waited for; a URL begins with one of file",
        ),
        ("{file: 'ftp://example.org/x'}", "'ftp://' is not waited for"),
        ("{file: 'S3://a/b'}", "'S3://' is not waited for"),
        ("{file: '${ds}://a/b'}", "the kind of a URL is fixed"),
        ("{file: 'simplecache::s3://a/b'}", "chained URLs are not supported"),
        ("{sql: ' ; '}", "must be a query"),
        ("{http: 'ftp://example.org'}", "must be a URL that begins with https:// or http://"),
        ("{http: 'https://me:secret@example.org/'}", "must not hold a user name or password"),
        ("{http: 'https://{{ ds }}.example.org/'}", "the host of a URL is fixed"),
        ("{http: 'https://example.org:99999/'}", "is no URL: Port out of range"),
        ("{http: 'https://[::1/'}", "is no URL"),
        ("{http: 'https://h/', status: 99}", "must be a status from 100 to 599"),
        ("{http: 'https://h/', status: true}", "must be a status from 100 to 599"),
        ("{http: 'https://h/', json: {a: [1]}}", "'a' is text, a number, true, false or null, not a list"),
        ("{http: 'https://h/', json: {'files[-1].state': a}}", "cannot read the path 'files[-1].state'"),
        ("{http: 'https://h/', json: {'a..b': a}}", "cannot read the path 'a..b'; it is keys and places"),
        ("{http: 'https://h/', json: {'a[0': a}}", "cannot read the path 'a[0'"),
        ("{http: 'https://h/', json: {}}", "must map paths to values"),
        ("{file: a, status: 200}", "status belongs to http:, not to file:"),
        ("{file: a, with: {b: 1}}", "with belongs to sensor:, not to file:"),
        ("{file: a, soft_fail: true}", "soft_fail is about a timeout; add one"),
        ("{file: a, every: 0.5s}", "must be at least 1s"),
        ("{file: a, timeout: 0}", "must be longer than 0 seconds"),
        ("{freshness: a.b.c}", "must be a source or one of its tables"),
        ("{sensor: 'Not A Name'}", "a sensor's name is lower-case letters"),
        ("{file: a, evry: 5m}", "unknown key 'evry' in groups.a.wait_for[0]; did you mean 'every'?"),
        ("[7]", "must be a mapping of keys to values, not 7"),
        ("7", "must be text or a list"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_written(item: str, said: str) -> None:
    lines = refused(f"groups:\n  a:\n    wait_for: {item}\n")
    assert any(line.startswith("sqlorch.yml:3:") and said in line for line in lines), lines


def test_all_faults_are_told_at_once_each_in_its_line() -> None:
    lines = refused(
        "groups:\n  a:\n    wait_for:\n    - file: '{{ x }}'\n    - {group: [b]}\n"
        "sensors: {allow_hosts: ['a b']}\n"
    )
    assert [line.split(": ")[0].rsplit(":", 1)[0] for line in lines] == [
        f"sqlorch.yml:{at}" for at in (4, 5, 6)
    ]


def test_a_models_sensors_make_its_group_wait() -> None:
    found = group(
        "groups: {a: {select: x, wait_for: {file: one}}}",
        node("x", {"wait_for": [{"file": "two"}, {"file": "one"}]}),
    )
    assert [(one.target, one.origin) for one in found.group("a").wait_for] == [
        ("one", "sqlorch.yml:1"),
        ("two", "models/x.sql"),
    ]


def test_a_model_that_is_waited_for_is_named_by_its_id_and_orders_the_groups() -> None:
    text = "groups: {a: {select: x, wait_for: {model: y}}, b: {select: y}}"
    found = group(text, node("x"), node("y"))
    (waits,) = found.group("a").wait_for
    assert (waits.target, waits.description) == ("model.shop.y", "model y")
    assert [one.name for one in found.groups] == ["b", "a", "default"]


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (
            "{group: bb}",
            "",
            (
                "sqlorch.yml:1: the group 'a' waits for the group 'bb', which the project does not have; "
                "did you mean 'b'?"
            ),
        ),
        ("{group: a}", "", "which is itself; depends_on_past waits for the interval before"),
        ("{model: x}", "", "which runs with the same group; leave it out"),
        ("{model: zz}", "", "which the project does not have; the groups are: a, b, default"),
        ("{group: b}", ", wait_for: {model: x}", "the groups form a cycle: a -> b -> a"),
    ],
)
def test_names_that_mean_nothing_and_circles_are_refused(a: str, b: str, said: str) -> None:
    text = f"groups: {{a: {{select: x, wait_for: {a}}}, b: {{select: y{b}}}}}"
    with pytest.raises(SqlorchError) as caught:
        group(text, node("x"), node("y"))
    assert said in str(caught.value)


def test_the_daemon_is_told_of_them() -> None:
    read = settings("groups: {a: {wait_for: [{http: 'https://h/', json: {a: 1}, timeout: 5}, {file: b}]}}")
    snapshot = Snapshot(groups={one.name: one for one in read.groups}, nodes={})
    assert decode_snapshot(encode_snapshot(snapshot)).groups["a"].wait_for == read.groups[0].wait_for
