"""What each method of a selection asks of a node: one function a method, from criterion to predicate.

The rules are those of dbt-core 1.11 (``dbt/graph/selector_methods.py``). A value that can never be right,
which dbt refuses or silently matches with nothing, is a ProjectError here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlorch.domain.dag import EXPECTATIONS, Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.selection_names import fqn_matcher, glob, path_matcher
from sqlorch.domain.selection_syntax import Criterion, quoted

Predicate = Callable[[Node], bool]

# dbt keeps these in one dictionary, `manifest.nodes`, and some methods look at nothing else.
_PARSED = frozenset({"model", "seed", "snapshot", "test", "analysis", "operation", "sql_operation", "rpc"})
_KINDS = _PARSED | {
    "source", "exposure", "metric", "semantic_model", "saved_query", "unit_test", "function",
    "doc", "macro", "group", "fixture", EXPECTATIONS,
}  # fmt: skip
_TEST_TYPES = {
    "generic": "generic",
    "schema": "generic",
    "singular": "singular",
    "unit": "unit",
    "data": "data",
}
_VERSION_WORDS = ("latest", "prerelease", "old", "none")


def _wrong(criterion: Criterion, why: str) -> ProjectError:
    return ProjectError(f"the selection {quoted(criterion.raw)} cannot be read: {why}")


def by_fqn(criterion: Criterion, _: Dag) -> Predicate:
    """``fqn:``, and a name alone: by fully qualified name; sources have none."""
    named = fqn_matcher(criterion.value)
    return lambda node: node.kind != "source" and named(node)


def by_path(criterion: Criterion, dag: Dag) -> Predicate:
    """``path:``, and a name with a slash: by file, describing YAML file or folder."""
    if criterion.value.startswith("/"):
        raise _wrong(criterion, "a path is relative to the project's folder, for example path:models/marts")
    return path_matcher(criterion.value, dag)


def by_file(criterion: Criterion, _: Dag) -> Predicate:
    """``file:``, and a name that ends like a file: by file name, with or without its ending."""
    hit = glob(criterion.value)
    return lambda node: any(map(hit, file_names(node)))


def file_names(node: Node) -> tuple[str, str]:
    """The name of a node's file, and that name without its ending."""
    name = node.path.rsplit("/", 1)[-1]
    stem = name.rpartition(".")[0]
    return name, stem or name


def by_tag(criterion: Criterion, _: Dag) -> Predicate:
    """``tag:``, on every kind of node."""
    hit = glob(criterion.value)
    return lambda node: any(map(hit, node.tags))


def by_group(criterion: Criterion, _: Dag) -> Predicate:
    """``group:``: dbt's own groups; sources and exposures have none."""
    hit = glob(criterion.value)
    return lambda node: node.kind in _PARSED | {"metric"} and bool(name := group_of(node)) and hit(name)


def group_of(node: Node) -> str:
    """The dbt group that ``group:`` sees, or "".

    dbt gives a generic test the group of its model for access checks, but looks here at its own config only.
    """
    inherited = None if node.kind == "test" else node.dbt_group
    return str(node.config.get("group") or inherited or "")


def by_access(criterion: Criterion, _: Dag) -> Predicate:
    """``access:``: models only, no wildcards."""
    return lambda node: node.kind == "model" and node.access == criterion.value


def by_package(criterion: Criterion, dag: Dag) -> Predicate:
    """``package:``; ``this`` is the root project."""
    name = criterion.value
    if name == "this":
        if not dag.project:
            raise _wrong(criterion, "the project's own name is not known here; write package:NAME")
        name = dag.project
    hit = glob(name)
    return lambda node: hit(node.package)


def by_source(criterion: Criterion, _: Dag) -> Predicate:
    """``source:SOURCE``, ``source:SOURCE.TABLE``, ``source:PACKAGE.SOURCE.TABLE``."""
    parts = criterion.value.split(".")
    if len(parts) > 3:  # noqa: PLR2004 - package, source, table
        raise _wrong(criterion, "write source:SOURCE, source:SOURCE.TABLE or source:PACKAGE.SOURCE.TABLE")
    package = glob(parts.pop(0) if len(parts) > 2 else "*")  # noqa: PLR2004 - as above
    source, table = glob(parts[0]), glob(parts[1] if len(parts) > 1 else "*")
    return lambda node: (
        node.kind == "source"
        and package(node.package)
        and source(node.source_name or "")
        and table(node.name)
    )


def by_named(kind: str) -> Callable[[Criterion, Dag], Predicate]:
    """``exposure:``, ``metric:`` ...: nodes of one kind by name, with or without the package."""

    def prepare(criterion: Criterion, _: Dag) -> Predicate:
        parts = criterion.value.split(".")
        if len(parts) > 2:  # noqa: PLR2004 - package, name
            raise _wrong(criterion, f"write {kind}:NAME or {kind}:PACKAGE.NAME")
        package, name = glob(parts[0] if len(parts) > 1 else "*"), glob(parts[-1])
        return lambda node: node.kind == kind and package(node.package) and name(node.name)

    return prepare


def _one_of(criterion: Criterion, allowed: Iterable[str]) -> None:
    if criterion.value not in allowed:
        raise _wrong(criterion, f"{quoted(criterion.value)} is not one of " + ", ".join(sorted(allowed)))


def by_resource_type(criterion: Criterion, _: Dag) -> Predicate:
    """``resource_type:``: dbt's own word for the kind."""
    _one_of(criterion, _KINDS)
    return lambda node: node.kind == criterion.value


def by_test_name(criterion: Criterion, _: Dag) -> Predicate:
    """``test_name:``: generic tests by the test they apply, unit tests by their own name."""
    hit = glob(criterion.value)
    return lambda node: any(map(hit, test_names(node)))


def test_names(node: Node) -> Sequence[str]:
    """What ``test_name:`` compares with; nothing for a singular test."""
    if node.kind == "unit_test":
        return (node.name,)
    return (node.test_name,) if node.kind == "test" and node.test_name is not None else ()


def by_test_type(criterion: Criterion, _: Dag) -> Predicate:
    """``test_type:``: ``generic``, ``singular``, ``unit`` or ``data`` (both of the first two)."""
    _one_of(criterion, _TEST_TYPES)
    wanted = _TEST_TYPES[criterion.value]
    return lambda node: wanted in test_types(node)


def test_types(node: Node) -> Sequence[str]:
    """What ``test_type:`` calls a node; nothing for what is not a test."""
    if node.kind == "unit_test":
        return ("unit",)
    if node.kind != "test":
        return ()
    return ("data", "singular" if node.test_name is None else "generic")


def by_version(criterion: Criterion, _: Dag) -> Predicate:
    """``version:``: ``latest``, ``prerelease``, ``old`` or ``none`` (not versioned)."""
    _one_of(criterion, _VERSION_WORDS)
    return lambda node: node.kind == "model" and criterion.value in version_words(node)


def version_words(node: Node) -> Sequence[str]:
    """What ``version:`` calls a model."""
    if node.version is None:
        return ("none",)
    if node.version == node.latest_version:
        return ("latest",)
    if not node.version or not node.latest_version:
        return ()
    if _older(node.version, node.latest_version):
        return ("old",)
    return ("prerelease",) if _older(node.latest_version, node.version) else ()


def _older(left: str | float, right: str | float) -> bool:
    try:
        return float(left) < float(right)
    except ValueError:
        return str(left) < str(right)


def by_config(criterion: Criterion, _: Dag) -> Predicate:
    """``config.KEY:``: a setting, a nested one, or a member of a list; text and booleans only."""
    if not criterion.key:
        raise _wrong(criterion, "say which setting: config.materialized:incremental, config.meta.owner:me")
    # dbt compares a test's severity without regard to case, and nothing else.
    same = _same_text if criterion.key != ("severity",) else _same_word

    def predicate(node: Node) -> bool:
        if node.kind not in _PARSED | {"source"}:
            return False
        found = setting(node.config, criterion.key)
        values = found if isinstance(found, list | tuple) else (found,)
        return any(same(value, criterion.value) or _same_switch(value, criterion.value) for value in values)

    return predicate


def setting(config: Mapping[str, Any], key: Sequence[str]) -> object:
    """The value at a path of keys, or None where there is none."""
    value: object = config
    for name in key:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def _same_text(value: object, wanted: str) -> bool:
    return isinstance(value, str) and value == wanted


def _same_word(value: object, wanted: str) -> bool:
    return isinstance(value, str) and value.upper() == wanted.upper()


def _same_switch(value: object, wanted: str) -> bool:
    return isinstance(value, bool) and str(value).upper() == wanted.upper()
