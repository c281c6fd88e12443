"""Our selection and our order against dbt's own, on one small project that has a bit of everything."""

from __future__ import annotations

import itertools
import random
import shutil
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest
from dbt import flags as dbt_flags
from dbt.cli.main import dbtRunner
from dbt.compilation import Linker
from dbt.contracts.graph.manifest import Manifest
from dbt.graph import Graph, ResourceTypeSelector
from dbt.graph.cli import parse_difference
from dbt.node_types import NodeType
from dbt_common.events.contextvars import task_contextvars

from sqlorch.dbt.manifest_dag import dag_from_manifest
from sqlorch.domain.dag import EXECUTABLE_KINDS, Dag
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.gating import execution_edges
from sqlorch.domain.selector import Indirect, select

PROJECT = Path(__file__).parent / "selection_project"
MODES: tuple[Indirect, ...] = ("eager", "cautious", "buildable", "empty")

ATOMS = (PROJECT / "selections.txt").read_text().split()
COMPOSED = (PROJECT / "selections_composed.txt").read_text().split()


@dataclass(frozen=True)
class Dbt:
    """What dbt makes of the project, asked through the classes behind `dbt ls` and `dbt build`."""

    manifest: Manifest
    root: Path

    def graph(self, *, tests_gate: bool = False) -> Graph:
        linker = Linker()
        linker.link_graph(self.manifest)
        if tests_gate:
            self.manifest.build_parent_and_child_maps()
            linker.add_test_edges(self.manifest)
        return Graph(linker.graph)

    def selected(self, selection: Sequence[str], exclude: Sequence[str], mode: str) -> frozenset[str]:
        dbt_flags.set_flags(Namespace(INDIRECT_SELECTION=mode, WARN_ERROR=False, WARN_ERROR_OPTIONS=None))
        selector = ResourceTypeSelector(
            graph=self.graph(),
            manifest=self.manifest,
            previous_state=None,
            resource_types=list(NodeType),
            include_empty_nodes=True,
        )
        with task_contextvars(project_root=str(self.root)):
            spec = parse_difference(list(selection) or None, list(exclude) or None)
            return frozenset(selector.get_selected(spec, warn_on_no_nodes=False))


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dbt]:
    root = tmp_path_factory.mktemp("selection") / "shop"
    shutil.copytree(PROJECT, root)
    before = dbt_flags.get_flags()
    result = dbtRunner().invoke(_arguments("parse", root))
    assert result.success, result.exception
    yield Dbt(result.result, root)
    dbt_flags.set_flags(before)


@pytest.fixture(scope="module")
def dag(dbt: Dbt) -> Dag:
    return dag_from_manifest(dbt.manifest)


def _arguments(command: str, root: Path) -> list[str]:
    here = ["--project-dir", str(root), "--profiles-dir", str(root)]
    silent = ["--quiet", "--no-send-anonymous-usage-stats", "--log-level-file", "none", "--no-partial-parse"]
    return [command, *here, *silent]


def _compare(dbt: Dbt, dag: Dag, selection: str, exclude: str, mode: Indirect) -> bool:
    """Both agree, or we refuse what dbt finds nothing for. Tells whether something was found."""
    case = f"--select {selection} --exclude {exclude} ({mode})"
    try:
        ours = select(dag, selection, exclude, indirect=mode)
    except ProjectError:
        empty = [item for item in selection.split() if not dbt.selected([item], [], mode)]
        assert empty, f"{case}: refused, though dbt finds something for every item"
        return False
    theirs = dbt.selected(selection.split(), exclude.split(), mode)
    assert ours == theirs, f"{case}: ours only {sorted(ours - theirs)}, dbt only {sorted(theirs - ours)}"
    assert all(dbt.selected([item], [], mode) for item in selection.split()), f"{case}: not refused"
    return bool(ours)


@pytest.mark.parametrize("mode", MODES)
def test_every_method_and_operator_selects_what_dbt_selects(dbt: Dbt, dag: Dag, mode: Indirect) -> None:
    found = [_compare(dbt, dag, text, "", mode) for text in ATOMS + COMPOSED]
    assert sum(found) > 150
    assert found.count(False) >= 20


@pytest.mark.parametrize("mode", MODES)
def test_random_selections_select_what_dbt_selects(dbt: Dbt, dag: Dag, mode: Indirect) -> None:
    draw = random.Random(f"selection/{mode}")  # noqa: S311 - a seeded sample
    found = [_compare(dbt, dag, _random_union(draw), _random_exclude(draw), mode) for _ in range(150)]
    assert sum(found) > 60


def test_nothing_asked_for_is_everything(dbt: Dbt, dag: Dag) -> None:
    assert select(dag, ()) == dbt.selected([], [], "eager") == frozenset(dag.nodes)
    for exclude in ("stg_orders+", "resource_type:test", "tag:daily nothing_here"):
        assert select(dag, (), exclude) == dbt.selected([], exclude.split(), "eager")


@pytest.mark.parametrize("selection", ["+revenue", "tag:daily,stg_*", "@stg_leads", "source:raw+1"])
def test_the_command_line_of_dbt_lists_the_same(dbt: Dbt, dag: Dag, selection: str) -> None:
    asked = ["--select", selection, "--output", "json", "--output-keys", "unique_id"]
    result = dbtRunner(manifest=dbt.manifest).invoke([*_arguments("ls", dbt.root), *asked])
    assert result.success, result.exception
    listed = {line.split('"')[3] for line in result.result}
    assert {uid for uid in select(dag, selection) if dag[uid].kind != "analysis"} == listed


def _random_union(draw: random.Random) -> str:
    return " ".join(_random_item(draw) for _ in range(draw.choice([1, 1, 2, 3])))


def _random_exclude(draw: random.Random) -> str:
    return " ".join(_random_item(draw) for _ in range(draw.choice([0, 0, 1, 2])))


def _random_item(draw: random.Random) -> str:
    return ",".join(_random_part(draw) for _ in range(draw.choice([1, 1, 1, 2, 2, 3])))


def _random_part(draw: random.Random) -> str:
    before = draw.choice(["", "", "", "+", "1+", "2+", "@", "@1+"])
    after = "" if "@" in before else draw.choice(["", "", "+", "+1", "+3"])
    return before + draw.choice(ATOMS) + after


def _closure(waits: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    graph = nx.DiGraph((before, uid) for uid, all_before in waits.items() for before in all_before)
    graph.add_nodes_from(waits)
    assert nx.is_directed_acyclic_graph(graph)
    return {uid: frozenset(nx.ancestors(graph, uid)) for uid in waits}


def _order_of_dbt(graph: Graph, queued: frozenset[str]) -> dict[str, frozenset[str]]:
    """For each queued node, everything `dbt build` finishes before it."""
    queue = graph.get_subset_graph(queued).graph
    return {uid: frozenset(nx.ancestors(queue, uid)) for uid in queued}


def test_the_order_is_exactly_that_of_dbt_build(dbt: Dbt, dag: Dag) -> None:
    draw = random.Random("order")  # noqa: S311 - a seeded sample
    dbt_flags.set_flags(Namespace(USE_FAST_TEST_EDGES=False))
    graph = dbt.graph(tests_gate=True)
    every = sorted(uid for uid, node in dag.nodes.items() if node.kind in EXECUTABLE_KINDS)
    for share in itertools.chain([1.0], (draw.random() for _ in range(120))):
        selected = frozenset(uid for uid in every if draw.random() < share)
        _same_order(dag, graph, selected)


@pytest.mark.parametrize("selection", ["fct_orders+", "tag:daily", "+revenue", "resource_type:model"])
def test_the_order_of_a_selection_is_that_of_dbt_build(dbt: Dbt, dag: Dag, selection: str) -> None:
    dbt_flags.set_flags(Namespace(USE_FAST_TEST_EDGES=False))
    _same_order(dag, dbt.graph(tests_gate=True), select(dag, selection))


def _same_order(dag: Dag, graph: Graph, selected: frozenset[str]) -> None:
    ours = _closure(execution_edges(dag, selected))
    unit_tests = frozenset(uid for uid in ours if dag[uid].kind == "unit_test")
    queued = frozenset(ours) - unit_tests
    tested = {test: next(iter(dag.parents(test))) for test in unit_tests}
    # dbt build runs a unit test inside its model's turn, so its queue has no unit tests.
    assert {uid: ours[uid] - unit_tests for uid in queued} == _order_of_dbt(graph, queued)
    for test, model in tested.items():
        if model in queued:
            assert test in ours[model]
            assert ours[test] - unit_tests == ours[model] - unit_tests
