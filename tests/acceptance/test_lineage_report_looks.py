"""What the report looks like elsewhere: timeline, exported pictures, paper, colours, assistive technology."""

from __future__ import annotations

import struct
from xml.etree import ElementTree as ET

import pytest
from support import browser as browsers
from support.browser import ShowReport
from support.report_shop import FCT_ORDERS

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")
SVG = "{http://www.w3.org/2000/svg}"


def test_the_timeline_shows_attempts_and_tests_and_selects(show: ShowReport) -> None:
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


def test_the_timeline_of_a_large_run_draws_only_the_rows_in_view(show: ShowReport) -> None:
    report = show("large")
    report.act("view", "timeline")
    assert report.page.locator(".tl-row").count() < 80
    report.page.evaluate("document.querySelector('.tl-scroll').scrollTop = 5000")
    report.until("document.querySelector('.tl-row').ariaRowIndex > 100")
    assert report.page.locator(".tl-row").count() < 80


def test_svg_holds_every_node_and_line(show: ShowReport) -> None:
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
def test_png_is_a_picture_with_something_on_it(show: ShowReport, entry: str) -> None:
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
def test_colours_follow_the_system_and_the_button(show: ShowReport, scheme: str) -> None:
    report = show("shop", color_scheme=scheme)
    ground = "getComputedStyle(document.body).backgroundColor"
    before = report.page.evaluate(ground)
    assert report.state["theme"] == scheme
    report.page.click("#theme")
    assert report.state["theme"] != scheme
    assert report.page.evaluate(ground) != before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_have_contrast_of_four_and_a_half(show: ShowReport, scheme: str) -> None:
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


def test_every_control_has_a_name(show: ShowReport) -> None:
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


def test_it_prints_on_white_with_nothing_to_click(show: ShowReport) -> None:
    report = show("shop", color_scheme="dark")
    report.click(FCT_ORDERS)
    report.page.emulate_media(media="print")
    assert report.state["theme"] == "light"
    assert report.page.locator("#bar").is_hidden()
    assert report.page.locator("#panel").is_visible()
    assert report.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
