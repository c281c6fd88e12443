from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.selector import select


def node(uid: str, path: str = "", **fields: Any) -> Node:
    kind, package, name = uid.split(".", 2)
    folders = tuple(path.split("/")[1:-1])
    fields.setdefault("name", name)
    fields.setdefault("fqn", (package, *folders, name))
    return Node(unique_id=uid, kind=kind, package=package, path=path, **fields)


NODES = [
    node("source.shop.raw.orders", "models/staging/sources.yml", name="orders", source_name="raw"),
    node("seed.shop.countries", "seeds/countries.csv", tags=frozenset({"reference"})),
    node("model.shop.stg_orders", "models/staging/stg_orders.sql", tags=frozenset({"daily"}),
         config={"materialized": "view"}, patch_path="models/staging/staging.yml"),
    node("model.shop.stg_people", "models/staging/crm/stg_people.sql", config={"materialized": "view"}),
    node("model.shop.orders", "models/marts/orders.sql", dbt_group="finance", access="public",
         config={"materialized": "incremental", "unique_key": ["id", "day"],
                 "meta": {"owner": "ann", "deep": {"level": "high"}, "gold": True, "rank": 3}}),
    node("model.shop.people.v1", "models/marts/people_v1.sql", name="people",
         fqn=("shop", "marts", "people", "v1"), version=1, latest_version=2),
    node("model.shop.people.v2", "models/marts/people_v2.sql", name="people",
         fqn=("shop", "marts", "people", "v2"), version=2, latest_version=2),
    node("model.shop.people.v10", "models/marts/people_v10.sql", name="people",
         fqn=("shop", "marts", "people", "v10"), version=10, latest_version=2),
    node("model.lib.calendar", "models/dates/calendar.sql"),
    node("snapshot.shop.history", "snapshots/history.sql"),
    node("exposure.shop.board", "models/marts/exposures.yml"),
    node("test.shop.not_null_orders_id", "models/marts/marts.yml", test_name="not_null",
         config={"severity": "WARN"}),
    node("test.shop.orders_know_people", "models/marts/marts.yml", test_name="relationships"),
    node("test.shop.singular", "tests/singular.sql"),
    node("unit_test.shop.sums", "models/marts/marts.yml", fqn=("shop", "marts", "orders", "sums")),
]  # fmt: skip
EDGES = {
    "model.shop.stg_orders": ["source.shop.raw.orders"],
    "model.shop.stg_people": ["seed.shop.countries"],
    "model.shop.orders": ["model.shop.stg_orders", "model.shop.stg_people", "model.lib.calendar"],
    "model.shop.people.v2": ["model.shop.stg_people"],
    "snapshot.shop.history": ["model.shop.orders"],
    "exposure.shop.board": ["snapshot.shop.history"],
    "test.shop.not_null_orders_id": ["model.shop.orders"],
    "test.shop.orders_know_people": ["model.shop.orders", "model.shop.people.v2"],
    "test.shop.singular": ["model.shop.stg_orders", "model.shop.orders"],
    "unit_test.shop.sums": ["model.shop.orders"],
}


def dag_of(nodes: list[Node], parents: Mapping[str, list[str]], project: str = "") -> Dag:
    return Dag(nodes, [(p, child) for child, ps in parents.items() for p in ps], project=project)


@pytest.fixture
def dag() -> Dag:
    return dag_of(NODES, EDGES, project="shop")


def models(dag: Dag, *texts: str, **options: Any) -> set[str]:
    found = select(dag, texts, kinds=frozenset({"model"}), **options)
    return {uid.split(".", 2)[2] for uid in found}


METHODS = {
    "orders": {"orders"},
    "shop.marts.orders": {"orders"},
    "marts.orders": {"orders"},
    "shop.staging": {"stg_orders", "stg_people"},
    "staging": {"stg_orders", "stg_people"},
    "staging.*": {"stg_orders", "stg_people"},
    "stg_*": {"stg_orders", "stg_people"},
    "stg_[op]eople": {"stg_people"},
    "shop.*.crm.*": {"stg_people"},
    "people": {"people.v1", "people.v2", "people.v10"},
    "people.v2": {"people.v2"},
    "people_v2": {"people.v2"},
    "marts.people.v1*": {"people.v1", "people.v10"},
    "fqn:orders": {"orders"},
    "tag:daily": {"stg_orders"},
    "tag:d?ily": {"stg_orders"},
    "path:models/staging": {"stg_orders", "stg_people"},
    "path:models/staging/": {"stg_orders", "stg_people"},
    "path:models/staging/*.sql": {"stg_orders"},
    "path:models/**/crm": {"stg_people"},
    "path:models/staging/staging.yml": {"stg_orders"},
    "models/staging/crm/stg_people.sql": {"stg_people"},
    "path:./models//staging/crm": {"stg_people"},
    "path:.": {"orders", "people.v1", "people.v2", "people.v10", "stg_orders", "stg_people", "calendar"},
    "file:orders.sql": {"orders"},
    "file:orders": {"orders"},
    "orders.sql": {"orders"},
    "package:lib": {"calendar"},
    "package:this,stg*": {"stg_orders", "stg_people"},
    "config.materialized:incremental": {"orders"},
    "config.unique_key:day": {"orders"},
    "config.meta.owner:ann": {"orders"},
    "config.meta.deep.level:high": {"orders"},
    "config.meta.gold:TRUE": {"orders"},
    "group:fin*": {"orders"},
    "access:public": {"orders"},
    "version:latest": {"people.v2"},
    "version:old": {"people.v1"},
    "version:prerelease": {"people.v10"},
    "version:none,marts": {"orders"},
    "source:raw+1": {"stg_orders"},
    "source:raw.orders+1": {"stg_orders"},
    "source:shop.raw.*+1": {"stg_orders"},
    "resource_type:seed+1": {"stg_people"},
    "1+exposure:board": set(),
    "2+exposure:board": {"orders"},
    "+test_name:relationships,resource_type:model,marts": {"orders", "people.v2"},
    "1+unit_test:sums": {"orders"},
    "1+config.severity:warn": {"orders"},
}


@pytest.mark.parametrize(("text", "expected"), METHODS.items())
def test_each_method(dag: Dag, text: str, expected: set[str]) -> None:
    assert models(dag, text) == expected


OPERATORS = {
    "+orders": {"orders", "stg_orders", "stg_people", "calendar"},
    "0+orders": {"orders"},
    "00000000000000000002+exposure:board": {"orders"},
    "9" * 5000 + "+orders": {"orders", "stg_orders", "stg_people", "calendar"},
    "stg_people+": {"stg_people", "orders", "people.v2"},
    "stg_people+1": {"stg_people", "orders", "people.v2"},
    "1+stg_people+1": {"stg_people", "orders", "people.v2"},
    "@stg_orders": {"stg_orders", "orders", "stg_people", "calendar", "people.v2"},
    "@+orders,stg_orders+": {"stg_orders", "orders"},
    "+orders,staging": {"stg_orders", "stg_people"},
    "orders stg_orders": {"orders", "stg_orders"},
    "orders,package:this stg_orders": {"orders", "stg_orders"},
}


@pytest.mark.parametrize(("text", "expected"), OPERATORS.items())
def test_operators(dag: Dag, text: str, expected: set[str]) -> None:
    assert models(dag, text) == expected


def test_several_texts_are_a_union(dag: Dag) -> None:
    assert select(dag, ["orders", "stg_orders  stg_people"]) == select(dag, "orders stg_orders stg_people")


def test_nothing_given_is_everything(dag: Dag) -> None:
    assert select(dag, ()) == frozenset(dag.nodes)
    assert select(dag, []) == frozenset(dag.nodes)


@pytest.mark.parametrize("blank", ["", "  ", [""], ["", " "]])
def test_blank_text_does_not_select_the_whole_project(dag: Dag, blank: str | list[str]) -> None:
    with pytest.raises(ProjectError, match="blank"):
        select(dag, blank)


def test_exclude_takes_off_nodes_and_their_tests(dag: Dag) -> None:
    assert select(dag, "+orders", "orders") == {
        "source.shop.raw.orders",
        "seed.shop.countries",
        "model.shop.stg_orders",
        "model.shop.stg_people",
        "model.lib.calendar",
    }


@pytest.mark.parametrize("exclude", ["", " ", [], "gone", "tag:gone", "orders,countries"])
def test_an_exclude_that_finds_nothing_changes_nothing(dag: Dag, exclude: str | list[str]) -> None:
    assert select(dag, "orders", exclude) == select(dag, "orders")


def test_kinds_keep_only_those_kinds(dag: Dag) -> None:
    assert select(dag, "exposure:board", kinds=frozenset({"model"})) == frozenset()
    assert select(dag, (), kinds=frozenset({"seed", "snapshot"})) == {
        "seed.shop.countries",
        "snapshot.shop.history",
    }


TESTS_OF_ORDERS = {
    "eager": {"not_null_orders_id", "orders_know_people", "singular", "sums"},
    "cautious": {"not_null_orders_id", "sums"},
    "buildable": {"not_null_orders_id", "sums", "singular"},
    "empty": set(),
}


@pytest.mark.parametrize(("mode", "expected"), TESTS_OF_ORDERS.items())
def test_tests_that_come_along(dag: Dag, mode: Any, expected: set[str]) -> None:
    found = select(dag, "orders", kinds=frozenset({"test", "unit_test"}), indirect=mode)
    assert {uid.split(".")[-1] for uid in found} == expected


def test_cautious_takes_a_test_whose_parents_are_in_different_items(dag: Dag) -> None:
    assert "test.shop.orders_know_people" in select(dag, "orders people", indirect="cautious")
    assert "test.shop.orders_know_people" not in select(dag, "orders stg_people", indirect="cautious")


def test_unknown_indirect_mode_is_refused(dag: Dag) -> None:
    with pytest.raises(ProjectError, match="'keen' is not an indirect selection"):
        select(dag, "orders", indirect="keen")  # type: ignore[arg-type]


REFUSED = {
    "ordrs": "finds nothing: no node has that name. Did you mean orders",
    "marts.ordrs": "Did you mean marts.orders",
    "daily": "Did you mean tag:daily?",
    "raw.orders": "Did you mean source:raw.orders?",
    "tag:dayly": "Did you mean tag:daily? Example: tag:daily",
    "path:models/stagin": "Did you mean path:models/staging",
    "path:models/marts/orders.sql/": "no node is in that file or folder",
    "path:../other": "no node is in that file or folder",
    "path:/models": "a path is relative to the project's folder",
    "file:odrers.sql": "Did you mean file:orders.sql",
    "source:ra": "Did you mean source:raw",
    "source:a.b.c.d": "write source:SOURCE",
    "exposure:bord": "Did you mean exposure:board?",
    "exposure:a.b.c": "write exposure:NAME",
    "metric:m": "no metric has that name",
    "config.materialized:incrementl": "Did you mean config.materialized:incremental?",
    "config.meta.rank:3": "no node has that value in its config",
    "config.meta.owner.name:ann": "no node has that value in its config",
    "config:incremental": "say which setting",
    "resource_type:modl": "is not one of analysis,",
    "resource_type:metric": "the project has none",
    "package:shopp": "Did you mean package:shop",
    "group:finanz": "Did you mean group:finance?",
    "access:publik": "Did you mean access:public?",
    "test_name:notnull": "Did you mean test_name:not_null?",
    "test_type:dat": "is not one of data, generic, schema, singular, unit",
    "version:newest": "is not one of latest, none, old, prerelease",
    "tagg:daily": "uses 'tagg:', which is not a selection method. Did you mean tag:?",
    "my-tag:daily": "uses 'my-tag:', which is not a selection method",
    ":daily": "which is not a selection method",
    "tag.x:daily": "write 'tag:daily'",
    "state:modified+": "compares with the manifest of an earlier dbt run, which sqlorch does not read",
    "result:error": "reads the results of an earlier dbt run",
    "source_status:fresher+": "earlier dbt source freshness",
    "selector:nightly": "names a selector of selectors.yml",
    "+": "says nothing to look for",
    "tag:": "says nothing to look for",
    "@orders+": "has both @ and a",
    "orders,": "nothing on one side of a comma",
    ",orders": "nothing on one side of a comma",
    "orders,ordrs": "the selection 'ordrs' in 'orders,ordrs' finds nothing",
    "orders,stg_people": "no node is in all of them",
    "x" * 1000: "finds nothing",
}


@pytest.mark.parametrize(("text", "message"), REFUSED.items())
def test_a_selection_that_cannot_be_meant_is_refused(dag: Dag, text: str, message: str) -> None:
    with pytest.raises(ProjectError) as caught:
        select(dag, text, indirect="cautious")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


def test_the_item_of_a_list_is_named(dag: Dag) -> None:
    with pytest.raises(ProjectError, match=r"'tag:dayly' \(item 2 of 3\)"):
        select(dag, ["orders tag:dayly", "people"])


@pytest.mark.parametrize("exclude", ["tagg:x", "state:new", "@a+", "a,"])
def test_an_exclude_that_cannot_be_read_is_refused(dag: Dag, exclude: str) -> None:
    with pytest.raises(ProjectError):
        select(dag, "orders", exclude)


def test_this_package_needs_the_projects_name() -> None:
    two_packages = dag_of(NODES, EDGES)
    with pytest.raises(ProjectError, match="write package:NAME"):
        select(two_packages, "package:this")
    alone = dag_of([n for n in NODES if n.package == "shop" and n.unique_id not in EDGES], {})
    assert select(alone, "package:this") == frozenset(alone.nodes)


def test_a_path_is_one_of_the_root_project(dag: Dag) -> None:
    with pytest.raises(ProjectError, match="no node is in that file or folder"):
        select(dag, "path:models/dates")
    assert models(dag_of(NODES, EDGES), "path:models/dates") == {"calendar"}


def test_versions_that_are_not_numbers_are_compared_as_text() -> None:
    versions = [
        node(f"model.shop.m.{v}", name="m", fqn=("shop", "m", f"v{v}"), version=v, latest_version="b")
        for v in ("a", "b", "c")
    ]
    dag = dag_of(versions, {})
    assert models(dag, "version:old") == {"m.a"}
    assert models(dag, "version:latest") == {"m.b"}
    assert models(dag, "version:prerelease") == {"m.c"}


def test_a_group_of_a_test_is_the_one_in_its_config() -> None:
    tests = [
        node("test.shop.inherits", dbt_group="finance"),
        node("test.shop.says_so", config={"group": "finance"}),
    ]
    assert select(dag_of(tests, {}), "group:finance") == {"test.shop.says_so"}
