from datetime import UTC, datetime
from pathlib import Path

import pytest

from sqlorch.app import report_tests, report_texts
from sqlorch.app.report import _schema
from sqlorch.app.report_texts import model_sql, owner_of, schedule_of
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.group import Group, ScheduleKeys
from sqlorch.lineage.project import Project

_START = datetime(2024, 1, 1, tzinfo=UTC)


def node(**values):
    return Node(**({"unique_id": "model.shop.m", "kind": "model", "name": "m", "package": "shop"} | values))


@pytest.mark.parametrize(
    ("relation", "schema"),
    [
        ('"db"."sales"."orders"', "sales"),
        ('"sales"."orders"', "sales"),
        ("`project`.`sales`.`orders`", "sales"),
        ("[db].[sales].[orders]", "sales"),
        ("db.sales.orders", "sales"),
        ('"odd.db"."sa""les"."o"', 'sa""les'),
        ("orders", ""),
        ("'/data/orders.2024.parquet'", ""),
        ("read_csv('a.b/c.csv')", ""),
        (None, ""),
    ],
)
def test_the_schema_is_the_last_but_one_part_of_a_name(relation, schema):
    assert _schema(node(relation=relation)) == schema


@pytest.mark.parametrize(
    ("config", "owner"),
    [
        ({"meta": {"owner": "Ann"}}, "Ann"),
        ({"meta": {"owner": {"name": "Ann", "email": "a@b.c"}}}, "Ann <a@b.c>"),
        ({"owner": {"email": "a@b.c"}}, "a@b.c"),
        ({"meta": {"owner": ["Ann", {"name": "Bo"}]}}, "Ann, Bo"),
        ({"meta": {"owner": "Ann"}, "owner": {"name": "Bo"}}, "Ann"),
        ({"meta": {"owner": {}}, "owner": {"name": "Bo"}}, "Bo"),
        ({"meta": {"owner": None}}, "finance"),
        ({}, "finance"),
    ],
)
def test_the_owner_is_who_the_node_names_else_its_dbt_group(config, owner):
    assert owner_of(node(config=config, dbt_group="finance")) == owner


def test_nobody_may_own_a_node():
    assert owner_of(node()) == ""


@pytest.mark.parametrize(
    ("keys", "plain", "full"),
    [
        (ScheduleKeys(schedule=("@daily",)), "@daily", "@daily, UTC"),
        (ScheduleKeys(schedule=("0 6 * * *", "0 18 * * *")), "0 6 * * * and 0 18 * * *", None),
        (
            ScheduleKeys(every="6h", timezone="Europe/Berlin", start=_START),
            "every 6h",
            "every 6h, Europe/Berlin",
        ),
        (ScheduleKeys(), None, None),
    ],
)
def test_the_schedule_is_told_as_it_is_written(keys, plain, full):
    group = Group(name="g", timetable=keys.timetable("UTC"), keys=keys)
    assert schedule_of(group) == plain
    if full is not None:
        assert schedule_of(group, zone=True) == full


@pytest.fixture
def project(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.sql").write_text("select {{ 1 }}", encoding="utf-8")
    return Project(
        name="shop",
        root=tmp_path,
        adapter="duckdb",
        dag=Dag([], []),
        sql={"model.shop.m": "select 1 -- rendered"},
    )


def test_the_compiled_sql_comes_first_then_the_file_then_what_it_renders_to(project, tmp_path):
    compiled = tmp_path / "compiled.sql"
    compiled.write_text("\n\n  select 1\n\n", encoding="utf-8")
    mine = node(path="models/m.sql")
    assert model_sql(project, mine, str(compiled)) == ("select 1\n", True)
    assert model_sql(project, mine, str(tmp_path / "pruned.sql")) == ("select {{ 1 }}", False)
    assert model_sql(project, mine, None) == ("select {{ 1 }}", False)
    assert model_sql(project, node(path="models/gone.sql"), None) == ("select 1 -- rendered", False)
    assert model_sql(project, node(path="models/m.sql", package="other"), None) == (
        "select 1 -- rendered",
        False,
    )
    assert model_sql(project, node(kind="source", path="models/m.sql"), None) == (None, False)


def test_a_snapshot_written_in_yaml_does_not_show_the_yaml(project, tmp_path):
    (tmp_path / "models" / "s.yml").write_text("snapshots: []", encoding="utf-8")
    snapshot = node(unique_id="snapshot.shop.s", kind="snapshot", path="models/s.yml")
    assert model_sql(project, snapshot, None) == (None, False)


def test_very_long_sql_is_cut_and_says_so(project, tmp_path, monkeypatch):
    monkeypatch.setattr(report_texts, "_LONGEST", 10)
    assert model_sql(project, node(path="models/m.sql"), None) == ("select {{ \n-- and 4 more letters", False)


def test_what_cannot_be_a_path_is_no_compiled_sql(project):
    assert model_sql(project, node(path="models/m.sql"), "nul\0l") == ("select {{ 1 }}", False)
    assert model_sql(project, node(path="models/m.sql"), str(Path("/"))) == ("select {{ 1 }}", False)


@pytest.mark.parametrize(
    ("written", "column"), [("id", "ID"), ('"ID"', "ID"), ("`id`", "ID"), ("other", "other"), (None, None)]
)
def test_a_test_belongs_to_the_column_it_is_declared_on(written, column):
    assert report_tests.tested_column(node(kind="test", test_column=written), ["ID", "amount"]) == column


def test_a_test_belongs_to_what_it_is_declared_on_else_to_all_it_reads():
    ids = {"a": "model.shop.a", "b": "model.shop.b", "g": "test.shop.g", "s": "test.shop.s"}
    nodes = [
        node(unique_id=ids["a"]),
        node(unique_id=ids["b"]),
        node(unique_id=ids["g"], kind="test", attached_to=ids["b"]),
        node(unique_id=ids["s"], kind="test"),
    ]
    edges = [(ids["a"], ids["b"]), *((ids[parent], ids[test]) for parent in "ab" for test in "gs")]
    assert report_tests.tested_nodes(Dag(nodes, edges)) == {
        ids["g"]: (ids["b"],),
        ids["s"]: (ids["a"], ids["b"]),
    }
