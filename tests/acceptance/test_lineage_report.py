"""The report's page, opened from disk in a real browser and used as people use it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import browser as browsers
from support.browser import Report, ShowReport
from support.report_shop import (
    FCT_ORDERS,
    RAW_CUSTOMERS,
    RAW_ORDERS,
    REVENUE,
    SQL,
    STG_CUSTOMERS,
    STG_ORDERS,
    shop,
)

from sqlorch.reports.page import lineage_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")


def drawn(report: Report) -> set[str]:
    return {item.get("id") or f"{item['group']}: {item['count']}" for item in report.state["items"]}


def test_it_opens_from_disk_with_all_nodes_in_view(show: ShowReport) -> None:
    report = show("shop")
    state = report.state
    assert set(state["visible"]) == {
        RAW_ORDERS,
        RAW_CUSTOMERS,
        STG_ORDERS,
        STG_CUSTOMERS,
        FCT_ORDERS,
        REVENUE,
    }
    assert (state["scene"], state["overlay"], state["edges"]) == ("whole", "kind", 5)
    assert report.text("#project") == "shop"
    assert report.text("#summary") == "3 models · 2 sources · 1 exposure"
    assert "daily failed" in report.text("#run")


def test_a_click_selects_a_node_and_tells_all_of_it(show: ShowReport) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    assert report.state["selected"] == FCT_ORDERS
    panel = report.text("#panel")
    about = "fct_orders|What was sold.|Finance <finance@example.com>|money|@daily, UTC|models/marts/fct"
    for words in f"{about}|4.0 s|Binder Error: no|total_is_positive|3 failures".split("|"):
        assert words in panel, words
    assert report.page.text_content("#panel .sql") == SQL
    coloured = {
        kind: report.page.locator(f"#panel .t-{kind}").all_inner_texts()
        for kind in ("keyword", "string", "comment", "jinja", "call")
    }
    assert coloured == {
        "keyword": ["select", "as", "from", "where"],
        "string": ["'paid'"],
        "comment": ["-- what was paid"],
        "jinja": ["{{ ref('stg_orders') }}"],
        "call": ["sum"],
    }
    assert report.text("#live") == "fct_orders, model, reads from 2, read by 1, last run failed"


def test_descriptions_are_read_as_markdown_without_html(show: ShowReport) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    prose = report.page.locator("#panel .prose")
    assert prose.locator("th").all_inner_texts() == ["status", "meaning"]
    assert prose.locator("td").all_inner_texts() == ["paid", "the money is in"]
    assert prose.locator("td code").inner_text() == "paid"
    assert prose.locator("strong").inner_text() == "money"
    assert prose.locator("li").all_inner_texts() == ["one row per order", "<b>no</b> refunds"]


def test_what_is_unrelated_to_the_selection_steps_back(show: ShowReport) -> None:
    report = show("shop")
    report.click(STG_ORDERS)
    assert report.state["dimmed"] == 2  # the customers, raw and staged
    report.press("Escape")
    assert (report.state["selected"], report.state["dimmed"]) == (None, 0)
    assert report.page.locator("#panel").is_hidden()


def test_links_of_the_panel_lead_up_and_down(show: ShowReport) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    report.page.click("#panel .node-link:has-text('stg_customers')")
    assert report.state["selected"] == STG_CUSTOMERS


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_search_finds_names_columns_and_paths_from_the_keyboard(show: ShowReport, key: str) -> None:
    report = show("shop")
    report.press(key)
    report.page.keyboard.type("orders")
    found = [text.split("\n")[0] for text in report.page.locator("#found [role=option]").all_inner_texts()]
    assert found == ["fct_orders", "raw.orders", "stg_orders"]
    report.press("ArrowDown", "ArrowDown", "ArrowDown", "ArrowUp", "Enter")  # round the end and back
    assert report.state["selected"] == STG_ORDERS
    report.press(key)
    report.page.keyboard.type("total")
    report.press("Enter")
    assert (report.state["selected"], report.state["column"]) == (FCT_ORDERS, "total")
    report.press(key)
    report.page.keyboard.type("marts/_marts.yml")
    assert report.page.locator("#found [role=option]").all_inner_texts() == [
        "revenue\nmodels/marts/_marts.yml"
    ]
    report.press("Escape")
    assert not report.page.locator("#search").is_visible()


def test_large_projects_focus_on_the_neighbours_of_what_is_chosen(show: ShowReport) -> None:
    report = show("large")
    node = report.page.evaluate("window.sqlorch.state().items[window.sqlorch.act.search('')[0].node].id")
    report.act("select", node)
    one = report.state
    assert (one["mode"], one["up"], one["down"]) == ("focus", 1, 1)
    assert 1 < len(one["items"]) < 60
    report.page.click("[aria-label='More hops down']")
    two = report.state
    assert two["down"] == 2
    assert drawn(report) > {item["id"] for item in one["items"]}
    report.press("w")
    assert len(report.state["items"]) == 740


def test_a_double_click_focuses_and_a_badge_opens_hidden_neighbours(show: ShowReport) -> None:
    report = show("shop")
    report.click(STG_ORDERS, times=2)
    assert report.state["mode"] == "focus"
    assert drawn(report) == {RAW_ORDERS, STG_ORDERS, FCT_ORDERS}
    box = report.page.evaluate(f"window.sqlorch.locate({FCT_ORDERS!r})")
    zoom = report.page.evaluate("window.sqlorch.state().zoom")
    report.page.mouse.click(box["x"] + 94 * zoom, box["y"] - 21 * zoom)
    assert drawn(report) == {RAW_ORDERS, STG_ORDERS, FCT_ORDERS, REVENUE}


def test_a_column_lights_its_whole_path_step_by_step(show: ShowReport) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    report.press("c")
    report.click(FCT_ORDERS, "total")
    state = report.state
    assert (state["column"], state["scene"]) == ("total", "column")
    assert state["steps"] == {"up": 2, "down": 0, "indirect": 2}
    direct = {(RAW_ORDERS, "amount"), (STG_ORDERS, "amount"), (FCT_ORDERS, "total")}
    deciding = {(STG_ORDERS, "status"), (STG_CUSTOMERS, "id")}
    assert {tuple(pair) for pair in state["columns"]} == direct | deciding
    steps = report.page.locator("#panel .steps li").all_inner_texts()
    assert [" ".join(step.split()) for step in steps] == [
        "raw.orders amount computed stg_orders amount CAST(amount AS BIGINT)",
        "stg_orders amount aggregated fct_orders total SUM(o.amount)",
        "stg_customers id joins fct_orders all rows",
        "stg_orders status filters fct_orders all rows o.status = 'paid'",
    ]
    assert report.page.locator("#panel .steps li.indirect").count() == 2
    report.page.uncheck("#panel input[type=checkbox]")
    assert {tuple(pair) for pair in report.state["columns"]} == direct
    report.press("Escape")
    assert (report.state["column"], report.state["selected"]) == (None, FCT_ORDERS)


def test_a_column_also_shows_what_is_made_from_it(show: ShowReport) -> None:
    report = show("shop")
    report.act("column", RAW_ORDERS, "order_id")
    assert report.state["steps"] == {"up": 0, "down": 2, "indirect": 0}
    report.act("column", STG_ORDERS, "status")
    assert report.state["steps"] == {"up": 1, "down": 0, "indirect": 1}  # it filters, nothing is made of it


def test_folders_collapse_into_one_card_and_open_again(show: ShowReport) -> None:
    report = show("shop")
    report.page.select_option("[aria-label=Collapse]", "folder")
    assert drawn(report) == {"models/staging: 4", "models/marts: 2"}
    report.click("models/staging", times=2)
    assert drawn(report) == {RAW_ORDERS, RAW_CUSTOMERS, STG_ORDERS, STG_CUSTOMERS, "models/marts: 2"}
    report.page.click(".chip:has-text('models/staging')")
    assert drawn(report) == {"models/staging: 4", "models/marts: 2"}
    report.click("models/marts")
    assert "fct_orders" in report.text("#panel")
    report.page.select_option("[aria-label=Collapse]", "group")
    assert drawn(report) == {"no group: 3", "hourly: 2", "daily: 1"}
    report.page.select_option("[aria-label=Collapse]", "schema")
    assert drawn(report) == {"raw: 2", "staging: 2", "analytics: 1", "no schema: 1"}


def test_overlays_colour_by_what_the_runs_left_behind(show: ShowReport) -> None:
    report = show("shop")
    legends = {}
    for overlay in ("kind", "group", "state", "duration", "critical", "freshness"):
        report.page.select_option("[aria-label=Colour]", overlay)
        legends[overlay] = {entry["label"]: entry["count"] for entry in report.state["legend"]}
    durations = legends.pop("duration")
    assert (durations.pop("Not measured"), sum(durations.values()), len(durations)) == (3, 3, 3)
    assert legends == {
        "kind": {"Models": 3, "Sources": 2, "Exposures": 1},
        "group": {"daily": 1, "hourly": 2, "No group": 3},
        "state": {"Success": 2, "Failed": 1, "Not run": 3},
        "critical": {"On the critical path": 2, "Off the critical path": 4},
        "freshness": {"Under 1 hour": 3, "Never succeeded": 3},
    }


def test_a_legend_entry_leaves_only_its_nodes_lit(show: ShowReport) -> None:
    report = show("shop")
    report.page.click("#legend .key:has-text('Sources')")
    assert (report.state["only"], report.state["dimmed"]) == ("source", 4)
    report.page.click("#legend .key:has-text('Sources')")
    assert (report.state["only"], report.state["dimmed"]) == (None, 0)


def test_without_a_run_it_shows_structure_and_says_why_no_more(show: ShowReport) -> None:
    report = show("new")
    options = report.page.locator("[aria-label=Colour] option")
    greyed = [option.inner_text() for option in options.all() if option.is_disabled()]
    assert greyed == [
        f"{name} (no run is recorded yet)" for name in ("Last run", "Duration", "Critical path", "Freshness")
    ]
    assert report.page.locator(".segment:has-text('Timeline')").is_disabled()
    assert report.page.locator("#run").is_hidden()
    report.press("t")
    assert report.state["view"] == "graph"
    report.click(FCT_ORDERS)
    assert "Duration" not in report.text("#panel")


def test_an_empty_project_says_so(show: ShowReport) -> None:
    report = show("empty")
    assert "Nothing to draw yet" in report.text("#empty")
    for key in ("/", "Escape", "f", "ArrowRight", "t", "0", "c"):
        report.press(key)
    assert report.state["items"] == []


def test_a_damaged_file_says_so(browser: Browser, tmp_path: Path) -> None:
    text = lineage_page(shop())
    start = text.index('id="graph">') + len('id="graph">')
    file = tmp_path / "damaged.html"
    file.write_text(text[:start] + "AAAA" + text[start + 400 :], encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    page.wait_for_selector("#empty:not([hidden])")
    assert "The report cannot be opened" in page.inner_text("#empty")
    page.close()
