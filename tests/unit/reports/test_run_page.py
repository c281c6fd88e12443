import base64
import html
import json
import re
import zlib
from dataclasses import replace

import pytest
from support.run_reports import (
    BOARD,
    EXPECTED,
    FCT_ORDERS,
    STG_CUSTOMERS,
    STG_ORDERS,
    failed_run,
    hostile_run,
)

from sqlorch.reports.page import run_page
from sqlorch.reports.run_model import RunReport
from sqlorch.reports.run_payload import run_document, texts_document

HOSTILE = "</title></script><img src=x onerror=alert(1)><!-- \" ' & @@SCRIPT@@ \N{LINE SEPARATOR}"


@pytest.fixture(scope="module")
def document():
    return run_document(failed_run())


def unpacked(text, name):
    data = base64.b64decode(re.search(rf'id="{name}">([A-Za-z0-9+/=]+)<', text)[1])
    return json.loads(zlib.decompress(data, -15))


def test_the_page_holds_both_documents():
    text = run_page(failed_run())
    assert unpacked(text, "run") == json.loads(json.dumps(run_document(failed_run())))
    assert unpacked(text, "texts") == {"sources": [[3, failed_run().nodes[3].source.text, True, 4, "sql"]]}
    assert "<title>daily 2024-02-29: failed</title>" in text
    assert run_page(failed_run()) == text, "the same report is the same file"


def test_what_is_built_is_drawn_and_tests_are_not(document):
    ids = [node["id"] for node in document["nodes"]]
    drawn = [ids[index] for index, _, _ in document["drawing"]["places"]]
    assert drawn == [STG_ORDERS, STG_CUSTOMERS, FCT_ORDERS, BOARD]
    edges = {(ids[a], ids[b]) for a, b, _ in document["drawing"]["edges"]}
    assert edges == set(failed_run().edges)
    x = {ids[index]: x for index, x, _ in document["drawing"]["places"]}
    assert x[STG_ORDERS] < x[FCT_ORDERS] < x[BOARD]


def test_bars_show_waits_retries_and_tests_on_what_they_test(document):
    ids = [node["id"] for node in document["nodes"]]
    bars = [(ids[b["node"]], b["test"], b["state"], b["start"], b["end"]) for b in document["gantt"]["bars"]]
    assert bars == [
        (STG_ORDERS, None, "queued", 0, 0.5),
        (STG_ORDERS, None, "failed", 0.5, 1.5),
        (STG_ORDERS, None, "retry_wait", 1.5, 4),
        (STG_ORDERS, None, "success", 4, 7),
        (STG_CUSTOMERS, None, "success", 0, 2),
        (STG_ORDERS, "stg_orders expectations", "failed", 7, 8),
        (FCT_ORDERS, None, "failed", 7, 9),
    ]


def test_a_test_whose_node_is_not_in_the_run_has_a_row_of_its_own():
    alone = replace(failed_run(), nodes=tuple(n for n in failed_run().nodes if n.unique_id == EXPECTED))
    alone = replace(alone, edges=(), path=())
    document = run_document(alone)
    assert document["nodes"][0]["on"] is None
    (bar,) = [bar for bar in document["gantt"]["bars"] if bar["state"] != "queued"]
    assert (bar["node"], bar["test"]) == (0, None)


def test_the_path_is_marked(document):
    assert [document["nodes"][step["node"]]["id"] for step in document["path"]] == [STG_ORDERS, FCT_ORDERS]
    assert [node["id"] for node in document["nodes"] if node["critical"]] == [STG_ORDERS, FCT_ORDERS]


def test_hostile_names_stay_inside_the_data():
    text = run_page(hostile_run([HOSTILE] * 4))
    assert text.count("onerror") == 2, "in the title, escaped"
    assert html.escape(HOSTILE) in text
    tags = re.compile(r"<[a-z]+")
    assert tags.findall(text) == tags.findall(run_page(failed_run()))


def test_half_a_character_is_shown_as_a_question_mark():
    report = replace(failed_run(), group="\ud800", interval="x")
    assert unpacked(run_page(report), "run")["head"]["group"] == "?"


def test_a_run_of_nothing_has_a_page():
    empty = RunReport(
        run_id="r", group="g", state="queued", interval="i", interval_full="i", made_at=failed_run().made_at
    )
    document = unpacked(run_page(empty), "run")
    assert (document["nodes"], document["path"], document["gantt"]["bars"]) == ([], [], [])
    assert texts_document(empty) == {"sources": []}


def test_the_policy_lets_in_what_is_in_the_file_alone():
    text = run_page(failed_run())
    policy = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1])
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r'(?:src|href)="(?!data:)', text)
