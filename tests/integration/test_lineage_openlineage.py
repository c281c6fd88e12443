"""``lineage --format openlineage``: JobEvents as version 2-0-2 of the specification wants them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

import pytest
from support.projects import Project, make_project

from sqlorch.lineage.openlineage.datasets import relation_parts
from sqlorch.lineage.warehouse import namespace_of

SHOP = {
    "seeds/raw_orders.csv": "id,customer,amount,status\n1,a,10,paid\n",
    "data/rates.csv": "currency,rate\nEUR,1.0\n",
    "models/sources.yml": """\
        version: 2
        sources:
          - name: raw
            schema: main
            description: As it comes.
            tables:
              - {name: raw_orders, columns: [{name: id, description: The key.}]}
          - name: lake
            config: {external_location: "s3://bucket/{name}.parquet"}
            tables: [{name: clicks, columns: [{name: n, data_type: integer}]}]
        """,
    "models/between.sql": """\
        {{ config(materialized='ephemeral') }}
        select id, upper(customer) as buyer, amount, row_number() over (order by id) as place
        from {{ source('raw', 'raw_orders') }} where status = 'paid'
        """,
    "models/revenue.sql": """\
        {{ config(materialized='table', tags=['daily'], meta={'owner': 'ann'}, group='sales') }}
        select buyer, sum(amount) as revenue, sum(amount) filter (where place = 1) as first, 1 as one
        from {{ ref('between') }} group by buyer
        """,
    "models/rates.sql": "select rate from 'data/rates.csv' order by currency",
    "models/clicks.sql": "select n as clicks from {{ source('lake', 'clicks') }}",
    "models/models.yml": """\
        version: 2
        groups: [{name: sales, owner: {name: Sales}}]
        models:
          - name: revenue
            description: What each customer brought in.
            columns: [{name: buyer, description: Who., data_tests: [not_null]}]
        exposures:
          - {name: board, type: dashboard, owner: {name: Bo, email: bo@x.org}, depends_on: [ref('revenue')]}
        """,
}
FACET = re.compile(r"https://openlineage\.io/spec/facets/\d-\d-\d/(\w+)\.json#/\$defs/\1")
PRODUCER = "https://github.com/sqlorch/sqlorch/tree/v0.1.0"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("openlineage") / "shop", SHOP)


@pytest.fixture
def told(shop: Project, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The events by the name of their job, each a line of its own."""
    monkeypatch.chdir(shop.root)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1357171200")
    said = shop.sqlorch("lineage", "--format", "openlineage")
    assert said.code == 0, said.err
    events = [json.loads(line) for line in said.out.splitlines()]
    return {event["job"]["name"]: event for event in events}


def inputs(event: dict[str, Any]) -> list[tuple[str, str]]:
    return [(found["namespace"], found["name"]) for found in event["inputs"]]


def lineage(event: dict[str, Any]) -> dict[str, Any]:
    (output,) = event["outputs"]
    facet: dict[str, Any] = output["facets"]["columnLineage"]
    return facet


def ways(fields: list[dict[str, Any]]) -> dict[str, list[tuple[str, ...]]]:
    return {
        found["field"]: [(way["type"], way.get("subtype", "")) for way in found["transformations"]]
        for found in fields
    }


def test_every_event_has_what_the_specification_demands(told: dict[str, Any]) -> None:
    for event in told.values():
        assert set(event) == {"eventTime", "producer", "schemaURL", "job", "inputs", "outputs"}
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent"
        assert event["producer"] == PRODUCER
        assert datetime.fromisoformat(event["eventTime"]).utcoffset() is not None
        assert event["job"]["namespace"] == "sqlorch"
        for entity in (event["job"], *event["inputs"], *event["outputs"]):
            assert entity["namespace"]
            assert entity["name"]
            for name, facet in entity.get("facets", {}).items():
                assert facet["_producer"] == PRODUCER
                (kind,) = FACET.fullmatch(facet["_schemaURL"]).groups()  # type: ignore[union-attr]
                assert kind.lower().startswith(name.lower())
                assert kind.endswith("JobFacet" if entity is event["job"] else "DatasetFacet")


def test_there_is_a_job_for_what_builds_or_shows_something(told: dict[str, Any]) -> None:
    assert sorted(told) == [
        "exposure.shop.board",
        "model.shop.clicks",
        "model.shop.rates",
        "model.shop.revenue",
        "seed.shop.raw_orders",
    ]
    assert [e["job"]["facets"]["jobType"]["jobType"] for e in told.values()].count("MODEL") == 3


def test_what_is_known_of_a_job_and_its_table(told: dict[str, Any], shop: Project) -> None:
    event = told["model.shop.revenue"]
    job, (output,) = event["job"]["facets"], event["outputs"]
    assert job["jobType"] | {"_producer": "", "_schemaURL": ""} == {
        "_producer": "",
        "_schemaURL": "",
        "processingType": "BATCH",
        "integration": "SQLORCH",
        "jobType": "MODEL",
    }
    assert job["sql"]["dialect"] == "duckdb"
    assert "group by buyer" in job["sql"]["query"]
    for facets in (job, output["facets"]):
        assert facets["documentation"]["description"] == "What each customer brought in."
        assert [owner["name"] for owner in facets["ownership"]["owners"]] == ["ann", "group:sales"]
        assert facets["tags"]["tags"] == [{"key": "daily", "value": "true", "source": "DBT"}]
    assert output["namespace"] == f"duckdb://{shop.warehouse}"
    assert output["name"] == "warehouse.main.revenue"
    assert output["facets"]["datasetType"]["datasetType"] == "TABLE"
    assert output["facets"]["schema"]["fields"][0] == {
        "name": "buyer",
        "ordinal_position": 1,
        "description": "Who.",
    }
    assert told["model.shop.clicks"]["outputs"][0]["facets"]["datasetType"]["datasetType"] == "VIEW"


def test_ephemeral_models_are_looked_through(told: dict[str, Any], shop: Project) -> None:
    event = told["model.shop.revenue"]
    assert inputs(event) == [(f"duckdb://{shop.warehouse}", "warehouse.main.raw_orders")]
    facet = lineage(event)
    fields = {name: ways(found["inputFields"]) for name, found in facet["fields"].items()}
    assert fields == {
        "buyer": {"customer": [("DIRECT", "TRANSFORMATION")]},
        "revenue": {"amount": [("DIRECT", "AGGREGATION")]},
        "first": {"amount": [("DIRECT", "AGGREGATION")], "id": [("INDIRECT", "FILTER")]},
        "one": {},
    }
    assert ways(facet["dataset"]) == {
        "customer": [("INDIRECT", "GROUP_BY")],
        "status": [("INDIRECT", "FILTER")],
    }
    (made,) = facet["fields"]["revenue"]["inputFields"]
    assert (made["namespace"], made["name"]) == inputs(event)[0]
    assert made["transformations"][0]["description"] == "SUM(amount)"


def test_a_source_and_the_seed_that_fills_it_are_one_dataset(told: dict[str, Any]) -> None:
    (seed,) = told["seed.shop.raw_orders"]["outputs"]
    assert inputs(told["model.shop.revenue"]) == [(seed["namespace"], seed["name"])]
    assert [field["name"] for field in seed["facets"]["schema"]["fields"]] == [
        "id",
        "customer",
        "amount",
        "status",
    ]


def test_files_are_datasets_of_their_own(told: dict[str, Any]) -> None:
    assert inputs(told["model.shop.rates"]) == [("file", "data/rates.csv")]
    assert ways(lineage(told["model.shop.rates"])["dataset"]) == {"currency": [("INDIRECT", "SORT")]}
    (clicks,) = told["model.shop.clicks"]["inputs"]
    assert (clicks["namespace"], clicks["name"]) == ("s3://bucket", "clicks.parquet")
    assert clicks["facets"]["schema"]["fields"] == [{"name": "n", "ordinal_position": 1, "type": "integer"}]


def test_an_exposure_reads_and_builds_nothing(told: dict[str, Any]) -> None:
    event = told["exposure.shop.board"]
    assert [name for _, name in inputs(event)] == ["warehouse.main.revenue"]
    assert event["outputs"] == []
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "bo@x.org", "type": "OWNER"}]


def test_the_environment_names_the_jobs_and_the_time(
    shop: Project, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    assert {event["eventTime"] for event in told.values()} == {"2013-01-03T00:00:00+00:00"}
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "prod")
    said = shop.sqlorch("lineage", "--format", "openlineage", "--select", "revenue")
    (event,) = map(json.loads, said.out.splitlines())
    assert (event["job"]["namespace"], event["job"]["name"]) == ("prod", "model.shop.revenue")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    assert "SOURCE_DATE_EPOCH is no number" in shop.sqlorch("lineage", "--format", "openlineage").told(2)


@pytest.mark.parametrize(
    ("relation", "parts"),
    [
        ('"db"."my.schema"."t""x"', ["db", "my.schema", 't"x']),
        ("`p-1`.`d`.`t`", ["p-1", "d", "t"]),
        ("db.schema.t", ["db", "schema", "t"]),
        ("[db].[t]", ["db", "t"]),
    ],
)
def test_parts_of_a_relation(relation: str, parts: list[str]) -> None:
    assert relation_parts(relation) == parts


@pytest.mark.parametrize(
    ("adapter", "values", "namespace"),
    [
        ("postgres", {"host": "h", "port": 6543}, "postgres://h:6543"),
        ("postgres", {"host": "h"}, "postgres://h:5432"),
        ("snowflake", {"account": "org-acc"}, "snowflake://org-acc"),
        ("bigquery", {"project": "p"}, "bigquery"),
        ("athena", {"region_name": "eu-west-1"}, "awsathena://athena.eu-west-1.amazonaws.com"),
        ("trino", {}, "trino"),
        ("vertica", {"host": "h"}, "vertica"),
    ],
)
def test_namespaces(adapter: str, values: dict[str, Any], namespace: str) -> None:
    assert namespace_of(adapter, values) == namespace
