"""``sqlorch report`` on runs that really failed: what is told of them, with the SQL and the line at fault."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import webbrowser
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.daemons import running, until
from support.projects import Project, make_project
from support.run_pages import Page

FILES = {
    "sqlorch.yml": """\
        groups:
          shop: {select: "*", schedule: "@daily", timezone: America/New_York, start: 2013-01-01}
        """,
    "seeds/raw_orders.csv": "id,amount\n1,5\n2,-7\n2,9\n",
    "models/stg_orders.sql": "select * from {{ ref('raw_orders') }}",
    "models/broken.sql": """\
        {{ config(materialized='table') }}
        -- a comment
        select
            id,
            upper(naem) as shouted
        from {{ ref('stg_orders') }}
        """,
    "models/below.sql": "select * from {{ ref('broken') }}",
    "models/fct_orders.sql": "select * from {{ ref('stg_orders') }}",
    "models/board.sql": "select * from {{ ref('fct_orders') }}",
    "models/masked.sql": "select * from {{ ref('raw_orders') }}",
    "models/shop.yml": """\
        models:
          - name: stg_orders
            columns: [{name: id, data_tests: [not_null, {unique: {config: {severity: warn}}}]}]
          - name: board
            columns: [{name: id, data_tests: [unique]}]
        """,
    "expectations/fct_orders.yml": """\
        expectations:
          - expect_column_values_to_be_between: {column: amount, min_value: 0}
          - expect_column_values_to_not_be_null: {column: id}
        """,
    "expectations/masked.yml": """\
        mask: true
        expectations:
          - expect_column_values_to_be_between: {column: amount, min_value: 0, severity: warn}
        """,
}
STG, BROKEN, FCT = "model.shop.stg_orders", "model.shop.broken", "model.shop.fct_orders"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = make_project(tmp_path_factory.mktemp("report") / "shop", FILES)
    assert project.run().code == 1
    return project


@pytest.fixture(scope="module")
def page(shop: Project) -> Page:
    return page_of(shop)


def page_of(project: Project, *arguments: str) -> Page:
    file = project.root / "page.html"
    said = project.sqlorch("report", "--html", str(file), *arguments)
    assert said.code == 0, said.err
    assert said.out.startswith(f"{file}: manual-2013")
    return Page(file)


def test_the_head_says_which_run_it_was(page: Page) -> None:
    head = page.head
    assert (head["group"], head["state"], head["interval"], head["generation"]) == (
        "shop",
        "failed",
        "2013-01-03",
        1,
    )
    assert head["interval_full"] == (
        "2013-01-03 00:00 -> 2013-01-04 00:00 America/New_York (05:00 -> 05:00 UTC)"
    )
    assert head["retry"] == f"sqlorch retry {head['run_id']}"
    assert ["ds", "2013-01-03"] in head["variables"]
    assert 0 <= head["queued"] < head["seconds"] + 60


def test_a_failed_model_has_its_error_its_place_and_the_line_of_what_was_asked(page: Page) -> None:
    broken = page.nodes[BROKEN]
    assert broken["state"] == "failed"
    assert broken["where"] == "models/broken.sql:5"
    assert "naem" in broken["message"]
    assert broken["held"] == 1
    text, compiled, mark, language = page.sources[BROKEN]
    assert (compiled, language) == (True, "sql")
    assert text.splitlines()[mark - 1].strip() == "upper(naem) as shouted"
    assert text.splitlines()[0].strip(), "no empty lines before it"


def test_a_failed_expectation_has_what_was_observed_and_blocks(page: Page) -> None:
    node = page.nodes["expectations.shop.fct_orders"]
    assert (node["state"], page.ids[node["on"]], node["held"]) == ("failed", FCT, 2)
    between, not_null = node["findings"]
    assert (between["ok"], between["unexpected"], between["checked"], between["samples"]) == (
        False,
        1,
        3,
        ["-7"],
    )
    assert between["arguments"] == "min_value: 0"
    assert between["origin"] == "expectations/fct_orders.yml:2"
    assert not_null["ok"]
    assert page.nodes["model.shop.board"]["state"] == "upstream_failed"
    assert "fct_orders expectations" in page.nodes["model.shop.board"]["reason"]


def test_masked_values_are_nowhere_in_the_page(page: Page) -> None:
    node = page.nodes["expectations.shop.masked"]
    assert (node["state"], node["findings"][0]["unexpected"]) == ("warn", 1)
    assert node["findings"][0]["samples"] == []
    told = re.sub(r"manual-\w+-\w+", "", json.dumps(node))  # the id of a run may begin its last part with a 7
    assert "-7" not in told


def test_a_warning_is_no_failure(page: Page) -> None:
    (unique,) = [node for uid, node in page.nodes.items() if uid.startswith("test.shop.unique_stg")]
    assert (unique["state"], unique["failures"], unique["severity"]) == ("warn", 1, "warn")


def test_the_drawing_goes_through_tests(page: Page) -> None:
    edges = {(page.ids[a], page.ids[b]) for a, b, _ in page.run["drawing"]["edges"]}
    assert edges == {
        ("seed.shop.raw_orders", STG),
        ("seed.shop.raw_orders", "model.shop.masked"),
        (STG, BROKEN),
        (STG, FCT),
        (BROKEN, "model.shop.below"),
        (FCT, "model.shop.board"),
    }


def test_the_slowest_path_fills_the_chart(page: Page) -> None:
    path = page.run["path"]
    assert page.ids[path[0]["node"]] == "seed.shop.raw_orders"
    whole = sum(step["waited"] + step["seconds"] for step in path)
    assert whole == pytest.approx(page.run["gantt"]["seconds"], abs=0.05)
    assert all(bar["end"] <= page.run["gantt"]["seconds"] + 0.001 for bar in page.run["gantt"]["bars"])


def test_the_users_variables_are_named_without_their_values(shop: Project) -> None:
    said = shop.run("--select", "raw_orders", "--vars", "{password: hunter2}", interval="2013-01-04")
    assert said.code == 0
    page = page_of(shop)
    assert ["--vars", "password"] in page.head["settings"]
    assert "hunter2" not in json.dumps(page.run)
    assert page.head["retry"] == ""


def test_a_run_is_named_by_its_id_and_written_beside_its_logs(shop: Project, page: Page) -> None:
    said = shop.sqlorch("report", page.head["run_id"])
    file = shop.root / ".sqlorch" / "runs" / page.head["run_id"] / "report.html"
    assert said.code == 0
    assert said.out.startswith(f"{file}: {page.head['run_id']} failed, 12 nodes, ")
    assert Page(file).head["run_id"] == page.head["run_id"]


def test_when_the_compiled_sql_was_pruned_the_file_is_shown_with_its_line(shop: Project, page: Page) -> None:
    kept = shop.root / ".sqlorch" / "runs" / page.head["run_id"] / "target"
    kept.rename(kept.with_name("elsewhere"))
    try:
        text, compiled, mark, _ = page_of(shop, page.head["run_id"]).sources[BROKEN]
    finally:
        kept.with_name("elsewhere").rename(kept)
    assert (compiled, mark) == (False, 5)
    assert "{{ config" in text


def test_secrets_of_the_environment_are_taken_out_of_the_sql(
    shop: Project, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "upper(naem)")
    text, _, mark, _ = page_of(shop, page.head["run_id"]).sources[BROKEN]
    assert "naem" not in text
    assert text.splitlines()[mark - 1].strip() == "***** as shouted"


def test_the_reason_of_a_run_is_masked(
    shop: Project, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = Project(shutil.copytree(shop.root, tmp_path / "copy"))
    with closing(sqlite3.connect(copied.root / ".sqlorch" / "state.db")) as connection, connection:
        connection.execute("update run set reason = 'state is \"hunter2-hunter2\"'")
    monkeypatch.setenv("DBT_ENV_SECRET_X", "hunter2-hunter2")
    assert page_of(copied, page.head["run_id"]).head["reason"] == 'state is "*****"'


def test_a_retry_is_another_generation(shop: Project, page: Page) -> None:
    again = make_project(shop.root.parent / "again", {**FILES, "seeds/raw_orders.csv": "id,amount\n1,5\n"})
    run_id = again.run().document["runs"][0]["run_id"]
    fixed = FILES["models/broken.sql"].replace("naem", "'x'")
    again.write({"models/broken.sql": fixed})
    assert again.sqlorch("retry", run_id, "--json").code == 0
    made = page_of(again)
    assert (made.head["generation"], made.head["state"], made.head["queued"]) == (2, "success", None)
    assert set(made.nodes[STG]["tries"]) == set(), "it was done before the retry"
    assert {step["node"] for step in made.run["path"]} <= {
        made.ids.index(BROKEN),
        made.ids.index("model.shop.below"),
    }


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)))
    return opened


def test_open_shows_it_and_says_where_it_is_when_no_browser_starts(shop: Project, shown: list[str]) -> None:
    said = shop.sqlorch("report", "--open")
    assert said.code == 0
    assert shown[0].endswith("/report.html")
    assert "no browser could be started" in said.err


def test_wrong_words_are_told_in_a_sentence(shop: Project, tmp_path: Path) -> None:
    assert "there is no run manual-x" in shop.sqlorch("report", "manual-x").told(2)
    assert "cannot be written" in shop.sqlorch("report", "--html", str(tmp_path)).told(2)
    new = make_project(tmp_path / "new", {"models/a.sql": "select 1 as x"})
    assert "no runs yet" in new.sqlorch("report").told(2)


def test_a_run_skipped_for_want_of_a_file_has_a_page_and_its_alert_names_it(tmp_path: Path) -> None:
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    settings = f"""\
        alerts: {{to: [{{url: log}}]}}
        groups:
          daily:
            select: orders
            schedule: "@daily"
            start: {day}
            wait_for: [{{file: "in/{{{{ ds }}}}.csv", every: 1s, timeout: 1s, soft_fail: true}}]
        """
    shop = make_project(tmp_path / "shop", {"models/orders.sql": "select 1 as a", "sqlorch.yml": settings})
    log = shop.root / ".sqlorch" / "alerts.log"
    with running(shop) as daemon:
        until(lambda: log.exists() and log.read_text(), "the alert")
        assert daemon.stop() == 0
    (run,) = shop.sqlorch("runs", "list", "--json").document["runs"]
    message = json.loads(log.read_text().splitlines()[0])
    beside = shop.root / ".sqlorch" / "runs" / run["run_id"] / "report.html"
    why = f"waited for file in/{day}.csv (not there); gave up after 0:00:01"
    assert f"was skipped: {why}" in message["text"]
    assert f"As a page: {beside}" in message["text"]
    mine = tmp_path / "mine.html"
    said = shop.sqlorch("report", run["run_id"], "--html", str(mine))
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"{mine}: {run['run_id']} skipped, 0 nodes, ")
    for file in (beside, mine):
        page = Page(file)
        assert (page.head["state"], page.head["reason"], page.head["retry"]) == ("skipped", why, "")
        assert page.nodes == {}
