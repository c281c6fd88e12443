"""What nodes say for themselves: ``config(meta={"sqlorch": {...}})``, after dbt's inheritance.

dbt merges ``meta`` key by key, so the nearest ``sqlorch`` mapping replaces those further away as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import ValidationError

from sqlorch.config.group_model import ExecutionKeys, NodeKeys, TestKeys
from sqlorch.config.places import Document, Place, shown
from sqlorch.config.problems import explain
from sqlorch.config.sensors import sensor_specs
from sqlorch.config.settings import Settings
from sqlorch.domain.dag import TEST_KINDS, Dag, Node
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import NodeOptions
from sqlorch.domain.grouping import ASSIGNED_KINDS, Grouping, Select, assign_groups

KEY = "sqlorch"
_Keys = TypeVar("_Keys", TestKeys, NodeKeys)


def group_nodes(dag: Dag, settings: Settings, select: Select) -> Grouping:
    """Give every node its group by ``sqlorch.yml`` and by what the nodes say for themselves.

    Args:
        dag: the project.
        settings: what ``sqlorch.yml`` says.
        select: answers dbt selection syntax: ``(dag, select, exclude) -> unique ids``.

    Raises:
        ConfigError: a ``meta.sqlorch`` that cannot be used, a node in two groups.
        ProjectError: groups that read from each other in a circle.
    """
    options = read_options(dag, settings.default.timezone, settings.pools)
    return assign_groups(dag, settings.groups, select, settings.default, options)


def read_options(dag: Dag, default_zone: str, pools: Collection[str] = ()) -> dict[str, NodeOptions]:
    """Check and read ``meta.sqlorch`` of every node that has one.

    Args:
        dag: the project.
        default_zone: zone of times and schedules that name none.
        pools: names of the pools there are.

    Returns:
        What each such node says, by unique id.

    Raises:
        ConfigError: unknown keys, wrong types, bad values, all at once, each with the node and its file.
    """
    options: dict[str, NodeOptions] = {}
    faults: list[str] = []
    for uid in sorted(dag.nodes):
        node = dag[uid]
        said = node.meta.get(KEY)
        if said is None:
            continue
        try:
            options[uid] = _read(node, said, default_zone)
        except ConfigError as error:
            faults.append(str(error))
        else:
            faults += _unknown_pool(node, options[uid].pool, pools)
    if faults:
        raise ConfigError("\n".join(faults))
    return options


def _unknown_pool(node: Node, pool: str | None, pools: Collection[str]) -> list[str]:
    if pool is None or pool in pools:
        return []
    near = get_close_matches(pool, sorted(pools), n=1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "define it under pools: in sqlorch.yml, as in {warehouse: 4}"
    )
    return [f"{_place(node)}: pool: there is no pool {pool!r}; {hint}"]


def _place(node: Node) -> Place:
    return Place(f"{node.path or node.package}: meta.{KEY} of {node.unique_id}")


def _read(node: Node, said: object, default_zone: str) -> NodeOptions:
    place = _place(node)
    if not isinstance(said, Mapping):
        raise ConfigError(f"{place}: must be a mapping of keys to values, not {shown(said)}")
    document = Document(data=dict(said), values={(): place})
    if node.kind in TEST_KINDS:
        return _test_options(node, document)
    if node.kind in ASSIGNED_KINDS:
        return _node_options(node, document, default_zone)
    read_on = "models, seeds, snapshots, functions and tests"
    raise ConfigError(f"{place}: it is read on {read_on}, not on this {node.kind}; remove it")


def _test_options(node: Node, document: Document) -> NodeOptions:
    keys = _validated(TestKeys, document, {})
    return NodeOptions(
        origin=node.path,
        retries=keys.retries,
        retry_delay=keys.retry_delay,
        timeout=keys.timeout,
        **_execution(keys),
    )


def _node_options(node: Node, document: Document, default_zone: str) -> NodeOptions:
    keys = _validated(NodeKeys, document, {"zone": default_zone})
    return NodeOptions(
        origin=node.path,
        group=keys.group,
        keys=keys.keys(),
        rules=keys.rule_keys(),
        retries=keys.retries,
        retry_delay=keys.retry_delay,
        timeout=keys.timeout,
        export=bool(keys.export),
        on_lost=keys.on_lost,
        wait_for=sensor_specs(keys.wait_for, lambda _: node.path),
        **_execution(keys),
    )


def _execution(keys: ExecutionKeys) -> dict[str, Any]:
    return {name: getattr(keys, name) for name in ExecutionKeys.model_fields}


def _validated(model: type[_Keys], document: Document, context: Mapping[str, Any]) -> _Keys:
    try:
        return model.model_validate(document.data, context=dict(context) or None)
    except ValidationError as error:
        raise ConfigError(explain(error, document, model)) from error
