"""Sensors on real warehouses through dbt, and the commands that look at them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
import yaml
from support.postgres import Postgres, running_postgres
from support.projects import Project, make_project
from support.web import serving

MODELS = {
    "models/orders.sql": "select 1 as a",
    "models/loads.sql": "select 1 as a",
    "models/sources.yml": """\
        sources:
          - name: raw
            schema: main
            tables:
              - name: loads_in
                config:
                  loaded_at_field: loaded_at
                  freshness: {error_after: {count: 12, period: hour}}
              - name: notes
    """,
}
HIDDEN = "hunter2-hunter2-hunter2"
YML = """\
groups:
  daily:
    select: orders
    wait_for:
      - file: in/{{{{ ds }}}}.csv
        every: 1s
{more}
  loads: {{select: loads}}
"""


def project(root: Path, more: str = "", **files: str) -> Project:
    lines = "\n".join(f"      {line}" for line in more.splitlines())
    return make_project(root, {**MODELS, "sqlorch.yml": YML.format(more=lines), **files})


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    made = project(
        tmp_path,
        "- sql: select n > 1 from loads_in where day = date '{{ ds }}'  -- a comment\n"
        "- freshness: raw.loads_in\n"
        "- {group: loads, timeout: 1s}",
    )
    with duckdb.connect(str(made.warehouse)) as connection:
        connection.execute(
            "create table loads_in as select 0 as n, date '2013-01-03' as day, now() as loaded_at"
        )
    return made


def arrive(shop: Project, n: int = 2, loaded_at: str = "now()") -> None:
    (shop.root / "in").mkdir(exist_ok=True)
    (shop.root / "in" / "2013-01-03.csv").touch()
    with duckdb.connect(str(shop.warehouse)) as connection:
        connection.execute(f"update loads_in set n = {n}, loaded_at = {loaded_at}")


def found(shop: Project, group: str = "daily") -> dict[str, tuple[bool, str]]:
    said = shop.sqlorch("sensors", "check", "--json", "-i", "2013-01-03", group)
    document = json.loads(said.out)
    assert said.code == (0 if all(one["met"] for one in document["sensors"]) else 1)
    return {one["kind"]: (one["met"], one["found"]) for one in document["sensors"]}


def test_every_kind_is_looked_at_and_told(shop: Project) -> None:
    assert found(shop) == {
        "file": (False, "not there"),
        "sql": (False, "its first value is False"),
        "freshness": (True, "fresh"),
        "group": (False, "loads 2013-01-03 is missing"),
    }
    arrive(shop, loaded_at="now() - interval 2 day")
    assert shop.run("-g", "loads").code == 0
    assert found(shop) == {
        "file": (True, "1 file"),
        "sql": (True, "its first value is True"),
        "freshness": (False, "loads_in: error"),
        "group": (True, "done"),
    }


def test_what_cannot_be_looked_at_is_told_beside_the_others(tmp_path: Path) -> None:
    shop = project(
        tmp_path,
        "- sql: select 1 from nowhere\n- freshness: raww\n- freshness: raw.notes\n"
        "- sql: select 1; drop table orders\n- {sensor: kafka}\n- http: http://127.0.0.1:1/",
    )
    said = shop.sqlorch("sensors", "check", "-i", "2013-01-03", "daily")
    assert said.told(1) == ""
    lines = said.out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == ["no", *["error"] * 6]
    for line, words in zip(
        lines[1:],
        [
            "Table with name nowhere does not exist",
            "the project has no source raww; its sources are: raw",
            "no table of raw.notes says how fresh it must be",
            "syntax error",
            "there is no sensor 'kafka'; known are: file, freshness, http, sql",
            "private or local address 127.0.0.1; to allow that, add it to allow_hosts under sensors:",
        ],
        strict=True,
    ):
        assert words in line, line


@pytest.mark.parametrize("more", ["", ", interval: point"])
def test_a_group_that_has_come_to_its_end_is_looked_at_for_its_last_interval(
    tmp_path: Path, more: str
) -> None:
    shop = make_project(
        tmp_path,
        {
            "models/orders.sql": "select 1 as a",
            "sqlorch.yml": f"""\
                groups:
                  daily:
                    {{schedule: "@daily", start: 2013-01-01, end: 2013-01-04, wait_for: {{file: "${{ds}}"}}
                    {more}}}
            """,
        },
    )
    said = shop.sqlorch("sensors", "check", "daily")
    assert (said.code, said.out.splitlines()[1]) == (1, "  no     file 2013-01-03: not there")


def test_a_group_that_waits_for_nothing_and_one_that_is_not(shop: Project) -> None:
    said = shop.sqlorch("sensors", "check", "-i", "2013-01-03", "loads")
    assert (said.code, said.out.splitlines()[1]) == (0, "  it waits for nothing (no wait_for)")
    assert "there is no group 'dayly'" in shop.sqlorch("sensors", "check", "dayly").told(2)


def test_run_refuses_says_what_is_lacking_and_can_be_told_not_to_care(shop: Project) -> None:
    assert shop.run("-g", "daily").told(1).splitlines() == [
        "Error: nothing was run, because what it waits for is not there:",
        "  daily 2013-01-03 waits for file in/2013-01-03.csv: not there",
        (
            "  daily 2013-01-03 waits for sql select n > 1 from loads_in where day = date '2013-01-03' "
            "-- a comment: its first value is False"
        ),
        "  daily 2013-01-03 waits for group loads: loads 2013-01-03 is missing",
        "wait with --wait-for-sensors, or run all the same with --ignore-sensors",
    ]
    assert shop.query_state("select count(*) from run") == [(0,)]
    both = shop.run("-g", "daily", "--ignore-sensors", "--wait-for-sensors")
    assert "exclude each other" in both.told(2)
    assert shop.run("-g", "daily", "--ignore-sensors").states == {"orders": "success"}
    arrive(shop)
    said = shop.run()  # the group it waits for is part of the same command, and comes first
    assert [run["group"] for run in said.document["runs"]] == ["loads", "daily"]


def test_run_waits_when_asked_to_and_lets_others_work_meanwhile(tmp_path: Path) -> None:
    shop = project(tmp_path)
    process = shop.process("run", "--json", "--interval", "2013-01-03", "-g", "daily", "--wait-for-sensors")
    assert process.stderr is not None
    assert process.stderr.readline() == "warning: waiting for file in/2013-01-03.csv: not there\n"
    assert shop.run("-g", "loads").code == 0
    (shop.root / "in").mkdir()
    (shop.root / "in" / "2013-01-03.csv").touch()
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, json.loads(out)["runs"][0]["state"]) == (0, "success")


def test_run_waits_no_longer_than_a_sensor_says(tmp_path: Path) -> None:
    shop = project(tmp_path, "  timeout: 2s")
    before = time.monotonic()
    assert "nothing was run" in shop.run("-g", "daily", "--wait-for-sensors").err
    assert time.monotonic() - before > 2


def test_what_is_filled_into_an_address_is_percent_encoded(tmp_path: Path) -> None:
    with serving() as web:
        address = web.url + "/{{ ds }}?since={{ data_interval_start }}&day={{ data_interval_start[:13] }}"
        shop = project(tmp_path, f"- http: '{address}'")
        with (shop.root / "sqlorch.yml").open("a") as settings:
            settings.write("sensors: {allow_hosts: [127.0.0.1]}\n")
        assert found(shop)["http"] == (True, "answered 200")
        assert web.asked == ["/2013-01-03?since=2013-01-03T00:00:00%2B00:00&day=2013-01-03T00"]


def test_secrets_in_what_sensors_find_are_told_and_stored_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_X", HIDDEN)
    padded = "repeat('x', 30) || reverse('" + HIDDEN[::-1] + "')"
    shop = project(tmp_path, f'- sql: "select reverse(\'{HIDDEN[::-1]}\')"\n- sql: "select {padded}"')
    with serving() as web:
        web.body = json.dumps({"state": HIDDEN}).encode()
        with (shop.root / "sqlorch.yml").open("a") as settings:
            settings.write("sensors: {allow_hosts: [127.0.0.1]}\n")
        text = (shop.root / "sqlorch.yml").read_text()
        more = f"      - {{http: '{web.url}/', json: {{state: complete}}}}\n  loads:"
        (shop.root / "sqlorch.yml").write_text(text.replace("  loads:", more))
        said = shop.sqlorch("sensors", "check", "-i", "2013-01-03", "daily")
        refused = shop.run("-g", "daily", "-i", "2013-01-03")
    for out in (said.out, refused.out + refused.err):
        assert HIDDEN[:5] not in out
        assert 'state is "*****"' in out
    assert "its first value is *****" in said.out
    assert f"its first value is {'x' * 30}*****" in said.out


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.mark.postgres
def test_sql_and_freshness_on_postgresql(tmp_path: Path, postgres: Postgres) -> None:
    postgres.query("create schema sensed")
    postgres.query("create table sensed.loads_in as select 0 as n, now() - interval '2 days' as loaded_at")
    sources = MODELS["models/sources.yml"].replace("main", "sensed")
    shop = project(
        tmp_path,
        "- sql: select count(*) from sensed.loads_in where n > 0\n- freshness: raw",
        **{"profiles.yml": postgres.profile("sensed"), "models/sources.yml": sources},
    )
    first = found(shop)
    assert (first["sql"], first["freshness"]) == ((False, "its first value is 0"), (False, "loads_in: error"))
    postgres.query("update sensed.loads_in set n = 1, loaded_at = now()")
    second = found(shop)
    assert (second["sql"], second["freshness"]) == ((True, "its first value is 1"), (True, "fresh"))


@pytest.mark.postgres
def test_the_profiles_password_is_not_told(tmp_path: Path, postgres: Postgres) -> None:
    profile = postgres.profile("public")
    settings = yaml.safe_load(profile)["shop"]["outputs"].popitem()[1]
    password = settings["password"]
    shop = project(tmp_path, f"- sql: select '{password}'::text", **{"profiles.yml": profile})
    assert found(shop)["sql"] == (True, "its first value is *****")


@pytest.mark.postgres
def test_a_query_that_writes_leaves_nothing_behind(tmp_path: Path, postgres: Postgres) -> None:
    postgres.query("create schema hostile")
    postgres.query("create table hostile.t (a int)")
    postgres.query(
        "create function hostile.sneak() returns int language sql as "
        "'insert into hostile.t values (1) returning a'"
    )
    shop = project(tmp_path, "- sql: select hostile.sneak()", **{"profiles.yml": postgres.profile("hostile")})
    assert found(shop)["sql"] == (True, "its first value is 1")
    assert postgres.query("select count(*) from hostile.t") == [(0,)]
