"""``sqlorch lineage --html`` on the demo and on a small project, before and after they ran."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import webbrowser
import zlib
from pathlib import Path
from typing import Any

import pytest
from support.projects import REPOSITORY, Project, environment, make_project

SHOP = {
    "sqlorch.yml": 'groups:\n  daily: {select: "path:models", schedule: "@daily", description: At night.}\n',
    "seeds/raw_orders.csv": "id,customer,amount\n1,a,10\n2,b,20\n",
    "models/stg_orders.sql": (
        "{{ config(materialized='table') }}\nselect id, customer, amount from {{ ref('raw_orders') }}\n"
    ),
    "models/revenue.sql": """\
        {{ config(materialized='table') }}
        select customer, sum(amount) as revenue from {{ ref('stg_orders') }}
        where customer <> '{{ var('nobody', 'x') }}' group by customer
        """,
    "models/broken.sql": """\
        {{ config(materialized='table') }}
        select cast('x' as integer) as n from {{ ref('revenue') }}
        """,
    "models/below.sql": "select n from {{ ref('broken') }}\n",
    "models/models.yml": """\
        version: 2
        models:
          - name: stg_orders
            description: "</script><script>alert(1)</script>"
            config: {meta: {owner: {name: Ann, email: ann@example.com}}}
            columns: [{name: id, description: The key., data_tests: [unique, not_null]}]
        exposures:
          - {name: board, type: dashboard, owner: {name: Bo}, depends_on: [ref('revenue')]}
        """,
    "tests/positive.sql": """\
        {{ config(severity='warn') }}
        select * from {{ ref('revenue') }} where revenue > 15
        """,
}
STG, REVENUE = "model.shop.stg_orders", "model.shop.revenue"
BROKEN, BELOW = "model.shop.broken", "model.shop.below"


class Page:
    """A page as a browser reads it."""

    def __init__(self, file: Path) -> None:
        self.text = file.read_text(encoding="utf-8")
        self.graph, self.detail = self._document("graph"), self._document("detail")
        self.nodes: dict[str, dict[str, Any]] = {node["id"]: node for node in self.graph["nodes"]}

    def _document(self, name: str) -> dict[str, Any]:
        found = re.search(rf'id="{name}">([^<]*)<', self.text)
        assert found
        document: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(found[1]), wbits=-15))
        return document

    @property
    def edges(self) -> set[tuple[str, str]]:
        ids = [node["id"] for node in self.graph["nodes"]]
        return {(ids[parent], ids[child]) for parent, child, *_ in self.graph["edges"]}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", SHOP)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The shop after a run in which one model failed."""
    project = make_project(tmp_path_factory.mktemp("ran") / "shop", SHOP)
    assert project.run().code == 1
    return project


@pytest.fixture(scope="module")
def after(ran: Project) -> Page:
    return page_of(ran)


def page_of(project: Project, *options: str) -> Page:
    file = project.root / "page.html"
    said = project.sqlorch("lineage", "--html", str(file), *options)
    assert said.code == 0, said.err
    assert said.err == ""
    assert said.out.startswith(f"{file}: ")
    return Page(file)


def test_before_any_run_the_page_shows_structure_alone(shop: Project) -> None:
    page = page_of(shop)
    assert (REVENUE, "exposure.shop.board") in page.edges
    assert not [uid for uid in page.nodes if uid.startswith("test.")]
    assert (page.graph["run"], page.graph["gantt"], page.graph["generated_at"]) == (None, None, None)
    assert {node["state"] for node in page.nodes.values()} == {None}
    assert page.nodes[STG]["tests"] == 2
    assert not (shop.root / ".sqlorch" / "state.db").exists(), "looking makes no state file"


def test_before_any_run_two_pages_are_equal_to_the_byte(shop: Project) -> None:
    assert page_of(shop).text == page_of(shop).text


def test_the_panel_has_what_the_project_says(shop: Project) -> None:
    page = page_of(shop)
    stg, revenue = page.detail["nodes"][STG], page.detail["nodes"][REVENUE]
    assert stg["owner"] == "Ann <ann@example.com>"
    assert page.detail["nodes"]["exposure.shop.board"]["owner"] == "Bo"
    assert stg["schedule"] == "@daily, UTC"
    assert [group["schedule"] for group in page.graph["groups"] if group["name"] == "daily"] == ["@daily"]
    assert stg["relation"] == '"warehouse"."main"."stg_orders"'
    assert page.nodes[STG]["schema"] == "main"
    assert page.nodes[STG]["group"] == "daily"
    assert stg["description"] == "</script><script>alert(1)</script>"
    assert "alert(1)" not in page.text
    assert {test["column"] for test in stg["tests"]} == {"id"}
    assert [(test["name"], test["severity"]) for test in revenue["tests"]] == [("positive", "warn")]
    assert revenue["sql_kind"] == "raw"
    assert "{{ var('nobody', 'x') }}" in revenue["sql"]


def test_columns_are_followed(shop: Project) -> None:
    page = page_of(shop)
    ids = [node["id"] for node in page.graph["nodes"]]
    found = {(ids[a], column, ids[b], to, kind) for a, column, b, to, kind, _ in page.detail["column_edges"]}
    assert (STG, "amount", REVENUE, "revenue", "aggregate") in found
    assert (STG, "customer", REVENUE, None, "filter") in found
    assert page.nodes[REVENUE]["columns"] == 2


def test_after_a_run_the_nodes_stand_as_they_ended(after: Page) -> None:
    states = {uid.split(".")[-1]: node["state"] for uid, node in after.nodes.items()}
    assert states == {
        "raw_orders": "success",
        "stg_orders": "success",
        "revenue": "success",
        "broken": "failed",
        "below": "upstream_failed",
        "board": None,
    }
    assert "x" in after.detail["nodes"][BROKEN]["message"]
    assert after.nodes[STG]["rows"] == 2
    assert after.nodes[STG]["seconds"] > 0
    assert after.nodes[STG]["freshness_seconds"] >= 0
    assert after.detail["nodes"][STG]["durations"] == [after.nodes[STG]["seconds"]]
    assert after.nodes[BELOW]["last_run"] is None
    assert not after.nodes[STG]["stale"]


def test_after_a_run_tests_say_how_they_ended(after: Page) -> None:
    (positive,) = after.detail["nodes"][REVENUE]["tests"]
    assert (positive["state"], positive["failures"]) == ("warn", 1)
    assert positive["at"] is not None
    assert {test["state"] for test in after.detail["nodes"][STG]["tests"]} == {"success"}


def test_after_a_run_the_sql_is_what_the_warehouse_was_asked(after: Page) -> None:
    revenue = after.detail["nodes"][REVENUE]
    assert revenue["sql_kind"] == "compiled"
    assert "customer <> 'x'" in revenue["sql"]
    assert after.detail["nodes"][BELOW]["sql_kind"] == "raw", "it was never asked"


def test_the_critical_path_is_a_path_from_the_start_to_the_slowest_end(after: Page) -> None:
    critical = {uid for uid, node in after.nodes.items() if node["critical"]}
    assert critical == {"seed.shop.raw_orders", STG, REVENUE}


def test_the_chart_shows_every_attempt_of_the_run(after: Page) -> None:
    chart, run = after.graph["gantt"], after.graph["run"]
    ids = [node["id"] for node in after.graph["nodes"]]
    bars = {(ids[bar["node"]], bar["test"]): bar for bar in chart["bars"]}
    assert len(bars) == 7
    assert bars[BROKEN, None]["state"] == "failed"
    assert bars[REVENUE, "positive"]["state"] == "warn"
    assert all(0 <= bar["start"] <= bar["end"] <= chart["seconds"] + 0.001 for bar in chart["bars"])
    assert bars[STG, None]["end"] <= bars[REVENUE, None]["start"]
    assert {bar["run_id"] for bar in chart["bars"]} == {listed["run_id"] for listed in after.graph["runs"]}
    assert (run["group"], run["interval"], run["state"]) == ("daily", "2013-01-03", "failed")
    assert after.graph["generated_at"] >= run["finished_at"]


def test_a_selection_shows_its_nodes_alone(ran: Project) -> None:
    page = page_of(ran, "--select", "+revenue")
    assert set(page.nodes) == {"seed.shop.raw_orders", STG, REVENUE}
    assert page.edges == {("seed.shop.raw_orders", STG), (STG, REVENUE)}
    assert page.nodes[STG]["tests"] == 2, "tests belong to what they test"
    assert {bar["node"] for bar in page.graph["gantt"]["bars"]} == {0, 1, 2}


def test_a_selection_of_tests_alone_has_nothing_to_draw_and_says_so(shop: Project) -> None:
    file = shop.root / "page.html"
    said = shop.sqlorch("lineage", "--html", str(file), "--select", "positive")
    assert said.code == 0
    assert "nothing to draw" in said.err
    assert not Page(file).nodes


def test_when_the_compiled_sql_was_pruned_the_file_is_shown(ran: Project) -> None:
    kept = ran.root / ".sqlorch" / "runs"
    kept.rename(kept.with_name("elsewhere"))
    try:
        assert page_of(ran).detail["nodes"][REVENUE]["sql_kind"] == "raw"
    finally:
        kept.with_name("elsewhere").rename(kept)


def test_the_page_replaces_the_one_before_and_leaves_nothing_beside_it(shop: Project, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "deep"
    file = folder / "page.html"
    assert shop.sqlorch("lineage", "--html", str(file)).code == 0
    file.write_text("old", encoding="utf-8")
    file.chmod(0o640)
    assert shop.sqlorch("lineage", "--html", str(file)).code == 0
    assert Page(file).nodes
    assert file.stat().st_mode & 0o777 == 0o640
    assert [entry.name for entry in folder.iterdir()] == ["page.html"]


def test_open_writes_to_the_state_folder_and_shows_the_file(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: bool(opened.append(address)) or True)
    said = shop.sqlorch("lineage", "--open")
    file = shop.root / ".sqlorch" / "lineage.html"
    assert said.code == 0
    assert said.out.startswith(f"{file}: 6 nodes")
    assert opened == [file.as_uri()]
    assert Page(file).nodes


def test_without_a_browser_the_page_is_written_all_the_same(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    said = shop.sqlorch("lineage", "--html", str(shop.root / "p.html"), "--open")
    assert said.code == 0
    assert "no browser could be started" in said.err
    assert (shop.root / "p.html").is_file()


def test_a_place_that_cannot_be_written_is_one_sentence(shop: Project, tmp_path: Path) -> None:
    assert shop.sqlorch("lineage", "--html", str(tmp_path)).told(2) == (
        f"Error: the report cannot be written to {tmp_path}: it is a folder; name a file"
    )
    (tmp_path / "file").touch()
    told = shop.sqlorch("lineage", "--html", str(tmp_path / "file" / "page.html")).told(2)
    assert f"cannot be written to {tmp_path / 'file' / 'page.html'}: " in told
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert "cannot be written" in shop.sqlorch("lineage", "--html", str(loop)).told(2)


@pytest.mark.parametrize("more", [["--columns"], ["--format", "json"], ["--verify"]])
def test_the_page_is_not_mixed_with_other_forms(shop: Project, more: list[str]) -> None:
    assert "leave out" in shop.sqlorch("lineage", "--html", "x.html", *more).told(2)
    assert not Path("x.html").exists()


def test_a_damaged_state_file_is_told_and_nothing_is_written(shop: Project) -> None:
    assert shop.run("--select", "raw_orders").code == 0
    (shop.root / ".sqlorch" / "state.db").write_bytes(b"this is no database" * 100)
    told = shop.sqlorch("lineage", "--html", str(shop.root / "p.html")).told(2)
    assert "state.db" in told
    assert not (shop.root / "p.html").exists()


def test_the_demo_has_a_page_in_which_every_column_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = REPOSITORY / "project"
    ignored = shutil.ignore_patterns("data", ".sqlorch", "target", "*.duckdb*")
    shutil.copytree(source, tmp_path / "demo", ignore=ignored)
    shutil.copy(REPOSITORY / "profiles" / "profiles.yml", tmp_path / "demo")
    monkeypatch.setenv("FLIGHTS_DATA_DIR", str(source / "data"))
    page = page_of(Project(tmp_path / "demo"))
    status = {c["status"] for node in page.detail["nodes"].values() for c in node["columns"]}
    assert status == {"resolved"}
    assert page.nodes["source.flights.raw.flights"]["schema"] == ""
    assert all(page.nodes[p]["x"] + 1 <= page.nodes[c]["x"] for p, c in page.edges)


def test_the_bytes_do_not_depend_on_how_python_hashes() -> None:
    program = (
        "import hashlib; from support.report_graphs import made_up_report;"
        "from sqlorch.reports.page import lineage_page;"
        "print(hashlib.sha256(lineage_page(made_up_report(740)).encode()).hexdigest())"
    )
    path = os.pathsep.join([str(REPOSITORY / "tests"), environment()["PYTHONPATH"]])
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=environment(PYTHONHASHSEED=seed) | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
