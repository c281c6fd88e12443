"""The cache never changes the answer: after any edit, a load with it equals a load without it."""

from __future__ import annotations

import random
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from support.lineage_files import write_files
from support.lineage_probe import PROBE

from sqlorch.lineage import Project, load_project
from sqlorch.lineage.store import FILE_NAME, Store


def facts(project: Project) -> dict[str, Any]:
    """Everything a load says, but how much work it was."""
    return {
        "nodes": dict(project.dag.nodes),
        "edges": project.dag.edges,
        "order": project.dag.order,
        "inferred": project.inferred,
        "unresolved": project.unresolved,
        "warnings": project.warnings,
        "sql": dict(project.sql),
        "columns": dict(project.columns),
        "macros": dict(project.macros),
        "digests": dict(project.macro_digests),
    }


def check(root: Path, cache: Path, **variables: Any) -> Project:
    warm = load_project(root, profiles_dir=root, vars=variables, cache_dir=cache)
    cold = load_project(root, profiles_dir=root, vars=variables)
    assert facts(warm) == facts(cold)
    return warm


EDITS: dict[str, list[tuple[str, str | None]]] = {
    "a macro's body": [
        ("macros/all.sql", None),
        ("macros/all.sql", "{% macro the_orders() %}x{% endmacro %}"),
    ],
    "a macro that shadows a package's": [
        ("macros/more.sql", "{% macro duckdb__pick() %}{{ ref('blank') }}{% endmacro %}")
    ],
    "a macro that shadows ref": [
        ("macros/ref.sql", "{% macro ref(n) %}{{ builtins.ref('blank') }}{% endmacro %}")
    ],
    "a model": [
        ("models/by_loop.sql", "select 1 from {{ ref('blank') }}"),
        ("models/new.sql", "{{ ref('by_loop') }}"),
    ],
    "a model away": [("models/by_alias.sql", None), ("models/statement_block.sql", None)],
    "properties": [("models/properties.yml", "models: [{name: stg_orders, config: {enabled: false}}]")],
    "a package's file": [
        ("dbt_packages/tools/models/tool_model.sql", "select 1"),
        ("dbt_packages/tools/macros/tools.sql", None),
    ],
    "a package's project": [
        ("dbt_packages/tools/dbt_project.yml", "name: tools\nvars: {tool_source: orders, tools_only: 2}")
    ],
    "a seed's header": [("seeds/countries.csv", "a,b\n1,2\n"), ("seeds/countries.csv", "a,b\n1,2\n3,4\n")],
    "the ignore file": [(".dbtignore", "models/staging/\n")],
    "docs": [("models/docs.md", "{% docs shop %}changed{% enddocs %}")],
    "the profile": [
        ("profiles.yml", "probe: {target: dev, outputs: {dev: {type: duckdb, path: x.db, schema: other}}}")
    ],
    "the project's vars": [
        ("dbt_project.yml", PROBE["dbt_project.yml"].replace("chosen: stg_orders", "chosen: blank"))
    ],
    "a test's macro": [
        ("tests/generic/compares.sql", "{% test looks_aside(model) %}{{ ref('blank') }}{% endtest %}")
    ],
}


@pytest.mark.parametrize("seed", range(6))
def test_random_edits(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 # edits, not secrets
    root, cache = write_files(tmp_path / "project", PROBE), tmp_path / "cache"
    check(root, cache)
    undone: dict[str, str | None] = {}
    for _ in range(10):
        name, text = rng.choice(EDITS[rng.choice(list(EDITS))])
        path = root / name
        if rng.random() < 0.35 and undone:
            name = rng.choice(list(undone))
            path, text = root / name, undone.pop(name)
        else:
            undone.setdefault(name, path.read_text() if path.exists() else None)
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(text)
        variables = {"from_command_line": True} if rng.random() < 0.3 else {}
        try:
            check(root, cache, **variables)
        except Exception as error:
            raise AssertionError(f"after editing {name}") from error


def test_a_second_load_does_nothing_and_says_the_same(tmp_path: Path) -> None:
    root, cache = write_files(tmp_path / "project", PROBE), tmp_path / "cache"
    first = check(root, cache)
    second = check(root, cache)
    assert not first.stats.snapshot
    assert first.stats.rendered > 40
    assert second.stats.snapshot
    assert second.stats.rendered == 0


def test_one_edited_model_is_the_only_one_rendered(tmp_path: Path) -> None:
    root, cache = write_files(tmp_path / "project", PROBE), tmp_path / "cache"
    check(root, cache)
    (root / "models" / "by_loop.sql").write_text("select * from {{ ref('blank') }}")
    project = check(root, cache)
    assert project.stats.rendered == 1
    assert project.stats.cached > 40
    assert project.dag.parents("model.probe.by_loop") == {"model.probe.blank"}


def test_an_edited_macro_renders_only_what_calls_it(tmp_path: Path) -> None:
    files = {f"models/plain_{n}.sql": "select {{ 1 }}" for n in range(5)}
    files |= {"models/a.sql": "select 1", "models/b.sql": "select 1"}
    files |= {f"models/caller_{n}.sql": "{{ outer() }}" for n in range(3)}
    files["macros/m.sql"] = (
        "{% macro outer() %}{{ inner() }}{% endmacro %}{% macro inner() %}{{ ref('a') }}{% endmacro %}"
    )
    root, cache = write_files(tmp_path / "project", files), tmp_path / "cache"
    check(root, cache)
    (root / "macros" / "m.sql").write_text(files["macros/m.sql"].replace("'a'", "'b'"))
    project = check(root, cache)
    assert project.stats.rendered == 3
    assert project.dag.parents("model.probe.caller_0") == {"model.probe.b"}


def test_the_environment_is_part_of_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "models/a.sql": "select 1",
        "models/b.sql": "select 1",
        "models/c.sql": "{{ ref(env_var('WHICH', 'a')) }}",
        "models/p.yml": "models: [{name: a, config: {tags: \"{{ env_var('TAG', 'none') }}\"}}]",
    }
    root, cache = write_files(tmp_path / "project", files), tmp_path / "cache"
    for which, tag in ((None, None), ("b", "t"), ("a", "t"), (None, None)):
        for name, value in (("WHICH", which), ("TAG", tag)):
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        project = check(root, cache)
        assert project.dag.parents("model.probe.c") == {f"model.probe.{which or 'a'}"}
        assert project.dag["model.probe.a"].tags == {tag or "none"}


def test_targets_and_variables_are_remembered_side_by_side(tmp_path: Path) -> None:
    files = {"models/a.sql": "select '{{ var('x', 0) }}'"}
    root, cache = write_files(tmp_path / "project", files), tmp_path / "cache"
    for value in (1, 2, 3):
        assert check(root, cache, x=value).sql["model.probe.a"] == f"select '{value}'"
    assert check(root, cache, x=2).stats.snapshot
    for value in range(30):
        check(root, cache, x=value)
    with sqlite3.connect(cache / FILE_NAME) as connection:
        assert connection.execute("SELECT count(*) FROM snapshots").fetchone()[0] <= 8
        assert connection.execute("SELECT count(DISTINCT variant) FROM records").fetchone()[0] <= 8


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 200, None])
def test_a_damaged_cache_is_made_anew(tmp_path: Path, damage: bytes | None) -> None:
    root, cache = write_files(tmp_path / "project", {"models/a.sql": "select {{ 1 }}"}), tmp_path / "cache"
    check(root, cache)
    file = cache / FILE_NAME
    content = file.read_bytes()
    file.write_bytes(damage if damage is not None else content[:4096] + b"\xff" * 3000 + content[7096:])
    check(root, cache)
    check(root, cache)
    assert check(root, cache).stats.snapshot


def test_a_cache_with_strange_content_is_read_anew(tmp_path: Path) -> None:
    root, cache = write_files(tmp_path / "project", {"models/a.sql": "select {{ 1 }}"}), tmp_path / "cache"
    check(root, cache)
    with sqlite3.connect(cache / FILE_NAME) as connection:
        connection.execute("UPDATE snapshots SET graph = x'00', conditions = '[]'")
        connection.execute("UPDATE records SET record = '{}'")
    check(root, cache)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    root = write_files(tmp_path / "project", {"models/a.sql": "select 1"})
    (tmp_path / "file").write_text("in the way")
    check(root, tmp_path / "file")
    check(root, tmp_path / "file" / "below")


def test_several_commands_at_once(tmp_path: Path) -> None:
    root, cache = write_files(tmp_path / "project", PROBE), tmp_path / "cache"
    expected = facts(load_project(root, profiles_dir=root))
    found: list[dict[str, Any]] = []

    def work() -> None:
        found.extend(facts(load_project(root, profiles_dir=root, cache_dir=cache)) for _ in range(3))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert all(one == expected for one in found)
    assert load_project(root, profiles_dir=root, cache_dir=cache).stats.snapshot


def test_a_locked_cache_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sqlorch.lineage.store._TIMEOUT", 0.05)
    root, cache = write_files(tmp_path / "project", {"models/a.sql": "select {{ 1 }}"}), tmp_path / "cache"
    Store(cache)
    with sqlite3.connect(cache / FILE_NAME, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        check(root, cache)
        connection.execute("COMMIT")
    check(root, cache)
    assert check(root, cache).stats.snapshot
