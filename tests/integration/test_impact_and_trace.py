"""``sqlorch impact`` and ``sqlorch trace``, run in process on a small shop."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support.lineage_shop import BEST, REVENUE, SEED, SHOP, STG
from support.projects import Project, make_project


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", SHOP)


def test_impact_of_a_model_reaches_groups_exposures_and_tests(shop: Project) -> None:
    document = shop.sqlorch("impact", "stg_orders", "--json").document
    assert document["starts"] == [STG]
    assert {(node["unique_id"], node["group"]) for node in document["nodes"]} == {
        ("model.shop.customers", "daily"),
        (REVENUE, "daily"),
        (BEST, "daily"),
    }
    assert document["exposures"] == ["exposure.shop.board"]
    assert len(document["tests"]) == 3
    text = shop.sqlorch("impact", "stg_orders").out
    assert text.startswith("downstream of stg_orders: 3 nodes of 1 group; 1 exposure, 3 tests\n\ndaily\n")
    assert "\nexposures\n  board\n" in text


def test_impact_of_a_column_follows_values_and_rows(shop: Project) -> None:
    amount = shop.sqlorch("impact", "stg_orders.AMOUNT_EUR", "--json").document
    assert amount["column"] == [STG, "amount_eur"]
    assert amount["columns"] == [[REVENUE, "revenue"]]
    assert amount["rows"] == [BEST]
    assert amount["untouched"] == ["model.shop.customers"]
    assert amount["exposures"] == ["exposure.shop.board"]
    status = shop.sqlorch("impact", "stg_orders.status", "--json").document
    assert (status["columns"], status["rows"]) == ([[REVENUE, "paid"]], [])
    assert [node["unique_id"] for node in status["nodes"]] == [REVENUE]
    assert status["exposures"] == []
    assert status["untouched"] == ["model.shop.customers", BEST]
    text = shop.sqlorch("impact", "stg_orders.amount_eur").out
    assert "revenue  view  revenue\n" in text
    assert "best     view  its rows depend on it\n" in text
    assert text.endswith("downstream of the model, but not of the column: customers\n")


def test_impact_does_not_rule_out_what_it_cannot_read(shop: Project) -> None:
    shop.write(
        {
            "models/marts/scored.py": "def model(dbt, session):\n    return dbt.ref('stg_orders')\n",
            "models/marts/after.sql": "select customer from {{ ref('scored') }}",
        }
    )
    document = shop.sqlorch("impact", "stg_orders.status", "--json").document
    assert document["unsure"] == ["model.shop.scored", "model.shop.after"]
    assert "cannot be ruled out" in shop.sqlorch("impact", "stg_orders.status").out


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_impact_of_a_change_set(tmp_path: Path) -> None:
    shop = make_project(tmp_path / "nested" / "shop", SHOP)
    shop.write({".gitignore": ".sqlorch\n", "models/marts/old.sql": "select 1 as x"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    quiet = shop.sqlorch("impact", "--git", "HEAD")
    assert (quiet.code, quiet.out) == (0, "0 files changed\n")
    shop.write(
        {"macros/shout.sql": "{% macro shout(column) %}lower({{ column }}){% endmacro %}", "notes.md": "x"}
    )
    (shop.root / "models/marts/old.sql").unlink()
    document = shop.sqlorch("impact", "--git", "HEAD", "--json").document
    assert document["files"] == ["macros/shout.sql", "models/marts/old.sql", "notes.md"]
    assert document["starts"] == [STG]
    assert document["other_files"] == ["models/marts/old.sql", "notes.md"]
    assert len(document["nodes"]) == 3
    git(tmp_path, "commit", "-qam", "second")
    shop.write({"models/marts/marts.yml": SHOP["models/marts/marts.yml"] + "\n"})
    document = shop.sqlorch("impact", "--git", "HEAD", "--json").document
    assert set(document["starts"]) == {BEST, "model.shop.customers", REVENUE, "exposure.shop.board"}
    said = shop.sqlorch("impact", "--git", "HEAD~1")
    assert "not followed, because no node is made of them: models/marts/old.sql" in said.out
    assert "downstream of what changed" in said.out


def test_impact_refuses_what_git_does_not_know(shop: Project, tmp_path: Path) -> None:
    outside = shop.sqlorch("impact", "--git", "HEAD").told(2)
    assert "git" in outside
    git(shop.root, "init", "-q")
    assert shop.sqlorch("impact", "--git", "nope").told(2).startswith("Error: git: ")
    target = tmp_path / "written"
    assert "not '--output" in shop.sqlorch("impact", f"--git=--output={target}").told(2)
    assert not target.exists()
    assert "one of the two" in shop.sqlorch("impact").told(2)
    assert "one of the two" in shop.sqlorch("impact", "best", "--git", "HEAD").told(2)


def test_trace_goes_back_to_the_seed_with_an_expression_at_each_step(shop: Project) -> None:
    said = shop.sqlorch("trace", "revenue.revenue")
    assert said.out.splitlines() == [
        "revenue.revenue  aggregate",
        "SUM(amount_eur)",
        "└── stg_orders.amount_eur  transform",
        "    amount / 100.0",
        "    └── raw.raw_orders.amount  pass-through",
        "        └── raw_orders.amount  seed",
        "",
        "Which rows are in revenue depends on:",
        "  group: stg_orders.customer",
    ]


def test_trace_follows_what_decides_about_a_value(shop: Project) -> None:
    document = shop.sqlorch("trace", "revenue.paid", "--json").document
    first, second = document["steps"][:2]
    assert (first["column"], first["kind"], first["from"]) == ([REVENUE, "paid"], "aggregate", [])
    assert first["decided_by"] == [{"kind": "filter", "column": [STG, "status"]}]
    assert (second["column"], second["expression"]) == ([STG, "status"], "UPPER(status)")
    assert document["steps"][-1]["column"] == [SEED, "status"]
    assert document["steps"][-1]["kind"] is None
    assert document["rows"] == [{"kind": "group", "column": [STG, "customer"]}]


def test_trace_shows_a_column_once_and_points_to_it(shop: Project) -> None:
    shop.write(
        {
            "models/marts/ratio.sql": """\
                select amount_eur, amount_eur + order_id as both from {{ ref('stg_orders') }}
                """
        }
    )
    shop.write({"models/marts/twice.sql": "select amount_eur / both as r from {{ ref('ratio') }}"})
    out = shop.sqlorch("trace", "twice.r").out
    assert out.count("stg_orders.amount_eur") == 2
    assert "stg_orders.amount_eur, shown above" in out


def test_names_that_mean_nothing_are_answered_with_the_nearest(shop: Project) -> None:
    assert shop.sqlorch("trace", "revenu.paid").told(2) == (
        "Error: the project has no node revenu.paid; did you mean revenue?"
    )
    assert shop.sqlorch("trace", "revenue.payd").told(2) == (
        "Error: revenue has no column payd that is known; did you mean paid?"
    )
    assert "sqlorch trace revenue.COLUMN (it has customer, revenue, paid)" in shop.sqlorch(
        "trace", "revenue"
    ).told(2)
    assert "the project has no node nothing_near" in shop.sqlorch("impact", "nothing_near").told(2)
    assert os.environ.get("DBT_PROJECT_DIR") != str(shop.root)
