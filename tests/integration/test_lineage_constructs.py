"""What each construct refers to, written out: the constructs that mislead readers of dbt projects."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.lineage_files import write_files
from support.lineage_probe import PROBE

from sqlorch.domain.errors import ProjectError
from sqlorch.lineage import Project, load_project

ORDERS, CUSTOMERS = "model.probe.stg_orders", "model.probe.stg_customers"
RAW_ORDERS = "source.probe.shop.orders"
TOOL_MODEL = "model.tools.tool_model"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = write_files(tmp_path_factory.mktemp("probe"), PROBE)
    return load_project(root, profiles_dir=root)


@pytest.mark.parametrize(
    ("construct", "node", "parents"),
    [
        ("literal source, ref in a comment", "stg_orders", {RAW_ORDERS, "seed.probe.countries", CUSTOMERS}),
        ("two-argument ref", "from_package", {TOOL_MODEL}),
        ("depends_on comment", "depends_on", {ORDERS}),
        ("raw block", "raw_block", set()),
        ("Jinja comment", "jinja_comment", set()),
        ("ref inside a macro", "by_macro", {ORDERS}),
        ("macro called with a name", "by_macro_with_name", {CUSTOMERS}),
        ("package macro", "by_package_macro", {ORDERS}),
        ("ref of a variable", "by_variable", {ORDERS}),
        ("ref of a scoped variable", "by_scoped_variable", {ORDERS}),
        ("variable whose value is a ref", "by_templated_variable", {CUSTOMERS}),
        ("ref of a concatenation", "by_concat", {ORDERS}),
        ("ref of a loop variable", "by_loop", {ORDERS, CUSTOMERS}),
        ("ref under another name", "by_alias", {ORDERS}),
        ("set block", "by_set_block", {ORDERS}),
        ("namespace and do", "by_namespace", {ORDERS, CUSTOMERS}),
        ("dispatch: root before package, adapter before default", "by_dispatch", {CUSTOMERS}),
        ("macro that returns a list", "by_returned_list", {ORDERS, CUSTOMERS}),
        ("call block of a macro", "by_call_block", {ORDERS}),
        ("branch on a variable", "branch_on_variable", {CUSTOMERS}),
        ("branch on is_incremental", "branch_on_incremental", {ORDERS}),
        ("branch on execute", "branch_on_execute", {ORDERS}),
        ("statement block", "statement_block", {ORDERS}),
        ("introspection", "introspection", {ORDERS}),
        ("hooks in the file", "inline_hook", {ORDERS, CUSTOMERS}),
        ("hook of dbt_project.yml", "hooked.project_hook", {ORDERS}),
        ("folder YAML reads as False", "odd_folder", {ORDERS}),
        ("Python model", "python_model", {ORDERS, RAW_ORDERS, "model.probe.versioned.v1"}),
        (
            "versioned refs",
            "uses_versions",
            {"model.probe.versioned.v2", "model.probe.versioned.v1"},
        ),
        ("file of the latest version without suffix", "versioned.v2", {ORDERS}),
    ],
)
def test_construct(project: Project, construct: str, node: str, parents: set[str]) -> None:
    uid = f"model.probe.{node.removeprefix('hooked.')}"
    assert project.dag.parents(uid) == parents, construct


@pytest.mark.parametrize(
    ("uid", "parents"),
    [
        ("snapshot.probe.orders_by_block", {ORDERS}),
        ("snapshot.probe.orders_by_block_too", {RAW_ORDERS}),
        ("snapshot.probe.orders_by_yaml", {ORDERS}),
        ("snapshot.probe.source_by_yaml", {RAW_ORDERS}),
        ("analysis.probe.look", {"model.probe.by_loop"}),
        ("test.probe.singular", {ORDERS}),
        ("exposure.probe.dashboard", {"model.probe.by_macro", RAW_ORDERS, "model.probe.versioned.v1"}),
        ("unit_test.probe.by_loop.counts", {"model.probe.by_loop"}),
        ("unit_test.probe.versioned.each_version_v1", {"model.probe.versioned.v1"}),
        ("unit_test.probe.versioned.each_version_v2", {"model.probe.versioned.v2"}),
        ("model.tools.tool_model", {"source.tools.tool.orders"}),
        ("model.tools.reads_the_root", {"model.tools.stg_orders"}),
    ],
)
def test_other_nodes(project: Project, uid: str, parents: set[str]) -> None:
    assert project.dag.parents(uid) == parents


@pytest.mark.parametrize(
    "name",
    [
        "disabled_inline",
        "disabled_by_macro",
        "disabled_in_properties",
        "disabled_in_project",
        "disabled_by_command_line",
        "ignored",
        "some_scratch",
    ],
)
def test_what_is_switched_off_is_not_there(project: Project, name: str) -> None:
    assert f"model.probe.{name}" not in project.dag


def test_a_model_is_switched_on_again_by_its_file(project: Project) -> None:
    assert "model.probe.enabled_after_all" in project.dag


def test_a_generic_test_s_macro_refers_too(project: Project) -> None:
    found = {
        project.dag[uid].test_name: project.dag.parents(uid)
        for uid in project.dag.children(ORDERS)
        if project.dag[uid].kind == "test"
    }
    assert found["looks_aside"] == {ORDERS, "model.probe.by_loop"}
    assert found["dbt_utils_like"] == {ORDERS, CUSTOMERS}
    assert found["compares"] == {ORDERS, RAW_ORDERS}
    assert found["relationships"] == {ORDERS, CUSTOMERS}


def test_an_unknown_reference_is_named_with_its_place(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "models/orders.sql": "select 1",
            "models/broken.sql": "select 1\n\nfrom {{ ref('oders') }}\njoin {{ ref('off') }}",
            "models/off.sql": "{{ config(enabled=false) }}",
            "models/lost.sql": "select * from {{ source('shop', 'x') }}",
        },
    )
    project = load_project(root, profiles_dir=root)
    assert sorted(map(str, project.unresolved)) == [
        "models/broken.sql:3: ref('oders') does not exist; did you mean orders?",
        "models/broken.sql:4: ref('off') is disabled",
        "models/lost.sql:1: source('shop', 'x') does not exist",
    ]
    assert project.dag.parents("model.probe.broken") == frozenset()


def test_a_file_that_does_not_render_keeps_what_it_says(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "models/a.sql": "select 1",
            "models/b.sql": "select 1",
            "models/fails.sql": "{{ ref('a') }}{{ exceptions.raise_compiler_error('no') }}{{ ref('b') }}",
            "models/no_jinja.sql": "{{ ref('a') }} {% if %} {{ ref('b') }}",
            "models/quiet.sql": "{{ config(enabled=false) }} {{ 1 / 0 }}",
        },
    )
    project = load_project(root, profiles_dir=root)
    both = {"model.probe.a", "model.probe.b"}
    assert project.dag.parents("model.probe.fails") == both
    assert project.dag.parents("model.probe.no_jinja") == both
    said = {w.unique_id: str(w) for w in project.warnings}
    assert (
        said["model.probe.fails"] == "models/fails.sql: it raises: no; its references are read from its text"
    )
    assert said["model.probe.no_jinja"].startswith("models/no_jinja.sql: line 1: ")
    assert "model.probe.quiet" not in said


def test_a_cycle_is_named_by_its_path(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "models/a.sql": "{{ ref('b') }}",
            "models/b.sql": "{{ ref('c') }}",
            "models/c.sql": "{{ ref('a') }}",
        },
    )
    with pytest.raises(ProjectError, match=r"models/a\.sql reads models/b\.sql reads models/c\.sql"):
        load_project(root, profiles_dir=root)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("dbt_project.yml", "name: [probe\nx: 1", "dbt_project.yml:2"),
        ("dbt_project.yml", "version: '1.0'", "must be a mapping with a 'name'"),
        (
            "dbt_project.yml",
            "name: probe\nprofile: probe\nmodel-paths: [1]",
            "model-paths must be a list of folders",
        ),
        (
            "dbt_project.yml",
            "name: p\nprofile: probe\nmodels: {+tags: \"{{ var('x') }}\"}",
            "'x' is not defined",
        ),
        ("profiles.yml", "other: {}", "no profile 'probe'"),
        (
            "profiles.yml",
            "probe: {target: prod, outputs: {dev: {type: duckdb}}}",
            "no target 'prod'; it has: dev",
        ),
    ],
)
def test_a_wrong_project_is_one_clear_sentence(tmp_path: Path, name: str, text: str, said: str) -> None:
    root = write_files(tmp_path, {name: text})
    with pytest.raises(ProjectError) as caught:
        load_project(root, profiles_dir=root)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"there is no dbt_project\.yml"):
        load_project(tmp_path)


def test_a_broken_properties_file_is_left_out_and_named(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "models/a.sql": "select 1",
            "models/broken.yml": "models:\n  - name: a\n    tests: [unique",
            "models/odd.yml": "models: 3\nsources: [{tables: []}]",
        },
    )
    project = load_project(root, profiles_dir=root)
    said = [str(w) for w in project.warnings]
    assert any(re.match(r"models/broken\.yml:\d+: it is not valid YAML: ", w) for w in said)
    assert "models/odd.yml: 'models' is not a list; it is left out" in said
    assert "models/odd.yml: an entry of 'sources' has no name; it is left out" in said
    assert set(project.dag.nodes) == {"model.probe.a"}


def test_two_models_of_one_name_are_reported(tmp_path: Path) -> None:
    root = write_files(tmp_path, {"models/a/x.sql": "select 1", "models/b/x.sql": "select 2"})
    project = load_project(root, profiles_dir=root)
    (warning,) = [w for w in project.warnings if w.kind == "duplicate"]
    assert str(warning) == (
        "models/b/x.sql: model.probe.x is defined in models/a/x.sql too; only that one counts; rename one"
    )


def test_missing_packages_are_reported(tmp_path: Path) -> None:
    root = write_files(tmp_path, {"packages.yml": "packages: [{package: a/b, version: 1.0.0}]"})
    project = load_project(root, profiles_dir=root)
    assert [str(w) for w in project.warnings] == [
        "packages.yml: 1 packages are asked for and 0 are installed; run `dbt deps`"
    ]
