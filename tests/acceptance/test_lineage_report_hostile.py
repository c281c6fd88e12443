"""Whatever a project is called, contains and says of itself is shown, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from support import browser as browsers
from support.browser import Report, opened

from sqlorch.reports.model import (
    Bar,
    Gantt,
    LineageReport,
    NodeRuns,
    ReportColumn,
    ReportColumnEdge,
    ReportGroup,
    ReportNode,
    ReportRun,
    ReportTest,
)
from sqlorch.reports.page import lineage_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.skipif(bool(browsers.missing()), reason=browsers.missing() or "a browser is here")

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
NAMES = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "\"'`&<>;--></title></style><!--",
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}} ${window.pwned=1}",
    "\N{RIGHT-TO-LEFT OVERRIDE}txt.exe\N{POP DIRECTIONAL FORMATTING}",
    "\N{ARABIC LETTER SHEEN}\N{ARABIC LETTER REH}\N{ARABIC LETTER KAF}",
    "\N{DUCK}\N{ZERO WIDTH JOINER}\N{DUCK} \N{LINE SEPARATOR} nul\x00 esc\x1b bell\x07",
    "__proto__",
    "constructor",
    "x" * 5000,
    "two\nlines\tand a tab",
    "half a \ud800 pair",
    "",
)


def hostile() -> LineageReport:
    def node(at: int, name: str) -> ReportNode:
        return ReportNode(
            unique_id=f"model.{name}" if at else "__proto__",
            name=name,
            kind="model",
            path=f"{name}/{name}.sql",
            folder=name,
            schema=name,
            group=name,
            package=name,
            materialized=name,
            description=name,
            tags=(name,),
            owner=name,
            relation=name,
            sql=f"select '{name}' -- {name}\n/* {name}",
            schedule=name,
            columns=(ReportColumn(name=name, type=name, description=name, resolved=False),),
            tests=(ReportTest(name=name, column=name, state="failed", failures=1, message=name, at=NOON),),
            runs=NodeRuns(state="failed", seconds=1.0, last_run=NOON, message=name, durations=(1.0, 2.0)),
        )

    nodes = tuple(node(at, name) for at, name in enumerate(NAMES))
    pairs = list(pairwise(nodes))
    return LineageReport(
        project=NAMES[0],
        adapter=NAMES[1],
        nodes=nodes,
        edges={(a.unique_id, b.unique_id): False for a, b in pairs},
        column_edges=tuple(
            ReportColumnEdge(
                parent=a.unique_id,
                parent_column=a.name,
                child=b.unique_id,
                child_column=b.name,
                kind="transform",
                expression=a.name,
            )
            for a, b in pairs
        ),
        groups=tuple(ReportGroup(name=name, schedule=name, description=name, owner=name) for name in NAMES),
        runs=(
            ReportRun(run_id=NAMES[0], group=NAMES[1], interval=NAMES[2], state="failed", finished_at=NOON),
        ),
        gantt=Gantt(
            start=NOON,
            seconds=float(len(nodes)),
            bars=tuple(
                Bar(
                    node=n.unique_id,
                    test=n.name,
                    attempt=1,
                    run_id=n.name,
                    start=at,
                    end=at + 1,
                    state="failed",
                )
                for at, n in enumerate(nodes)
            ),
        ),
        generated_at=NOON,
    )


@pytest.fixture
def report(browser: Browser, tmp_path: Path) -> Iterator[Report]:
    file = tmp_path / "hostile.html"
    file.write_bytes(lineage_page(hostile()).encode())
    with opened(browser, file) as report:
        yield report
        assert report.page.evaluate("window.pwned") is None
        assert (report.requests, report.complaints) == ([], [])
        scripts = "[document.scripts.length, document.querySelectorAll('img, iframe, object, embed').length]"
        assert report.page.evaluate(scripts) == [1, 0]  # the data's own elements are gone once they are read


def ids(report: Report) -> list[str]:
    found: list[str] = [item["id"] for item in report.state["items"]]
    return found


def test_every_node_shows_its_words_as_words(report: Report) -> None:
    assert len(ids(report)) == len(NAMES)
    for unique_id in ids(report):
        report.act("select", unique_id)
        report.act("card", unique_id)
        report.act("focus", unique_id)
    report.act("whole")
    report.act("select", "model.<img src=x onerror=window.pwned=1>")
    assert report.page.text_content("#panel h2") == "<img src=x onerror=window.pwned=1>"
    assert "select '<img src=x" in (report.page.text_content("#panel .sql") or "")


def test_columns_and_their_expressions_are_words(report: Report) -> None:
    report.act("column", "model.<svg/onload=window.pwned=1>", "<svg/onload=window.pwned=1>")
    assert report.state["steps"]["up"] == 2
    assert "<img src=x onerror=window.pwned=1>" in report.text("#panel .steps")


def test_views_overlays_and_folders_take_any_name(report: Report) -> None:
    for overlay in ("group", "state", "duration", "freshness"):
        report.act("overlay", overlay)
    for by in ("folder", "schema", "group"):
        report.act("collapse", by)
        for item in report.state["items"]:
            report.act("expand", item["group"])
    report.act("collapse", "")
    report.act("view", "timeline")
    assert report.page.locator(".tl-row").count() == len(NAMES)
    report.act("filter", "<script>")
    report.press("/")
    report.page.keyboard.type("<img")
    assert "<img src=x" in report.text("#found")


def test_characters_that_reorder_or_hide_are_shown_as_what_they_are(report: Report) -> None:
    override = "\N{RIGHT-TO-LEFT OVERRIDE}"
    report.act("select", next(i for i in ids(report) if override in i))
    assert report.page.text_content("#panel h2") == "\ufffdtxt.exe\ufffd"
    assert override not in report.page.inner_text("body")
    assert "\N{ARABIC LETTER SHEEN}" in report.page.inner_text("#tree")


def test_the_exported_svg_is_well_formed_and_only_a_drawing(report: Report) -> None:
    report.act("collapse", "group")
    report.act("collapse", "")
    root = ET.fromstring(report.act("svg"))  # noqa: S314 - our own text
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"svg", "g", "path", "rect", "circle", "text", "title"}
    attributes = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    titles = {title.text for title in root.iter("{http://www.w3.org/2000/svg}title")}
    assert {"<img src=x onerror=window.pwned=1>", "two lines and a tab"} <= titles


def test_addresses_carry_any_name(report: Report) -> None:
    target = "model.\"'`&<>;--></title></style><!--"
    report.act("select", target)
    report.page.reload()
    report.page.evaluate("window.sqlorch.complete")
    assert report.state["selected"] == target
