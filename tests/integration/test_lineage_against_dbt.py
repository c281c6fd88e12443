"""The graph read from files is the graph dbt reads, node by node and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.lineage_files import dbt_manifest, write_files
from support.lineage_probe import PROBE

from sqlorch.domain.dag import Node
from sqlorch.lineage import Project, load_project
from sqlorch.lineage.verify import verify

SECTIONS = ("nodes", "sources", "exposures", "unit_tests")
SETTINGS = (
    "materialized",
    "severity",
    "schema",
    "alias",
    "meta",
    "unique_key",
    "where",
    "strategy",
    "enabled",
)
HOOKS = ("pre-hook", "post-hook")


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("probe"), PROBE)


@pytest.fixture(scope="module")
def manifest(probe: Path) -> dict[str, Any]:
    return dbt_manifest(probe)


@pytest.fixture(scope="module")
def project(probe: Path) -> Project:
    return load_project(probe, profiles_dir=probe)


def of_dbt(node: Mapping[str, Any]) -> dict[str, Any]:
    _, _, patch_path = (node.get("patch_path") or "").partition("://")
    has_sql = node["resource_type"] in {"model", "snapshot", "analysis"}
    return {
        "kind": node["resource_type"],
        "name": node["name"],
        "fqn": tuple(node["fqn"]),
        "package": node["package_name"],
        "path": node["original_file_path"],
        "tags": frozenset(node.get("tags") or ()),
        "description": node.get("description") or "",
        "dbt_group": node.get("group"),
        "source_name": node.get("source_name"),
        "relation": node.get("relation_name"),
        "attached_to": node.get("attached_node"),
        "patch_path": patch_path,
        "access": node.get("access"),
        "version": node.get("version"),
        "latest_version": node.get("latest_version"),
        "test_name": (node.get("test_metadata") or {}).get("name"),
        "test_column": node.get("column_name"),
        "blank": has_sql and not node["raw_code"].strip(),
    }


def of_ours(node: Node) -> dict[str, Any]:
    return {name: getattr(node, name) for name in Node.__slots__ if name not in {"unique_id", "config"}}


def live_nodes(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {
        uid: node
        for section in SECTIONS
        for uid, node in manifest[section].items()
        if node["config"].get("enabled", True) and node["resource_type"] != "operation"
    }


def test_nodes_and_edges_are_dbt_s(project: Project, manifest: dict[str, Any]) -> None:
    result = verify(project.dag, manifest, inferred=project.inferred)
    assert result.warnings() == []
    assert result.exact
    assert {
        "model",
        "seed",
        "snapshot",
        "source",
        "generic_test",
        "singular_test",
        "exposure",
        "unit_test",
    } <= set(result.nodes)
    assert sum(score.right for score in result.edges.values()) > 80


def test_every_field_of_every_node_is_dbt_s(project: Project, manifest: dict[str, Any]) -> None:
    for uid, theirs in live_nodes(manifest).items():
        assert of_ours(project.dag[uid]) == of_dbt(theirs), uid


def test_configuration_is_dbt_s(project: Project, manifest: dict[str, Any]) -> None:
    for uid, theirs in live_nodes(manifest).items():
        ours = project.dag[uid].config
        for setting in SETTINGS:
            if setting in theirs["config"]:
                expected = theirs["config"][setting]
                assert ours.get(setting) == expected or (not expected and not ours.get(setting)), (
                    uid,
                    setting,
                )
        for hook in HOOKS:
            assert ours.get(hook, []) == theirs["config"].get(hook, []), (uid, hook)


def test_declared_columns_are_dbt_s(project: Project, manifest: dict[str, Any]) -> None:
    for uid, theirs in live_nodes(manifest).items():
        if project.dag[uid].kind not in {"seed", "test", "exposure", "unit_test"}:
            assert {c.name for c in project.columns.get(uid, ())} == set(theirs["columns"]), uid


def test_a_seed_s_columns_come_from_its_header(project: Project) -> None:
    assert [c.name for c in project.columns["seed.probe.countries"]] == ["code", "name"]


def test_variables_of_the_command_line_change_both_the_same_way(probe: Path, tmp_path: Path) -> None:
    root = write_files(tmp_path, PROBE)
    manifest = dbt_manifest(root, from_command_line=True)
    project = load_project(root, profiles_dir=root, vars={"from_command_line": True})
    assert verify(project.dag, manifest, inferred=project.inferred).warnings() == []
    assert "model.probe.disabled_by_command_line" in project.dag


def test_the_source_a_seed_builds_is_found(project: Project) -> None:
    assert project.inferred == {("seed.probe.countries", "source.probe.built.countries")}


def test_nothing_of_the_probe_degrades(project: Project) -> None:
    assert [str(w) for w in project.warnings if w.kind == "degraded"] == []
    assert project.unresolved == ()


def test_sql_names_relations(project: Project) -> None:
    sql = project.sql["model.probe.branch_on_incremental"]
    assert 'from "probe"."main"."stg_orders"' in sql
    assert "__dbt__cte__tool_child" in project.sql["model.probe.from_ephemeral"]
    assert "__sqlorch_" not in "".join(project.sql.values())
