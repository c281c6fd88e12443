"""Diagrams and annotations keep hostile names inert."""

from __future__ import annotations

import re
from pathlib import Path

from sqlorch.cli.check import annotation
from sqlorch.cli.lineage_diagrams import dot, label, mermaid
from sqlorch.cli.lineage_tree import cut, primary_parents
from sqlorch.domain.dag import Dag, Node
from sqlorch.lineage.checks import Finding

HOSTILE = 'a"]; click n0 "javascript:x" <b>&\n end'
DAG = Dag(
    [
        Node(unique_id="source.p.raw.t", kind="source", name="t", source_name="raw"),
        Node(unique_id="model.p.evil", kind="model", name=HOSTILE),
        Node(unique_id="model.p.v.v2", kind="model", name="v", version=2),
    ],
    [
        ("source.p.raw.t", "model.p.evil"),
        ("model.p.evil", "model.p.v.v2"),
        ("source.p.raw.t", "model.p.v.v2"),
    ],
)
ALL = frozenset(DAG.nodes)
GROUPS = {"model.p.evil": 'g"]\nend'}


def test_mermaid_reads_no_name_as_syntax() -> None:
    lines = mermaid(DAG, ALL, GROUPS, frozenset({("source.p.raw.t", "model.p.evil")})).splitlines()
    assert lines[:2] == ["flowchart LR", '  n0[("raw.t")]']
    assert '  n2["v.v2"]' in lines
    assert lines[-3:] == ["  n1 --> n2", "  n0 -.-> n1", "  n0 --> n2"]
    (evil,) = [line for line in lines if "n1[" in line]
    assert re.fullmatch(r'    n1\["[^"\]\[<>]+"\]', evil)
    assert lines.count("  end") == 1


def test_dot_reads_no_name_as_syntax() -> None:
    lines = dot(DAG, ALL, GROUPS, frozenset({("source.p.raw.t", "model.p.evil")})).splitlines()
    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")
    assert '  "source.p.raw.t" -> "model.p.evil" [style=dashed];' in lines
    assert '  "source.p.raw.t" [label="raw.t", shape=cylinder];' in lines
    (evil,) = [line for line in lines if line.startswith('    "model.p.evil" [')]
    assert re.fullmatch(r'    "model\.p\.evil" \[label="(?:[^"\\]|\\.)*"\];', evil)


def test_only_chosen_nodes_and_edges_between_them_are_drawn() -> None:
    text = dot(DAG, frozenset({"source.p.raw.t", "model.p.v.v2"}), {}, frozenset())
    assert text.count("->") == 1
    assert "evil" not in text
    assert label(DAG["model.p.v.v2"]) == "v.v2"


def test_a_node_stands_below_the_parent_furthest_from_the_data() -> None:
    assert primary_parents(DAG, DAG.order) == {
        "model.p.evil": "source.p.raw.t",
        "model.p.v.v2": "model.p.evil",
    }
    assert primary_parents(DAG, ["source.p.raw.t", "model.p.v.v2"]) == {"model.p.v.v2": "source.p.raw.t"}


def test_expressions_are_cut_to_a_line() -> None:
    assert cut("a\n   +  b", 10) == "a + b"
    assert cut("abcdef", 4) == "abc…"
    assert cut("a\x1b[31mb", 20) == "a?[31mb"


def test_annotations_are_escaped_as_github_asks() -> None:
    finding = Finding(
        rule="unknown-ref", severity="error", message="50 %\nof it: a,b", path="a,b:c.sql", line=3
    )
    assert annotation(finding, Path("/c/p"), Path("/c")) == (
        "::error file=p/a%2Cb%3Ac.sql,line=3,title=unknown-ref::50 %25%0Aof it: a,b"
    )
    bare = Finding(rule="groups", severity="error", message="m")
    assert annotation(bare, Path("/c/p"), Path("/c")) == "::error title=groups::m"
