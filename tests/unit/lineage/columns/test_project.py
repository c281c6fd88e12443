"""A project of several models: propagation, precedence, walks, coverage, the cache."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sqlorch.domain.errors import ConfigError
from sqlorch.lineage.columns import (
    Column,
    ColumnLineage,
    ColumnRef,
    EdgeKind,
    KnownColumns,
    Label,
    ModelSql,
    SchemaOrigin,
    Source,
    Status,
    column_lineage,
)


def columns(
    *names: str, origin: SchemaOrigin = SchemaOrigin.WAREHOUSE, complete: bool = True
) -> KnownColumns:
    found = [name.partition(":") for name in names]
    return KnownColumns(
        columns=tuple(Column(name=n, type=t) for n, _, t in found), origin=origin, complete=complete
    )


def model(node: str, sql: str, *parents: str) -> ModelSql:
    return ModelSql(node=node, sql=sql, relations={p: p for p in parents})


SHOP = [
    model("stg", "select id as order_id, amount / 100 as amount, status from raw", "raw"),
    model("paid", "select * from stg where status = 'paid'", "stg"),
    model("total", "select sum(amount) as revenue from paid", "paid"),
]
RAW = {"raw": columns("id:INTEGER", "amount:DOUBLE", "status")}


class Memory:
    def __init__(self) -> None:
        self.records: dict[str, str] = {}

    def get(self, key: str) -> dict[str, Any] | None:
        text = self.records.get(key)
        return None if text is None else json.loads(text)

    def put(self, key: str, record: dict[str, Any]) -> None:
        self.records[key] = json.dumps(record)


def shop(**more: Any) -> ColumnLineage:
    return column_lineage(SHOP, RAW, dialect="duckdb", **more)


def names(lineage: ColumnLineage, node: str) -> list[str]:
    return [c.name for c in lineage.models[node].columns]


def test_inferred_columns_reach_the_children() -> None:
    lineage = shop()

    assert names(lineage, "paid") == ["order_id", "amount", "status"]
    assert lineage.models["paid"].columns[0].type == "INTEGER"
    assert lineage.models["total"].columns[0].sources == (Source("paid", "amount"),)
    assert lineage.coverage.columns_percent == 100.0
    assert lineage.coverage.models_percent == 100.0


def test_upstream_and_downstream_are_transitive() -> None:
    lineage = shop()

    assert lineage.upstream("total", "revenue") == (
        ColumnRef("paid", "amount"),
        ColumnRef("raw", "amount"),
        ColumnRef("stg", "amount"),
    )
    assert lineage.downstream("raw", "amount") == (
        ColumnRef("paid", "amount"),
        ColumnRef("stg", "amount"),
        ColumnRef("total", "revenue"),
    )
    assert lineage.downstream("raw", "nothing") == ()


def test_indirect_walks_follow_what_decides_about_rows() -> None:
    lineage = shop()

    assert lineage.downstream("raw", "status") == (ColumnRef("paid", "status"), ColumnRef("stg", "status"))
    assert ColumnRef("total", "revenue") in lineage.downstream("raw", "status", indirect=True)
    assert ColumnRef("raw", "status") in lineage.upstream("total", "revenue", indirect=True)
    assert ColumnRef("raw", "status") not in lineage.upstream("total", "revenue")


def test_trace_tells_each_step_with_its_expression() -> None:
    steps = shop().trace("total", "revenue")

    assert [(s.depth, s.ref.node, s.label, s.expression) for s in steps] == [
        (0, "total", Label.AGGREGATE, "SUM(amount)"),
        (1, "paid", Label.PASS_THROUGH, ""),
        (2, "stg", Label.TRANSFORM, "amount / 100"),
        (3, "raw", None, ""),
    ]


def test_a_column_is_found_in_any_case() -> None:
    lineage = shop()

    assert lineage.find("total", "REVENUE") == ColumnRef("total", "revenue")
    assert lineage.find("raw", "Status") == ColumnRef("raw", "status")
    assert lineage.find("raw", "nope") is None


def test_edges_name_kind_label_and_expression() -> None:
    edges = list(shop().edges())

    direct = [e for e in edges if e.target == ColumnRef("total", "revenue")]
    assert [(e.source, e.kind, e.label, e.expression) for e in direct] == [
        (Source("paid", "amount"), None, Label.AGGREGATE, "SUM(amount)")
    ]
    indirect = [e for e in edges if e.kind is not None]
    assert [(e.source, e.target, e.kind) for e in indirect] == [
        (Source("stg", "status"), ColumnRef("paid", ""), EdgeKind.FILTER)
    ]


def test_a_model_that_cannot_be_read_says_where_and_the_rest_goes_on() -> None:
    models = [
        model("bad", "select a,\n  b c d from raw", "raw"),
        model("child", "select a, b from bad", "bad"),
        model("good", "select id from raw", "raw"),
    ]
    lineage = column_lineage(models, {**RAW, "bad": columns("a", "b")}, dialect="postgres")

    assert lineage.models["bad"].status is Status.FAILED
    assert lineage.models["bad"].line == 2
    assert "not postgres SQL" in lineage.models["bad"].reasons[0]
    assert lineage.models["child"].status is Status.OK
    assert lineage.models["good"].status is Status.OK
    coverage = lineage.coverage
    assert (coverage.failed_models, coverage.resolved_models, coverage.partial_models) == (1, 2, 0)
    assert (coverage.columns, coverage.resolved_columns) == (5, 3)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "empty"),
        ("   -- only a comment", "empty"),
        ("select 1; select 2", "2 statements"),
        ("create table x as select 1", "a query that returns columns, this is CREATE"),
        ("insert into x select 1", "this is INSERT"),
        ("select 'open", "not duckdb SQL"),
        ("select " + "(" * 5_000 + "1" + ")" * 5_000, "nested more than"),
        ("select " + "not " * 5_000 + "true", "nested more than"),
        ("select " + "case when a then " * 5_000 + "1 " + "end " * 5_000, "nested more than"),
        ("select " + "if a then b else " * 5_000 + "c", "nested more than"),
        ("select a" + "[1]" * 5_000, "nested more than"),
        ("select 1 from raw " + "join raw " * 5_000 + "on true " * 5_000, "nested more than"),
        ("select 1 -- " + "x" * 3_000_000, "characters"),
    ],
)
def test_what_is_not_one_readable_query_is_refused_in_words(sql: str, reason: str) -> None:
    found = column_lineage([model("m", sql)], {}, dialect="duckdb").models["m"]

    assert found.status is Status.FAILED
    assert reason in found.reasons[0]
    assert len(found.reasons[0]) < 400


def test_stars_that_multiply_are_refused() -> None:
    doubling = ", ".join(f"c{i} as (select a.*, b.* from c{i - 1} a, c{i - 1} b)" for i in range(1, 30))
    found = column_lineage(
        [model("m", f"with c0 as (select * from raw), {doubling} select * from c29", "raw")],
        RAW,
        dialect="trino",
    )

    assert found.models["m"].status is Status.FAILED
    assert "more than 20,000 columns" in found.models["m"].reasons[0]


def test_an_unknown_dialect_is_an_error_of_the_settings() -> None:
    with pytest.raises(ConfigError, match="does not know the SQL dialect 'sqlish'"):
        column_lineage([], {}, dialect="sqlish")


def test_yaml_columns_of_a_source_are_a_start_not_the_end() -> None:
    known = {"raw": columns("ID", origin=SchemaOrigin.DECLARED, complete=False)}
    models = [model("stg", "select * from raw", "raw"), model("child", "select extra from stg", "stg")]
    lineage = column_lineage(models, known, dialect="snowflake")

    assert names(lineage, "stg") == ["ID"]
    assert lineage.models["stg"].status is Status.PARTIAL
    assert lineage.models["stg"].complete is False
    assert lineage.models["child"].columns[0].sources == (Source("stg", "EXTRA"),)


def test_declared_names_are_folded_as_the_dialect_does() -> None:
    known = {"raw": columns("order_id", origin=SchemaOrigin.DECLARED)}
    lineage = column_lineage([model("m", "select * from raw", "raw")], known, dialect="snowflake")

    assert names(lineage, "m") == ["ORDER_ID"]


def test_the_sql_of_a_model_beats_an_incomplete_declaration() -> None:
    known = {**RAW, "stg": columns("order_id:BIGINT", origin=SchemaOrigin.DECLARED, complete=False)}
    lineage = column_lineage(SHOP, known, dialect="duckdb")

    assert names(lineage, "paid") == ["order_id", "amount", "status"]
    assert lineage.models["paid"].columns[0].type == "BIGINT"


def test_the_warehouse_beats_the_sql_and_new_columns_are_still_found() -> None:
    known = {**RAW, "stg": columns("order_id", "status", "valid_from")}
    models = [*SHOP[:2], model("new", "select amount, valid_from from stg", "stg")]
    lineage = column_lineage(models, known, dialect="duckdb")

    assert names(lineage, "paid") == ["order_id", "status", "valid_from", "amount"]
    assert lineage.models["new"].status is Status.OK


def test_the_warehouse_names_what_the_query_does_not() -> None:
    known = {**RAW, "m": columns("(amount + 1):DOUBLE")}
    lineage = column_lineage([model("m", "select amount + 1 from raw", "raw")], known, dialect="duckdb")

    assert names(lineage, "m") == ["(amount + 1)"]
    assert lineage.models["m"].columns[0].named
    assert lineage.models["m"].columns[0].type == "DOUBLE"


def test_a_model_that_reads_itself_does_not_walk_for_ever() -> None:
    me = model("me", "select id, amount from raw where id > (select max(id) from me)", "raw", "me")
    lineage = column_lineage([me], {**RAW, "me": columns("id", "amount")}, dialect="postgres")

    assert lineage.upstream("me", "id", indirect=True) == (ColumnRef("raw", "id"),)
    assert lineage.downstream("raw", "id", indirect=True) == (
        ColumnRef("me", "amount"),
        ColumnRef("me", "id"),
    )


def test_nothing_is_read_again_when_nothing_changed() -> None:
    cache = Memory()
    first, second = shop(cache=cache), shop(cache=cache)

    assert first.computed == ("stg", "paid", "total")
    assert second.computed == ()
    assert second.models == first.models


def test_an_edit_is_read_again_but_not_what_its_output_does_not_touch() -> None:
    cache = Memory()
    shop(cache=cache)
    same_columns = [model("stg", SHOP[0].sql.replace("/ 100", "/ 1000"), "raw"), *SHOP[1:]]
    lineage = column_lineage(same_columns, RAW, dialect="duckdb", cache=cache)
    assert lineage.computed == ("stg",)
    assert lineage.models["stg"].columns[1].expression == "amount / 1000"

    one_more = [model("stg", SHOP[0].sql.replace("status", "status, id as k"), "raw"), *SHOP[1:]]
    lineage = column_lineage(one_more, RAW, dialect="duckdb", cache=cache)
    assert lineage.computed == ("stg", "paid", "total")
    assert names(lineage, "paid") == ["order_id", "amount", "status", "k"]


def test_a_parent_whose_columns_changed_is_noticed() -> None:
    cache = Memory()
    shop(cache=cache)
    wider = {"raw": columns("id:INTEGER", "amount:DOUBLE", "status", "more")}

    assert column_lineage(SHOP, wider, dialect="duckdb", cache=cache).computed == ("stg",)
    assert column_lineage(SHOP, RAW, dialect="postgres", cache=cache).computed == ("stg", "paid", "total")


def test_equal_sql_of_two_nodes_shares_a_record_but_not_the_node() -> None:
    cache = Memory()
    twins = [model("a", "select id from raw", "raw"), model("b", "select id from raw", "raw")]
    lineage = column_lineage(twins, RAW, dialect="duckdb", cache=cache)

    assert lineage.computed == ("a",)
    assert lineage.models["b"].node == "b"


def test_a_spoiled_record_is_read_anew() -> None:
    cache = Memory()
    expected = shop(cache=cache)
    cache.records = dict.fromkeys(cache.records, '{"status": "ok", "columns": [["x"]]}')

    again = shop(cache=cache)
    assert again.computed == ("stg", "paid", "total")
    assert again.models == expected.models


def test_a_file_that_changed_is_noticed() -> None:
    cache = Memory()
    files = {"'a.csv'": columns("x", origin=SchemaOrigin.DESCRIBED)}
    models = [model("m", "select * from 'a.csv'")]

    def run() -> ColumnLineage:
        return column_lineage(models, {}, dialect="duckdb", cache=cache, describe=files.get)

    assert names(run(), "m") == ["x"]
    assert run().computed == ()
    files["'a.csv'"] = columns("x", "y", origin=SchemaOrigin.DESCRIBED)
    assert names(run(), "m") == ["x", "y"]
    del files["'a.csv'"]
    assert run().models["m"].status is Status.PARTIAL


def test_long_expressions_are_cut() -> None:
    wide = " || ".join(["status"] * 100)
    huge = " + ".join(["amount"] * 5_000)
    found = column_lineage(
        [model("m", f"select {wide} as a, {huge} as b from raw", "raw")], RAW, dialect="duckdb"
    ).models["m"]

    assert len(found.columns[0].expression) == 400
    assert found.columns[0].expression.endswith("…")
    assert found.columns[1].expression == "(an expression too long to show)"
    assert found.columns[1].sources == (Source("raw", "amount"),)


def test_a_hundred_nested_calls_are_read() -> None:
    nested = "coalesce(" * 100 + "id" + ", 0)" * 100
    found = column_lineage([model("m", f"select {nested} as x from raw", "raw")], RAW, dialect="duckdb")

    assert found.models["m"].columns[0].sources == (Source("raw", "id"),)


def test_thousands_of_union_arms_are_read() -> None:
    sql = " union all ".join(["select id from raw"] * 3_000)
    found = column_lineage([model("m", sql, "raw")], RAW, dialect="duckdb")

    assert found.models["m"].columns[0].sources == (Source("raw", "id"),)


def test_a_thousand_ctes_in_a_row_are_read() -> None:
    chain = ", ".join(f"c{i} as (select id + 1 as id from c{i - 1})" for i in range(1, 1_000))
    sql = f"with c0 as (select id from raw), {chain} select id from c999"
    found = column_lineage([model("m", sql, "raw")], RAW, dialect="duckdb").models["m"]

    assert found.columns[0].sources == (Source("raw", "id"),)
    assert len(found.columns[0].steps) < 10


def test_a_wide_project_is_read_whole() -> None:
    width, depth = 50, 60
    listed = ", ".join(f"c{i} + 1 as c{i}" for i in range(width))
    models = [model("m0", "select * from raw", "raw")]
    models += [model(f"m{d}", f"select {listed} from m{d - 1}", f"m{d - 1}") for d in range(1, depth)]
    known = {"raw": columns(*(f"c{i}" for i in range(width)))}
    lineage = column_lineage(models, known, dialect="postgres")

    assert lineage.coverage.columns == width * depth
    assert lineage.coverage.columns_percent == 100.0
    assert len(lineage.upstream(f"m{depth - 1}", "c7")) == depth
    assert len(lineage.downstream("raw", "c7")) == depth
