"""``sqlorch check``, run in process on small projects with mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.lineage_shop import SHOP
from support.projects import Project, make_project

MISTAKES = {
    "sqlorch.yml": 'groups:\n  daily: {select: "path:models/good", schedule: "@daily"}\n',
    "models/good/orders.sql": "select 1 as id",
    "models/good/good.yml": """\
        version: 2
        models:
          - name: orders
            columns: [{name: id, data_tests: [unique]}]
        sources:
          - name: raw
            tables:
              - name: used
              - name: idle
              - {name: tested_only, columns: [{name: id, data_tests: [unique]}]}
        """,
    "models/lost.sql": "-- two lines\n\nselect * from {{ ref('order') }}, {{ source('raw', 'used') }}",
    "models/off.sql": "{{ config(enabled=false) }} select 1 as x",
    "models/wants_off.sql": "select * from {{ ref('off') }}",
    "models/a/twice.sql": "select 1 as x",
    "models/b/twice.sql": "select 2 as x",
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", SHOP)


def found_in(project: Project) -> list[tuple[str, str, str | None, int | None]]:
    document = project.sqlorch("check", "--json").document
    return [(f["severity"], f["rule"], f["path"], f["line"]) for f in document["findings"]]


def test_check_finds_mistakes_with_file_and_line(tmp_path: Path) -> None:
    project = make_project(tmp_path, MISTAKES)
    assert found_in(project) == [
        ("error", "duplicate", "models/b/twice.sql", None),
        ("error", "unknown-ref", "models/lost.sql", 3),
        ("error", "unknown-ref", "models/wants_off.sql", 1),
        ("warning", "ungrouped", "models/a/twice.sql", 1),
        ("warning", "untested", "models/a/twice.sql", 1),
        ("warning", "unused-source", "models/good/good.yml", 9),
        ("warning", "unused-source", "models/good/good.yml", 10),
        ("warning", "ungrouped", "models/lost.sql", 1),
        ("warning", "untested", "models/lost.sql", 1),
        ("warning", "ungrouped", "models/wants_off.sql", 1),
        ("warning", "untested", "models/wants_off.sql", 1),
    ]
    said = project.sqlorch("check", "--json")
    assert said.code == 1
    assert (said.document["errors"], said.document["warnings"]) == (3, 8)
    lost = said.document["findings"][1]
    assert lost["message"] == "ref('order') does not exist; did you mean orders?"
    assert (lost["unique_id"], lost["nearest"]) == ("model.shop.lost", ["orders"])
    text = project.sqlorch("check")
    assert text.code == 1
    assert "error    models/lost.sql:3: ref('order') does not exist; did you mean orders?" in text.out
    assert text.out.endswith("3 errors, 8 warnings\n")


def test_faults_of_expectations_and_groups_have_their_file_and_line(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "{{ config(meta={'sqlorch': {'expectations': ['expect_nothing']}}) }} select 1 as x",
        "models/b.sql": "select 1 as x",
        "expectations/b.yml": "expectations:\n- expect_column_to_exist: {colunm: x}\n",
        "expectations/c.yml": "expectations: [\n",
    }
    project = make_project(tmp_path, files)
    found = [f for f in project.sqlorch("check", "--json").document["findings"] if f["severity"] == "error"]
    assert [(f["rule"], f["path"], f["line"]) for f in found][:1] == [
        ("expectations", "expectations/b.yml", 2)
    ]
    assert {f["path"] for f in found} == {"expectations/b.yml", "expectations/c.yml", "models/a.sql"}
    assert all(str(tmp_path) not in f["message"] for f in found)
    assert "error    expectations/b.yml:2: " in project.sqlorch("check").out


def test_check_writes_annotations_for_github(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path / "sub" / "shop", MISTAKES)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    said = project.sqlorch("check", "--github")
    assert said.code == 1
    lines = said.out.splitlines()
    assert len(lines) == 11
    assert lines[1] == (
        "::error file=sub/shop/models/lost.sql,line=3,title=unknown-ref::"
        "ref('order') does not exist; did you mean orders?"
    )
    assert sum(line.startswith("::warning file=sub/shop/models/") for line in lines) == 8
    assert "choose one" in project.sqlorch("check", "--github", "--json").told(2)


def test_check_names_every_cycle_at_its_place(tmp_path: Path) -> None:
    refs = {"a": "b", "b": "a", "c": "a", "x": "y", "y": "x", "self": "self"}
    files = {f"models/{name}.sql": f"--\nselect * from {{{{ ref('{ref}') }}}}" for name, ref in refs.items()}
    said = make_project(tmp_path / "shop", files).sqlorch("check", "--json")
    found = {(f["rule"], f["path"], f["line"]): f["message"] for f in said.document["findings"]}
    assert set(found) == {("cycle", f"models/{name}.sql", 2) for name in ("a", "self", "x")}
    assert "models/self.sql reads itself" in found["cycle", "models/self.sql", 2]
    assert "models/x.sql reads models/y.sql reads models/x.sql" in found["cycle", "models/x.sql", 2]
    assert said.code == 1


def test_check_names_a_cycle_by_its_path(tmp_path: Path) -> None:
    project = make_project(
        tmp_path,
        {
            "models/a.sql": "select * from {{ ref('c') }}",
            "models/b.sql": "select * from\n{{ ref('a') }}",
            "models/c.sql": "select *\nfrom\n{{ ref('b') }}",
            "models/d.sql": "select * from {{ ref('c') }}",
        },
    )
    said = project.sqlorch("check", "--json")
    (cycle,) = said.document["findings"]
    assert said.code == 1
    assert (cycle["rule"], cycle["severity"]) == ("cycle", "error")
    assert (cycle["path"], cycle["line"]) in {("models/a.sql", 1), ("models/b.sql", 2), ("models/c.sql", 3)}
    assert cycle["message"].count(" reads ") == 3
    assert "models/d.sql" not in cycle["message"]
    assert "the models form a cycle" in project.sqlorch("lineage").told(2)


def test_check_passes_a_good_project_and_warnings(shop: Project) -> None:
    shop.write(
        {
            "models/staging/stg.yml": """\
                models:
                  - name: stg_orders
                    columns: [{name: order_id, data_tests: [unique]}]
                """
        }
    )
    said = shop.sqlorch("check")
    assert (said.code, said.out.count("\n")) == (0, 2)
    assert "warning  models/staging/stg_orders.sql:1: stg_orders is in no group" in said.out
    shop.write({"sqlorch.yml": ""})
    assert shop.sqlorch("check").out == "nothing to complain about\n"


def test_check_reports_groups_that_cannot_be_used_and_goes_on(shop: Project) -> None:
    shop.write(
        {
            "sqlorch.yml": "groups:\n  a: {select: path:models}\n  b: {select: best}\n",
            "models/staging/nothing.sql": "select * from {{ ref('nothing_at_all') }}",
        }
    )
    said = shop.sqlorch("check", "--json")
    rules = [finding["rule"] for finding in said.document["findings"]]
    assert said.code == 1
    assert rules[0] == "groups"
    assert "belongs to two groups" in said.document["findings"][0]["message"]
    assert "unknown-ref" in rules


def test_check_tells_what_could_not_be_rendered(shop: Project) -> None:
    shop.write(
        {
            "models/staging/odd.sql": """\
                {{ exceptions.raise_compiler_error('not today') }} select * from {{ ref('stg_orders') }}
                """
        }
    )
    found = shop.sqlorch("check", "--json").document["findings"]
    (odd,) = [f for f in found if f["rule"] == "unreadable"]
    assert (odd["severity"], odd["path"]) == ("warning", "models/staging/odd.sql")
    assert "not today" in odd["message"]


@pytest.mark.parametrize(
    ("adapter", "below", "warned"),
    [
        ("postgres", "table", ["fast", "middle"]),
        ("postgres", "incremental", []),
        ("duckdb", "table", []),
    ],
)
def test_views_that_are_dropped_by_another_group_are_told(
    tmp_path: Path, adapter: str, below: str, warned: list[str]
) -> None:
    two = "fast middle through kept late top"
    files = {
        "sqlorch.yml": f"groups: {{one: {{select: orders own}}, two: {{select: {two}}}}}",
        "models/orders.sql": f"{{{{ config(materialized='{below}') }}}} select 1 as x",
        "models/own.sql": "select * from {{ ref('orders') }}",
        "models/fast.sql": "select * from {{ ref('orders') }}",
        "models/through.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('orders') }}",
        "models/middle.sql": "select * from {{ ref('through') }}",
        "models/kept.sql": "{{ config(materialized='table') }} select * from {{ ref('orders') }}",
        "models/late.sql": "{{ config(bind=false) }} select * from {{ ref('orders') }}",
        "models/top.sql": "select * from {{ ref('fast') }}",  # in its own group: made again with it
    }
    project = make_project(tmp_path, files)
    said = project.sqlorch("check", "--json", "--adapter", adapter).document
    found = [f for f in said["findings"] if f["rule"] == "short-lived-view"]
    assert [f["path"] for f in found] == [f"models/{name}.sql" for name in warned]
    for one, name in zip(found, warned, strict=True):
        dropped = f"the view {name} (group two) is dropped whenever orders (group one) is made anew"
        assert one["message"].startswith(f"{dropped}, and missing until two runs: ")
