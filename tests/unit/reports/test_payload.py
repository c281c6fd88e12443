import base64
import json
import zlib
from datetime import UTC, datetime, timedelta, timezone

from support.report_graphs import NOON, made_up_report

from sqlorch.reports.model import (
    Bar,
    Gantt,
    LineageReport,
    NodeRuns,
    ReportColumn,
    ReportColumnEdge,
    ReportNode,
    ReportTest,
)
from sqlorch.reports.payload import detail_document, graph_document, packed

RAW = ReportNode(unique_id="source.shop.raw.orders", name="raw.orders", kind="source")
STG = ReportNode(
    unique_id="model.shop.stg_orders",
    name="stg_orders",
    kind="model",
    columns=(ReportColumn(name="id", type="INTEGER"), ReportColumn(name="x", resolved=False)),
    tests=(ReportTest(name="unique_stg_orders_id", column="id", state="failed", failures=2, at=NOON),),
    sql="select 1",
    compiled=True,
    runs=NodeRuns(
        state="success", seconds=1.23456, last_run=NOON, rows=3, freshness_seconds=60.0, critical=True
    ),
)
SMALL = LineageReport(
    project="shop",
    adapter="duckdb",
    nodes=(RAW, STG),
    edges={(RAW.unique_id, STG.unique_id): True},
    column_edges=(
        ReportColumnEdge(
            parent=RAW.unique_id, parent_column="id", child=STG.unique_id, child_column="id", kind="rename"
        ),
        ReportColumnEdge(
            parent="external:'x.csv'",
            parent_column="a",
            child=STG.unique_id,
            child_column=None,
            kind="filter",
        ),
    ),
    gantt=Gantt(
        start=NOON,
        seconds=2.0,
        bars=(
            Bar(node=STG.unique_id, test=None, attempt=1, run_id="r", start=0.0, end=1.5, state="success"),
            Bar(
                node="model.shop.other", test=None, attempt=1, run_id="r", start=0.0, end=1.5, state="success"
            ),
        ),
    ),
)


def unpacked(text):
    return json.loads(zlib.decompress(base64.b64decode(text), wbits=-15))


def test_what_is_packed_is_read_back_as_the_browser_reads_it():
    document = {
        "text": "</script><script>alert(1)</script> & ünï \N{GRINNING FACE}",
        "none": None,
        "number": 1.5,
    }
    text = packed(document)
    assert unpacked(text) == document
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def test_half_characters_of_odd_file_names_do_not_stop_the_page():
    assert unpacked(packed({"path": "models/\udcff.sql"})) == {"path": "models/?.sql"}


def test_the_graph_has_places_figures_and_edges_by_number():
    graph = graph_document(SMALL)
    raw, stg = graph["nodes"]
    assert (raw["x"], raw["y"], raw["layer"]) == (0, 0, 0)
    assert (stg["x"], stg["y"], stg["layer"]) == (1, 0, 1)
    assert (stg["tests"], stg["columns"], stg["seconds"], stg["rows"]) == (1, 2, 1.235, 3)
    assert stg["last_run"] == "2024-03-01T12:00:00Z"
    assert raw["state"] is None
    assert raw["seconds"] is None
    assert graph["edges"] == [[0, 1, "inferred", []]]


def test_instants_are_in_utc():
    here = datetime(2024, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))
    assert graph_document(LineageReport(project="p", adapter="a", nodes=(), generated_at=here))[
        "generated_at"
    ] == ("2024-03-01T12:00:00Z")
    assert here.astimezone(UTC) == NOON


def test_bars_of_what_is_not_shown_are_left_out():
    bars = graph_document(SMALL)["gantt"]["bars"]
    assert [bar["node"] for bar in bars] == [1]


def test_the_detail_has_columns_tests_and_column_edges():
    detail = detail_document(SMALL)
    stg = detail["nodes"][STG.unique_id]
    assert [column["status"] for column in stg["columns"]] == ["resolved", "unknown"]
    assert stg["tests"][0] | {"message": ""} == {
        "name": "unique_stg_orders_id",
        "column": "id",
        "severity": "error",
        "state": "failed",
        "failures": 2,
        "message": "",
        "at": "2024-03-01T12:00:00Z",
    }
    assert (stg["sql"], stg["sql_kind"]) == ("select 1", "compiled")
    assert detail["nodes"][RAW.unique_id]["sql_kind"] is None
    assert detail["column_edges"] == [[0, "id", 1, "id", "rename", ""]], "a file outside is no node"


def test_without_runs_nothing_of_runs_is_in_the_documents():
    graph = graph_document(made_up_report(150, ran=False))
    assert graph["run"] is None
    assert graph["runs"] == []
    assert graph["gantt"] is None
    assert graph["generated_at"] is None
    figures = ("state", "seconds", "last_run", "rows", "freshness_seconds")
    assert {node[name] for node in graph["nodes"] for name in figures} == {None}


def test_with_runs_the_newest_comes_first():
    graph = graph_document(made_up_report(150))
    assert graph["run"] == graph["runs"][0]
    assert len(graph["runs"]) == 2
    assert any(node["critical"] for node in graph["nodes"])
    assert graph["gantt"]["bars"]
