import base64
import hashlib
import html
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from support.report_graphs import made_up_report

from sqlorch.reports import page
from sqlorch.reports.model import LineageReport, ReportColumn, ReportNode
from sqlorch.reports.page import lineage_page

ORDERS = ("order.txt", "run_order.txt")
HOSTILE = "</title></script><img src=x onerror=alert(1)><!-- \" ' & @@SCRIPT@@ \N{LINE SEPARATOR}"


class Elements(HTMLParser):
    """Tags with their attributes, and the text of each script and style."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.texts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and data.strip():
            self.texts.append((self.tags[-1][0], self.tags[-1][1], data))


def policy_of(elements):
    (policy,) = [a["content"] for tag, a in elements.tags if a.get("http-equiv") == "Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in policy.split("; "))


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture(scope="module")
def elements():
    return Elements(lineage_page(made_up_report(15)))


def test_the_policy_allows_the_script_and_the_style_of_the_file_alone(elements):
    policy = policy_of(elements)
    (script,) = [text for tag, a, text in elements.texts if tag == "script" and "type" not in a]
    (style,) = [text for tag, _, text in elements.texts if tag == "style"]
    assert policy == {
        "default-src": "'none'",
        "script-src": hash_of(script),
        "style-src": hash_of(style),
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_nothing_in_the_file_points_anywhere_or_acts_by_attribute(elements):
    for tag, attributes in elements.tags:
        assert not {"src", "srcset", "style", "action", "srcdoc"} & attributes.keys(), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
        assert not attributes.get("href", "#").startswith(("http", "//", "javascript"))
    assert "\r" not in lineage_page(made_up_report(15)), "browsers would hash another text"


def test_every_script_is_in_an_order_and_every_name_in_them_exists():
    folder = page.files("sqlorch.reports").joinpath("assets", "js")
    orders = [folder.joinpath(order).read_text(encoding="utf-8").split() for order in ORDERS]
    assert all(len(names) == len(set(names)) for names in orders)
    assert {*orders[0], *orders[1]} == {file.name for file in folder.iterdir() if file.name.endswith(".js")}


@pytest.mark.parametrize("order", ORDERS)
def test_assets_cannot_end_the_elements_they_are_put_into(order):
    assert "</script" not in page._scripts(order).lower()
    assert "<!--" not in page._scripts(order)
    assert "</style" not in (page._asset("style.css") + page._asset("run.css")).lower()


def test_hostile_names_stay_inside_the_data():
    node = ReportNode(
        unique_id=HOSTILE,
        name=HOSTILE,
        kind="model",
        path=HOSTILE,
        description=HOSTILE,
        sql=HOSTILE,
        columns=(ReportColumn(name=HOSTILE, description=HOSTILE),),
    )
    text = lineage_page(LineageReport(project=HOSTILE, adapter=HOSTILE, nodes=(node,)))
    plain = lineage_page(LineageReport(project="plain", adapter="duckdb", nodes=()))
    hostile, harmless = Elements(text), Elements(plain)
    assert hostile.tags == harmless.tags
    assert text.count("onerror") == 1, "in the title, escaped"
    assert html.escape(HOSTILE) in text


def test_the_same_report_is_the_same_file():
    report = made_up_report(150)
    turned = replace(report, edges=dict(reversed(report.edges.items())))
    assert lineage_page(report) == lineage_page(made_up_report(150))
    assert lineage_page(turned) == lineage_page(report)


def test_an_empty_project_has_a_page():
    text = lineage_page(LineageReport(project="", adapter="", nodes=()))
    assert re.search(r'id="graph">[A-Za-z0-9+/=]+<', text)


def test_a_project_of_740_nodes_with_columns_and_sql_is_below_a_megabyte():
    report = made_up_report(740)
    assert sum(len(node.sql or "") for node in report.nodes) > 500_000
    assert sum(len(node.columns) for node in report.nodes) > 4_000
    assert len(lineage_page(report).encode()) < 1_000_000
