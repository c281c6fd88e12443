"""What names mean, and how far a change goes."""

from __future__ import annotations

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.lineage.columns import Column, ColumnRef, KnownColumns, ModelSql, SchemaOrigin, column_lineage
from sqlorch.lineage.impact import column_impact, impact_of
from sqlorch.lineage.lookup import find_column, find_node, find_target


def node(uid: str, **more: object) -> Node:
    kind, package, *_, name = uid.split(".")
    return Node(unique_id=uid, kind=kind, name=name, package=package, **more)  # type: ignore[arg-type] # for tests


NODES = [
    node("model.shop.orders"),
    node("model.tools.orders"),
    node("model.tools.days"),
    node("model.other.days"),
    node("source.shop.raw.orders", source_name="raw"),
    Node(
        unique_id="model.shop.dim.v1", kind="model", name="dim", package="shop", version=1, latest_version=2
    ),
    Node(
        unique_id="model.shop.dim.v2", kind="model", name="dim", package="shop", version=2, latest_version=2
    ),
    node("model.shop.old.orders"),
]
DAG = Dag(NODES, [], project="shop")


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("raw.orders", "source.shop.raw.orders"),
        ("tools.orders", "model.tools.orders"),
        ("tools.days", "model.tools.days"),
        ("dim", "model.shop.dim.v2"),
        ("dim.v1", "model.shop.dim.v1"),
        ("model.tools.orders", "model.tools.orders"),
    ],
)
def test_a_name_means_a_node(text: str, uid: str) -> None:
    assert find_node(DAG, text).unique_id == uid


def test_a_name_that_means_two_nodes_names_both() -> None:
    with pytest.raises(ProjectError, match=r"model\.tools\.days and model\.other\.days; name one"):
        find_node(DAG, "days")


def test_a_name_that_means_nothing_is_answered_with_the_nearest() -> None:
    with pytest.raises(ProjectError, match=r"no node raw\.order; did you mean raw\.orders"):
        find_node(DAG, "raw.order")


@pytest.mark.parametrize(
    ("text", "uid", "column"),
    [
        ("tools.days.ds", "model.tools.days", "ds"),
        ("raw.orders.id", "source.shop.raw.orders", "id"),
        ("dim.v1.id", "model.shop.dim.v1", "id"),
        ("model.tools.days.a.b", "model.tools.days", "a.b"),
        ("dim", "model.shop.dim.v2", ""),
    ],
)
def test_a_column_follows_the_longest_name(text: str, uid: str, column: str) -> None:
    found, name = find_target(DAG, text)
    assert (found.unique_id, name) == (uid, column)


# a -> b -> c -> board, a -> d; b filters by a.f, c reads b, d reads a.x alone
CHAIN = Dag(
    [
        node("model.p.a"),
        node("model.p.b"),
        node("model.p.c"),
        node("model.p.d"),
        node("model.p.e"),
        node("metric.p.m"),
        node("exposure.p.board"),
        node("test.p.t"),
    ],
    [
        ("model.p.a", "model.p.b"),
        ("model.p.b", "model.p.c"),
        ("model.p.a", "model.p.d"),
        ("model.p.d", "model.p.e"),
        ("model.p.c", "metric.p.m"),
        ("metric.p.m", "exposure.p.board"),
        ("model.p.d", "test.p.t"),
    ],
)
SQL = {
    "model.p.b": ("select x as y, 1 as one from a where f > 0", {"a": "model.p.a"}),
    "model.p.c": ("select one from b", {"b": "model.p.b"}),
    "model.p.d": ("select x, sum(x) over (order by g) as running from a", {"a": "model.p.a"}),
    "model.p.e": ("select ( from d", {"d": "model.p.d"}),
}
KNOWN = {
    "model.p.a": KnownColumns(
        columns=tuple(Column(name=name) for name in ("x", "f", "g", "unread")), origin=SchemaOrigin.SEED
    )
}
LINEAGE = column_lineage(
    [ModelSql(node=uid, sql=sql, relations=relations) for uid, (sql, relations) in SQL.items()],
    KNOWN,
    dialect="duckdb",
)


def test_everything_downstream_of_a_node() -> None:
    found = impact_of(CHAIN, ["model.p.a"])
    assert set(found.nodes) == {"model.p.b", "model.p.c", "model.p.d", "model.p.e", "metric.p.m"}
    assert (found.tests, found.exposures) == (("test.p.t",), ("exposure.p.board",))
    assert [uid for uid in found.nodes if uid != "metric.p.m"] == [
        uid for uid in CHAIN.order if uid in SQL
    ], "in lineage order"


def test_only_through_the_nodes_a_column_reaches() -> None:
    found = impact_of(CHAIN, ["model.p.a"], frozenset({"model.p.d"}))
    assert (found.nodes, found.tests, found.exposures) == (("model.p.d",), ("test.p.t",), ())
    found = impact_of(CHAIN, ["model.p.a"], frozenset({"model.p.b", "model.p.c"}))
    assert found.nodes == ("model.p.b", "model.p.c", "metric.p.m")
    assert (found.tests, found.exposures) == ((), ("exposure.p.board",))


def test_a_filter_changes_the_rows_of_all_that_read_on() -> None:
    found = column_impact(CHAIN, LINEAGE, ColumnRef("model.p.a", "f"))
    assert (found.values, found.rows) == ((), ("model.p.b", "model.p.c"))
    assert found.untouched == ("model.p.d",)
    assert found.unsure == ("model.p.e",)


def test_a_value_goes_where_it_is_read_and_no_further() -> None:
    found = column_impact(CHAIN, LINEAGE, ColumnRef("model.p.a", "x"))
    assert found.values == (
        ColumnRef("model.p.b", "y"),
        ColumnRef("model.p.d", "running"),
        ColumnRef("model.p.d", "x"),
    )
    assert (found.rows, found.untouched, found.unsure) == ((), ("model.p.c",), ("model.p.e",))
    assert found.touched == {"model.p.b", "model.p.d", "model.p.e"}


def test_the_order_of_a_window_decides_about_its_value() -> None:
    found = column_impact(CHAIN, LINEAGE, ColumnRef("model.p.a", "g"))
    assert (found.values, found.rows) == ((ColumnRef("model.p.d", "running"),), ())


def test_a_column_is_found_in_any_case_or_not_at_all() -> None:
    assert find_column(LINEAGE, CHAIN["model.p.b"], "Y") == ColumnRef("model.p.b", "y")
    with pytest.raises(ProjectError, match="d has no column runing that is known; did you mean running"):
        find_column(LINEAGE, CHAIN["model.p.d"], "runing")
