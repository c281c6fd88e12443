"""The methods of a selection by name (``tag:``, ``path:`` ...), and what to suggest for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlorch.domain import selection_predicates as ask
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.selection_names import known_paths
from sqlorch.domain.selection_syntax import Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way of naming nodes.

    Attributes:
        prepare: makes the predicate; raises ProjectError for a value that can never be right.
        terms: what a node can be called by this method, for suggestions.
        example: how it is written.
        what: what was looked for, as the message says it: "no node has ...".
    """

    prepare: Callable[[Criterion, Dag], ask.Predicate]
    terms: Callable[[Criterion, Dag], Iterable[str]]
    example: str
    what: str


def _texts(value: object) -> Iterable[str]:
    values = value if isinstance(value, list | tuple) else (value,)
    return (str(v).lower() if isinstance(v, bool) else str(v) for v in values if isinstance(v, str | bool))


def _each(names: Callable[[Node], Iterable[str]]) -> Callable[[Criterion, Dag], Iterable[str]]:
    return lambda _, dag: (name for node in dag.nodes.values() for name in names(node))


def _node_terms(criterion: Criterion, dag: Dag) -> Iterable[str]:
    nodes = [node for node in dag.nodes.values() if node.kind != "source"]
    if "." not in criterion.value:
        return (node.name for node in nodes)
    return (".".join(fqn) for node in nodes for fqn in (node.fqn, node.fqn[1:]))


def _source_terms(node: Node) -> Iterable[str]:
    if node.kind != "source":
        return ()
    return (node.source_name or "", f"{node.source_name}.{node.name}")


def _kind_method(kind: str) -> Method:
    return Method(
        prepare=ask.by_named(kind),
        terms=_each(lambda node: (node.name,) if node.kind == kind else ()),
        example=f"{kind}:NAME",
        what=f"no {kind.replace('_', ' ')} has that name",
    )


METHODS: Mapping[str, Method] = {
    "fqn": Method(
        prepare=ask.by_fqn,
        terms=_node_terms,
        example="orders, +orders or staging.*",
        what="no node has that name",
    ),
    "tag": Method(
        prepare=ask.by_tag,
        terms=_each(lambda node: node.tags),
        example="tag:daily",
        what="no node has that tag",
    ),
    "path": Method(
        prepare=ask.by_path,
        terms=lambda _, dag: known_paths(dag),
        example="path:models/marts",
        what="no node is in that file or folder",
    ),
    "file": Method(
        prepare=ask.by_file,
        terms=_each(ask.file_names),
        example="file:orders.sql",
        what="no node is in a file of that name",
    ),
    "source": Method(
        prepare=ask.by_source,
        terms=_each(_source_terms),
        example="source:SOURCE.TABLE",
        what="no source has that name",
    ),
    "config": Method(
        prepare=ask.by_config,
        terms=lambda criterion, dag: (
            text for node in dag.nodes.values() for text in _texts(ask.setting(node.config, criterion.key))
        ),
        example="config.materialized:incremental",
        what="no node has that value in its config",
    ),
    "resource_type": Method(
        prepare=ask.by_resource_type,
        terms=_each(lambda node: (node.kind,)),
        example="resource_type:snapshot",
        what="the project has none",
    ),
    "package": Method(
        prepare=ask.by_package,
        terms=_each(lambda node: (node.package,)),
        example="package:this",
        what="no node is in a package of that name",
    ),
    "group": Method(
        prepare=ask.by_group,
        terms=_each(lambda node: (ask.group_of(node),)),
        example="group:finance",
        what="no node is in a dbt group of that name",
    ),
    "access": Method(
        prepare=ask.by_access,
        terms=_each(lambda node: (node.access or "",)),
        example="access:public",
        what="no model has that access",
    ),
    "version": Method(
        prepare=ask.by_version,
        terms=_each(ask.version_words),
        example="version:latest",
        what="no model has such a version",
    ),
    "test_name": Method(
        prepare=ask.by_test_name,
        terms=_each(ask.test_names),
        example="test_name:not_null",
        what="no generic or unit test has that name",
    ),
    "test_type": Method(
        prepare=ask.by_test_type,
        terms=_each(ask.test_types),
        example="test_type:singular",
        what="the project has no such test",
    ),
    **{
        kind: _kind_method(kind)
        for kind in ("exposure", "metric", "semantic_model", "saved_query", "unit_test")
    },
}
