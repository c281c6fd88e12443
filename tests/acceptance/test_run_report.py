"""The page on a run as a person sees it: opened from disk, printed, on a phone, in the dark, under attack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import browser as browsers
from support.browser import PHONE, Report, opened
from support.run_reports import failed_run, hostile_run

from sqlorch.reports.page import run_page
from sqlorch.reports.run_model import RunReport, SourceRead

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")

NAMES = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"'`&<>;--></title></style><!--",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1}",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe\N{POP DIRECTIONAL FORMATTING}",
    "__proto__",
    "constructor",
    "x" * 3000,
    "two\nlines\tand a tab",
    "half a \ud800 pair",
    "",
)
INERT = "[document.scripts.length, document.querySelectorAll('img, iframe, object, embed, form').length]"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("run") / "run.html"
    made.write_text(run_page(failed_run()), encoding="utf-8")
    return made


@pytest.fixture
def report(browser: Browser, file: Path) -> Iterator[Report]:
    with opened(browser, file) as report:
        yield report
        assert (report.requests, report.complaints) == ([], [])


def lines(report: Report, selector: str) -> list[str]:
    found: list[str] = report.page.locator(selector).all_inner_texts()
    return found


def test_failures_come_first_and_the_rest_follows(report: Report) -> None:
    assert report.state["sections"] == [
        "head",
        "failures",
        "warnings",
        "untried",
        "chart",
        "graph",
        "path",
        "nodes",
    ]
    head = report.text("#head")
    assert "failed" in head.lower()
    assert "took 9.0 s, generation 2" in head
    assert "2024-02-29 00:00 -> 2024-03-01 00:00 UTC" in head
    assert "sqlorch retry manual-20240229T000000Z-0001" in head
    assert lines(report, ".mix-words li") == ["2 ok", "2 failed", "1 not run"]


def test_a_run_that_was_skipped_before_it_had_nodes_says_why(browser: Browser, tmp_path: Path) -> None:
    why = "waited for file in/2013-01-03.csv (not there); gave up after 1:00:00"
    skipped = RunReport(
        run_id="r", group="daily", state="skipped", reason=why, interval="2013-01-03",
        interval_full="2013-01-03", made_at=failed_run().made_at,
    )  # fmt: skip
    file = tmp_path / "skipped.html"
    file.write_text(run_page(skipped), encoding="utf-8")
    with opened(browser, file) as report:
        assert report.text("#head .verdict strong") == "Skipped"
        assert report.text("#head .problem") == why
        assert report.state["sections"] == ["head", "nodes"]
        assert (report.requests, report.complaints) == ([], [])


def test_a_failure_says_what_where_and_what_it_held_up(report: Report) -> None:
    card = report.page.locator("#failure-3")
    said = card.inner_text()
    assert "models/fct_orders.sql:12" in said
    assert 'Referenced column "amuont" not found' in said
    assert "1 node below was not run." in said
    assert "sqlorch runs logs r1 model.shop.fct_orders" in said
    assert "sum(o.amuont)" in card.locator(".at-fault").inner_text()
    assert card.locator(".line").count() == 5
    assert card.locator(".t-keyword").first.inner_text() == "create"


def test_a_failed_expectation_shows_what_was_observed(report: Report) -> None:
    finding = report.page.locator("#failure-2 .finding")
    assert finding.count() == 1, "those that hold are counted, not listed"
    assert "expect_column_values_to_be_between (amount)" in finding.inner_text()
    assert "3 of 1,200 rows (0.3 %)" in finding.inner_text()
    assert lines(report, "#failure-2 .samples code") == ["-7", "-9"]
    assert "1 other expectation of this model holds." in report.text("#failure-2")


def test_hints_and_what_was_not_run_are_told_with_the_reason(report: Report) -> None:
    warned, held = lines(report, "#warnings .notice"), lines(report, "#untried .notice")
    assert [" ".join(text.split()) for text in warned] == [
        "warn stg_orders took 3.0 s, 3.0 times its usual 1.0 s (median of 9)"
    ]
    assert [" ".join(text.split()) for text in held] == ["not run upstream fct_orders failed board"]


def test_sources_that_are_too_old_are_warned_of_first(browser: Browser, tmp_path: Path) -> None:
    old = "raw.orders: error, its newest row is 3d2h old (may be 1d)"
    made = replace(
        failed_run(),
        sources=(SourceRead(name="raw.orders", state="failed", text=old), SourceRead(name="raw.stock")),
    )
    (tmp_path / "run.html").write_text(run_page(made), encoding="utf-8")
    with opened(browser, tmp_path / "run.html") as report:
        first = report.page.locator("#warnings .notice").first
        assert " ".join(first.inner_text().split()) == f"failed source {old}"
        assert "1 of 2 fresh" in report.text("#head")


def test_the_timeline_shows_queue_and_retries(report: Report) -> None:
    assert report.state["rows"] == 3, "a test is shown with what it tests"
    orders = report.page.locator(".tl-row", has_text="stg_orders")
    titles = [bar.get_attribute("title") for bar in orders.locator(".tl-bar").all()]
    assert titles == [
        "stg_orders: queued, 0.5 s, from 0.00 s",
        "stg_orders: failed, 1.0 s, from 0.5 s",
        "stg_orders, attempt 2: retry wait, 2.5 s, from 1.5 s",
        "stg_orders, attempt 2: success, 3.0 s, from 4.0 s",
        "stg_orders expectations: failed, 1.0 s, from 7.0 s",
    ]


def test_the_graph_is_coloured_by_state_and_leads_to_the_node(report: Report) -> None:
    failed = report.page.locator(".graph-card.s-failed")
    assert failed.inner_text().startswith("fct_orders")
    assert report.page.locator(".graph-card").count() == 4
    assert report.page.locator(".graph-edge.critical").count() == 1
    failed.click()
    entry = report.page.locator("#node-3")
    assert entry.get_attribute("open") is not None
    assert "Id\nmodel.shop.fct_orders" in entry.inner_text()
    entry.locator(".listing .at-fault").wait_for()


def test_colours_follow_the_reader_and_can_be_turned(browser: Browser, file: Path) -> None:
    with opened(browser, file, color_scheme="dark") as report:
        assert report.state["theme"] == "dark"
        report.page.click("#theme")
        assert report.state["theme"] == "light"
        background = "getComputedStyle(document.body).backgroundColor"
        assert report.page.evaluate(background) == "rgb(247, 248, 250)"


def test_on_a_phone_nothing_is_wider_than_the_screen(browser: Browser, file: Path) -> None:
    with opened(browser, file, viewport=PHONE, has_touch=True) as report:
        assert report.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert report.page.locator("#failure-3 .at-fault").is_visible()
        report.page.locator("#node-0 summary").tap()
        assert report.page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert (report.requests, report.complaints) == ([], [])


def test_printed_everything_is_there_in_light_colours(browser: Browser, file: Path) -> None:
    with opened(browser, file, color_scheme="dark") as report:
        report.page.emulate_media(media="print", color_scheme="dark")
        report.until("window.sqlorch.state().theme === 'light'")
        report.until("getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'")
        assert not report.page.locator("#theme").is_visible()
        report.page.locator(".tl-row").nth(2).wait_for()
        code = report.page.locator("#failure-3 .code")
        assert code.evaluate("box => box.scrollHeight <= box.clientHeight + 1"), "no line is cut off"
        assert len(report.page.pdf(format="A4")) > 10_000


def test_a_long_run_prints_every_row(browser: Browser, tmp_path: Path) -> None:
    run = failed_run()
    many = tuple(
        replace(run.nodes[1], unique_id=f"model.shop.n{number}", name=f"n{number}") for number in range(60)
    )
    long = tmp_path / "long.html"
    long.write_text(run_page(replace(run, nodes=many, edges=(), path=())), encoding="utf-8")
    with opened(browser, long) as report:
        rows = report.page.locator(".tl-row")
        assert rows.count() < 60, "on the screen only those in view are made"
        report.page.emulate_media(media="print")
        report.until("document.querySelectorAll('.tl-row').length === 60")
        report.page.emulate_media(media="screen")
        report.page.fill(".filter", "N59 success")
        assert report.state["listed"] == 1


def test_whatever_things_are_called_is_shown_and_does_nothing(browser: Browser, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.html"
    hostile.write_bytes(run_page(hostile_run(NAMES)).encode("utf-8", "replace"))
    with opened(browser, hostile) as report:
        for number in range(len(NAMES)):
            report.act("show", number)
        assert report.page.locator("#failure-0 h3").inner_text() == NAMES[0]
        assert report.page.locator("#node-1 .name").first.inner_text() == NAMES[1]
        assert report.state["listed"] == len(NAMES)
        assert report.page.evaluate("document.documentElement.scrollWidth") <= 1440
        assert report.page.evaluate("window.pwned") is None
        assert report.page.evaluate(INERT) == [1, 0]
        assert (report.requests, report.complaints) == ([], [])


def test_a_damaged_file_says_so(browser: Browser, file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.html"
    text = file.read_text(encoding="utf-8")
    at = text.index('id="run">') + 200
    damaged.write_text(text[:at] + "AAAA" + text[at + 4 :], encoding="utf-8")
    place = browser.new_context()
    page = place.new_page()
    page.goto(damaged.as_uri())
    page.get_by_text("The report cannot be opened").wait_for()
    place.close()
