"""The report's page, opened from disk in a real browser and used as people use it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from support import browser as browsers
from support.browser import PHONE, Report, chromium, opened
from support.report_graphs import made_up_report
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

from sqlorch.reports.model import LineageReport
from sqlorch.reports.page import lineage_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def written(folder: Path, name: str, report: LineageReport) -> Path:
    file = folder / f"{name}.html"
    file.write_text(lineage_page(report), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    reports = {
        "shop": shop(),
        "new": shop(ran=False),
        "large": made_up_report(740),
        "empty": LineageReport(project="nothing", adapter="duckdb", nodes=()),
    }
    return {name: written(folder, name, report) for name, report in reports.items()}


@pytest.fixture
def show(browser: Browser, files: dict[str, Path]) -> Iterator[Any]:
    """Opens reports, and at the end holds them to: no request, no complaint."""
    reports: list[Report] = []
    places = []

    def show(name: str, **context: Any) -> Report:
        place = opened(browser, files[name], **context)
        report = place.__enter__()
        places.append(place)
        reports.append(report)
        return report

    yield show
    for report in reports:
        assert (report.requests, report.complaints) == ([], [])
    for place in places:
        place.__exit__(None, None, None)


def drawn(report: Report) -> set[str]:
    return {item.get("id") or f"{item['group']}: {item['count']}" for item in report.state["items"]}


def test_it_opens_from_disk_with_all_nodes_in_view(show: Any) -> None:
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


def test_a_click_selects_a_node_and_tells_all_of_it(show: Any) -> None:
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


def test_what_is_unrelated_to_the_selection_steps_back(show: Any) -> None:
    report = show("shop")
    report.click(STG_ORDERS)
    assert report.state["dimmed"] == 2  # the customers, raw and staged
    report.press("Escape")
    assert (report.state["selected"], report.state["dimmed"]) == (None, 0)
    assert report.page.locator("#panel").is_hidden()


def test_links_of_the_panel_lead_up_and_down(show: Any) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    report.page.click("#panel .node-link:has-text('stg_customers')")
    assert report.state["selected"] == STG_CUSTOMERS


@pytest.mark.parametrize("key", ["/", "Control+k"])
def test_search_finds_names_columns_and_paths_from_the_keyboard(show: Any, key: str) -> None:
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


def test_large_projects_focus_on_the_neighbours_of_what_is_chosen(show: Any) -> None:
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


def test_a_double_click_focuses_and_a_badge_opens_hidden_neighbours(show: Any) -> None:
    report = show("shop")
    report.click(STG_ORDERS, times=2)
    assert report.state["mode"] == "focus"
    assert drawn(report) == {RAW_ORDERS, STG_ORDERS, FCT_ORDERS}
    box = report.page.evaluate(f"window.sqlorch.locate({FCT_ORDERS!r})")
    zoom = report.page.evaluate("window.sqlorch.state().zoom")
    report.page.mouse.click(box["x"] + 94 * zoom, box["y"] - 21 * zoom)
    assert drawn(report) == {RAW_ORDERS, STG_ORDERS, FCT_ORDERS, REVENUE}


def test_a_column_lights_its_whole_path_step_by_step(show: Any) -> None:
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


def test_a_column_also_shows_what_is_made_from_it(show: Any) -> None:
    report = show("shop")
    report.act("column", RAW_ORDERS, "order_id")
    assert report.state["steps"] == {"up": 0, "down": 2, "indirect": 0}
    report.act("column", STG_ORDERS, "status")
    assert report.state["steps"] == {"up": 1, "down": 0, "indirect": 1}  # it filters, nothing is made of it


def test_folders_collapse_into_one_card_and_open_again(show: Any) -> None:
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


def test_overlays_colour_by_what_the_runs_left_behind(show: Any) -> None:
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


def test_a_legend_entry_leaves_only_its_nodes_lit(show: Any) -> None:
    report = show("shop")
    report.page.click("#legend .key:has-text('Sources')")
    assert (report.state["only"], report.state["dimmed"]) == ("source", 4)
    report.page.click("#legend .key:has-text('Sources')")
    assert (report.state["only"], report.state["dimmed"]) == (None, 0)


def test_without_a_run_it_shows_structure_and_says_why_no_more(show: Any) -> None:
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


def test_the_timeline_shows_attempts_and_tests_and_selects(show: Any) -> None:
    report = show("shop")
    report.press("t")
    assert report.state["view"] == "timeline"
    assert report.page.locator(".tl-row .name").all_inner_texts() == [
        "stg_orders",
        "stg_customers",
        "fct_orders",
    ]
    assert report.page.locator(".tl-bar").count() == 5
    titles = [
        bar.get_attribute("title")
        for bar in report.page.locator(".tl-row:has-text('fct_orders') .tl-bar").all()
    ]
    assert titles == [
        "fct_orders: failed, 2.0 s, from 1.0 s",
        "fct_orders, attempt 2: failed, 4.0 s, from 4.0 s",
        "total_is_positive: warn, 1.0 s, from 8.0 s",
    ]
    assert report.page.locator(".tl-row.critical").count() == 2
    report.page.check("text=Critical path only")
    assert report.page.locator(".tl-row .name").all_inner_texts() == ["stg_orders", "fct_orders"]
    report.page.click(".tl-bar[title^='fct_orders, attempt 2']")
    assert report.state["selected"] == FCT_ORDERS
    assert report.page.locator(".tl-row.chosen .name").inner_text() == "fct_orders"


def test_the_timeline_of_a_large_run_draws_only_the_rows_in_view(show: Any) -> None:
    report = show("large")
    report.act("view", "timeline")
    assert report.page.locator(".tl-row").count() < 80
    report.page.evaluate("document.querySelector('.tl-scroll').scrollTop = 5000")
    report.page.wait_for_function("document.querySelector('.tl-row').ariaRowIndex > 100")
    assert report.page.locator(".tl-row").count() < 80


def test_arrows_walk_along_the_lineage_and_layers(show: Any) -> None:
    report = show("shop")
    report.page.focus("#canvas")
    report.press("ArrowRight")
    start = report.state["selected"]
    assert start in {RAW_ORDERS, RAW_CUSTOMERS}
    report.press("ArrowDown" if start == RAW_ORDERS else "ArrowUp")
    report.press("ArrowDown")
    report.act("select", RAW_ORDERS)
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowRight", "ArrowLeft"):
        report.press(key)
        walked.append(report.state["selected"])
    assert walked == [STG_ORDERS, FCT_ORDERS, REVENUE, FCT_ORDERS]
    report.press("Enter")
    assert report.page.evaluate("document.activeElement.id") == "panel"


def test_keys_zoom_fit_focus_and_help(show: Any) -> None:
    report = show("shop")
    before = report.state["zoom"]
    report.press("+")
    assert report.state["zoom"] == pytest.approx(before * 1.3)
    report.press("-")
    assert report.state["zoom"] == pytest.approx(before)
    report.click(STG_ORDERS)
    report.press("f", "]")
    assert (report.state["mode"], report.state["up"], report.state["down"]) == ("focus", 2, 2)
    report.press("?")
    assert "Keyboard shortcuts" in report.text("#help")
    report.press("Escape")
    assert not report.page.locator("#help").is_visible()


def test_wheel_zooms_where_it_is_and_drag_pans(show: Any) -> None:
    report = show("shop")
    where = f"window.sqlorch.locate({STG_ORDERS!r})"
    at = report.page.evaluate(where)
    report.page.mouse.move(at["x"], at["y"])
    report.page.mouse.wheel(0, -200)
    report.page.wait_for_function("window.sqlorch.state().zoom > 0.99")
    moved = report.page.evaluate(where)
    assert moved == {"x": pytest.approx(at["x"], abs=1.5), "y": pytest.approx(at["y"], abs=1.5)}
    report.page.mouse.move(700, 700)
    report.page.mouse.down()
    report.page.mouse.move(760, 660, steps=4)
    report.page.mouse.up()
    after = report.page.evaluate(where)
    assert after == {"x": pytest.approx(moved["x"] + 60, abs=1), "y": pytest.approx(moved["y"] - 40, abs=1)}
    assert report.state["selected"] is None  # a drag is no click


def test_the_address_keeps_what_is_looked_at(show: Any, files: dict[str, Path]) -> None:
    report = show("shop")
    report.act("overlay", "state")
    report.click(FCT_ORDERS)
    report.press("f")
    report.page.click("[aria-label='Fewer hops down']")
    kept = {
        name: report.state[name] for name in ("selected", "mode", "up", "down", "overlay", "view", "scene")
    }
    address = report.page.evaluate("location.hash")
    again = show("shop", address=address)
    assert {name: again.state[name] for name in kept} == kept
    column = show("shop", address=f"#node={FCT_ORDERS}&column=total")
    assert column.state["steps"]["up"] == 2


def test_back_leads_to_what_was_looked_at_before(show: Any) -> None:
    report = show("shop")
    report.click(STG_ORDERS)
    report.click(FCT_ORDERS)
    report.page.go_back()
    report.page.wait_for_function(f"window.sqlorch.state().selected === {STG_ORDERS!r}")
    report.page.go_back()
    report.page.wait_for_function("window.sqlorch.state().selected === null")


@pytest.mark.parametrize(
    "address",
    [
        "#node=model.shop.gone&column=x",
        "#focus=1,1",
        "#colour=nonsense&collapse=__proto__",
        "#%%%",
        "#view=x",
    ],
)
def test_an_address_that_means_nothing_shows_the_project(show: Any, address: str) -> None:
    state = show("shop", address=address).state
    assert (state["selected"], state["scene"], state["overlay"]) == (None, "whole", "kind")


def test_the_list_is_a_tree_that_works_from_the_keyboard(show: Any) -> None:
    report = show("shop")
    report.page.focus("#tree [tabindex='0']")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert report.page.evaluate(focused) == "models/marts, 2 nodes"
    report.press("ArrowRight")
    assert report.page.evaluate(focused) == "fct_orders, model, failed"
    report.press("Enter")
    assert report.state["selected"] == FCT_ORDERS
    assert (
        report.page.locator("#tree [aria-selected=true]").get_attribute("aria-label")
        == "fct_orders, model, failed"
    )
    report.press("ArrowLeft", "ArrowLeft")
    assert report.page.locator("#tree [role=treeitem]").first.get_attribute("aria-expanded") == "false"
    report.press("End")
    assert report.page.evaluate(focused) == "stg_orders, model, success"
    assert report.page.locator("#tree [tabindex='0']").count() == 1


def test_the_filter_narrows_list_and_drawing_alike(show: Any) -> None:
    report = show("shop")
    report.page.fill("#filter", "orders .sql")
    assert report.text("#filter-count") == "2 of 6"
    assert report.page.locator("#tree .leaf .name").all_inner_texts() == ["fct_orders", "stg_orders"]
    assert report.state["dimmed"] == 4
    report.page.fill("#filter", "nightly")  # a tag
    assert report.text("#filter-count") == "1 of 6"
    report.press("Escape")
    assert (report.state["filter"], report.state["dimmed"]) == ("", 0)


def test_svg_holds_every_node_and_line(show: Any) -> None:
    report = show("shop")
    report.page.click("#open-export")
    with report.page.expect_download() as download:
        report.page.click("text=SVG of the whole drawing")
    root = ET.parse(download.value.path()).getroot()  # noqa: S314 - our own file
    assert download.value.suggested_filename == "shop-lineage.svg"
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert sorted(titles) == sorted(
        [
            "Lineage of shop",
            "raw.orders",
            "raw.customers",
            "stg_orders",
            "stg_customers",
            "fct_orders",
            "revenue",
        ]
    )
    lines = [
        path
        for group in root.findall(f"{SVG}g")
        for path in group.findall(f"{SVG}path")
        if group.get("stroke")
    ]
    assert len(lines) == 5
    assert any(group.get("stroke-dasharray") for group in root.findall(f"{SVG}g"))  # the inferred edge


@pytest.mark.parametrize("entry", ["PNG of this view", "PNG of the whole drawing"])
def test_png_is_a_picture_with_something_on_it(show: Any, entry: str) -> None:
    report = show("shop")
    report.page.click("#open-export")
    with report.page.expect_download() as download:
        report.page.click(f"text={entry}")
    data = download.value.path().read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    assert width > 1000
    assert height > 300
    colours = report.page.evaluate(
        """async () => {
          const picture = await createImageBitmap(await window.sqlorch.act.png(true));
          const canvas = new OffscreenCanvas(picture.width, picture.height);
          const ctx = canvas.getContext('2d');
          ctx.drawImage(picture, 0, 0);
          const { data } = ctx.getImageData(0, 0, picture.width, picture.height);
          return new Set(new Uint32Array(data.buffer)).size;
        }"""
    )
    assert colours > 50


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_and_the_button(show: Any, scheme: str) -> None:
    report = show("shop", color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = report.page.evaluate(ground)
    assert report.state["theme"] == scheme
    report.page.click("#theme")
    assert report.state["theme"] != scheme
    assert report.page.evaluate(ground) != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_have_contrast_of_four_and_a_half(show: Any, scheme: str) -> None:
    report = show("shop", color_scheme=scheme)
    report.click(FCT_ORDERS)
    weak = report.page.evaluate(
        """() => {
          const parse = (text) => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
            .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
            .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
          const ground = (el) => {
            for (let at = el; at; at = at.parentElement) {
              const color = getComputedStyle(at).backgroundColor;
              if (color.startsWith('rgb(')) return color;
            }
            return 'rgb(255,255,255)';
          };
          const found = [];
          for (const el of document.querySelectorAll('body *')) {
            const own = [...el.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
            if (!own || !el.checkVisibility()) continue;
            if (el.closest(':disabled, script, option, svg')) continue;
            const color = getComputedStyle(el).color;
            if (!color.startsWith('rgb(')) continue;
            const [a, b] = [light(parse(color)), light(parse(ground(el)))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) found.push([el.className, el.textContent.slice(0, 30), ratio]);
          }
          return found;
        }"""
    )
    assert weak == []


def test_every_control_has_a_name(show: Any) -> None:
    report = show("shop")
    report.click(FCT_ORDERS)
    report.act("focus", FCT_ORDERS)
    nameless = report.page.evaluate(
        """() => [...document.querySelectorAll('button, select, input, [role=treeitem], #canvas')]
          .filter((el) => el.checkVisibility())
          .filter((el) => !(el.ariaLabel || el.textContent.trim()))
          .map((el) => el.outerHTML.slice(0, 80))"""
    )
    assert nameless == []


def test_it_works_on_a_phone(show: Any) -> None:
    report = show("shop", viewport=PHONE, has_touch=True)
    assert report.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert report.page.locator("#list").is_hidden()
    at = report.page.evaluate(f"window.sqlorch.locate({FCT_ORDERS!r})")
    report.page.touchscreen.tap(at["x"], at["y"])
    assert report.state["selected"] == FCT_ORDERS
    top = report.page.locator("#panel").bounding_box()["y"]
    at = report.page.evaluate(f"window.sqlorch.locate({FCT_ORDERS!r})")
    assert at["y"] < top  # the details do not cover what they are about
    report.page.click("#toggle-list")
    report.page.click("#tree .leaf:has-text('stg_orders')")
    assert report.state["selected"] == STG_ORDERS
    assert report.page.locator("#list").is_hidden()


def test_an_empty_project_says_so(show: Any) -> None:
    report = show("empty")
    assert "Nothing to draw yet" in report.text("#empty")
    for key in ("/", "Escape", "f", "ArrowRight", "t", "0", "c"):
        report.press(key)
    assert report.state["items"] == []


def test_it_prints_on_white_with_nothing_to_click(show: Any) -> None:
    report = show("shop", color_scheme="dark")
    report.click(FCT_ORDERS)
    report.page.emulate_media(media="print")
    assert report.state["theme"] == "light"
    assert report.page.locator("#bar").is_hidden()
    assert report.page.locator("#panel").is_visible()
    assert report.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


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
