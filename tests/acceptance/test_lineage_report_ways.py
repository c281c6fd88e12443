"""Ways through the report: keys, wheel, list, filter, address, a phone."""

from __future__ import annotations

import random

import pytest
from support import browser as browsers
from support.browser import PHONE, ShowReport
from support.report_shop import FCT_ORDERS, RAW_CUSTOMERS, RAW_ORDERS, REVENUE, STG_CUSTOMERS, STG_ORDERS

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")


def test_arrows_walk_along_the_lineage_and_layers(show: ShowReport) -> None:
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


def test_keys_zoom_fit_focus_and_help(show: ShowReport) -> None:
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


def test_wheel_zooms_where_it_is_and_drag_pans(show: ShowReport) -> None:
    report = show("shop")
    where = f"window.sqlorch.locate({STG_ORDERS!r})"
    at = report.page.evaluate(where)
    report.page.mouse.move(at["x"], at["y"])
    report.page.mouse.wheel(0, -200)
    report.until("window.sqlorch.state().zoom > 0.99")
    moved = report.page.evaluate(where)
    assert moved == {"x": pytest.approx(at["x"], abs=1.5), "y": pytest.approx(at["y"], abs=1.5)}
    report.page.mouse.move(700, 700)
    report.page.mouse.down()
    report.page.mouse.move(760, 660, steps=4)
    report.page.mouse.up()
    after = report.page.evaluate(where)
    assert after == {"x": pytest.approx(moved["x"] + 60, abs=1), "y": pytest.approx(moved["y"] - 40, abs=1)}
    assert report.state["selected"] is None  # a drag is no click


def test_the_address_keeps_what_is_looked_at(show: ShowReport) -> None:
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


def test_back_leads_to_what_was_looked_at_before(show: ShowReport) -> None:
    report = show("shop")
    report.click(STG_ORDERS)
    report.click(FCT_ORDERS)
    report.page.go_back()
    report.until(f"window.sqlorch.state().selected === {STG_ORDERS!r}")
    report.page.go_back()
    report.until("window.sqlorch.state().selected === null")


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
def test_an_address_that_means_nothing_shows_the_project(show: ShowReport, address: str) -> None:
    state = show("shop", address=address).state
    assert (state["selected"], state["scene"], state["overlay"]) == (None, "whole", "kind")


def test_the_list_is_a_tree_that_works_from_the_keyboard(show: ShowReport) -> None:
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


def test_the_filter_narrows_list_and_drawing_alike(show: ShowReport) -> None:
    report = show("shop")
    report.page.fill("#filter", "orders .sql")
    assert report.text("#filter-count") == "2 of 6"
    assert report.page.locator("#tree .leaf .name").all_inner_texts() == ["fct_orders", "stg_orders"]
    assert report.state["dimmed"] == 4
    report.page.fill("#filter", "nightly")  # a tag
    assert report.text("#filter-count") == "1 of 6"
    report.press("Escape")
    assert (report.state["filter"], report.state["dimmed"]) == ("", 0)


def test_it_works_on_a_phone(show: ShowReport) -> None:
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


@pytest.mark.parametrize("seed", range(2))
def test_any_order_of_acts_is_taken(show: ShowReport, seed: int) -> None:
    report = show("shop")
    chance = random.Random(seed)  # noqa: S311 - no secret, the same every time
    nodes = [RAW_ORDERS, STG_ORDERS, STG_CUSTOMERS, FCT_ORDERS, REVENUE]
    acts = {
        "select": lambda: (chance.choice(nodes),),
        "focus": lambda: (chance.choice(nodes),),
        "card": lambda: (chance.choice(nodes),),
        "column": lambda: (chance.choice(nodes), chance.choice(["id", "amount", "gone"])),
        "collapse": lambda: (chance.choice(["", "folder", "schema", "group"]),),
        "expand": lambda: (chance.choice(["models/staging", "raw", "daily", "gone"]),),
        "overlay": lambda: (chance.choice(["kind", "state", "critical", "duration"]),),
        "only": lambda: (chance.choice(["model", "success", "gone"]),),
        "filter": lambda: (chance.choice(["", "orders", "nothing at all"]),),
        "view": lambda: (chance.choice(["graph", "timeline"]),),
        "hops": lambda: (chance.choice(["up", "down", "both"]), chance.choice([-1, 1])),
        "zoom": lambda: (chance.choice([0.5, 2]),),
    }
    for _ in range(40):
        name = chance.choice([*acts, "whole", "clear", "theme", "fit"])
        report.act(name, *(acts[name]() if name in acts else ()))
        if chance.random() < 0.3:
            report.press(
                chance.choice(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "c", "f", "t", "w", "0"])
            )
        state = report.state
        assert state["scene"] in {"whole", "focus", "column", "collapsed"}
        assert state["zoom"] > 0
        assert state["items"]
    for _ in range(8):
        report.press("Escape")
    assert (report.state["selected"], report.state["filter"], report.state["only"]) == (None, "", None)
