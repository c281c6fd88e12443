"""dbt's cache of the relations in the warehouse, put right where an attempt left it wrong."""

from __future__ import annotations

from typing import Any

_SUFFIXES = ("", "__dbt_tmp", "__dbt_backup", "__dbt_new")


def refresh_cache(adapter: Any, node: Any) -> None:
    """Let the cache say of one node's relation, and its temporary kin, what the warehouse says.

    A materialisation tells the cache of renames and drops as it goes; when its transaction is rolled back,
    the cache keeps them. Only entries of this node are touched: others may be building at the same time.

    Args:
        adapter: the session's adapter.
        node: the node that is about to be tried again.
    """
    if not getattr(node, "is_relational", False):
        return
    schema = adapter.Relation.create(database=node.database, schema=node.schema).without_identifier()
    names = {f"{node.alias}{suffix}".lower() for suffix in _SUFFIXES}
    with adapter.connection_named("sqlorch"):
        found = {
            relation.identifier.lower(): relation
            for relation in adapter.list_relations_without_caching(schema)
            if relation.identifier.lower() in names
        }
    for name in names:
        cached = next(
            (
                r
                for r in adapter.cache.get_relations(node.database, node.schema)
                if r.identifier.lower() == name
            ),
            None,
        )
        if cached is not None and name not in found:
            adapter.cache.drop(cached)
        elif cached is None and name in found:
            adapter.cache.add(found[name])


def drop_vanished(adapter: Any) -> None:
    """Take out of the cache what the warehouse has no longer.

    A process that died may have replaced a relation and told nobody; what depended on it went along.

    Args:
        adapter: the session's adapter.
    """
    for database, schema in list(adapter.cache.schemas):
        cached = adapter.cache.get_relations(database, schema)
        if not cached:
            continue
        with adapter.connection_named("sqlorch"):
            found = adapter.list_relations_without_caching(cached[0].without_identifier())
        there = {relation.identifier.lower() for relation in found}
        for relation in cached:
            if relation.identifier.lower() not in there:
                adapter.cache.drop(relation)
