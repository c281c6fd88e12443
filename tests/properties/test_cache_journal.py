"""Relation caches that are told each other's changes hold what one cache would hold that saw them all."""

from __future__ import annotations

import pickle
from typing import Any

from dbt.adapters.cache import RelationsCache
from dbt.adapters.postgres.relation import PostgresRelation
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.dbt.cache_journal import CacheJournal, Change, heed_changes, image_of

NAMES = [f"r{n}" for n in range(6)]
PAIRS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=6)


def relation(name: str) -> PostgresRelation:
    return PostgresRelation.create(database="db", schema="S", identifier=name, type="view")


def over_there(message: Any) -> Any:
    """As another process receives it."""
    return pickle.loads(pickle.dumps(message))  # noqa: S301 - our own


def filled(names: list[str], links: list[tuple[str, str]]) -> RelationsCache:
    cache = RelationsCache()
    cache.update_schemas([("db", "S"), (None, "empty")])
    for name in names:
        cache.add(relation(name))
    for below, above in links:
        if below < above and {below, above} <= set(names):  # no circles, as in a database
            cache.add_link(relation(below), relation(above))
    return cache


def seen(cache: RelationsCache) -> Any:
    graph = {key: sorted(str(by) for by in entry.referenced_by) for key, entry in cache.relations.items()}
    # dbt compares relations by lists made of sets, whose order a copy need not have
    inner = {key: (str(entry.inner), entry.inner.type) for key, entry in cache.relations.items()}
    return graph, inner, cache.schemas


def rebuild(cache: RelationsCache, name: str, *, again: bool) -> None:
    """What a table's materialisation tells the cache."""
    old, new, tmp = relation(name), relation(f"{name}__dbt_backup"), relation(f"{name}__dbt_tmp")
    if again:
        cache.rename(old, new)
    cache.rename(tmp, old)
    cache.drop(new)
    cache.add(old)


@settings(max_examples=60, deadline=None)
@given(
    there=st.lists(st.sampled_from(NAMES), unique=True),
    links=PAIRS,
    built=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 1)), max_size=8),
)
def test_caches_of_several_processes_stay_alike(
    there: list[str], links: list[tuple[str, str]], built: list[tuple[str, int]]
) -> None:
    alone, leader = filled(there, links), filled(there, links)
    caches = [RelationsCache(), RelationsCache()]
    journals = [CacheJournal(cache) for cache in caches]
    for journal in journals:
        journal.restore(over_there(image_of(leader)))
    for cache in caches:
        assert seen(cache) == seen(alone)
    for name, where in built:
        again = any(entry.identifier == name for entry in alone.relations.values())
        rebuild(alone, name, again=again)
        rebuild(caches[where], name, again=again)
        changes: tuple[Change, ...] = over_there(journals[where].take())
        journals[1 - where].heed(changes)
        heed_changes(leader, changes)
        assert seen(caches[0]) == seen(caches[1]) == seen(leader) == seen(alone)
    assert journals[0].take() == journals[1].take() == ()


def test_a_rename_that_was_accepted_wins_over_what_a_cache_believes() -> None:
    cache, other = filled(["r1", "r1__dbt_tmp"], []), filled(["r1", "r1__dbt_tmp"], [("r1", "r2")])
    change = Change(method="rename", arguments=(relation("r1__dbt_tmp"), relation("r1")))
    heed_changes(cache, [change])
    CacheJournal(other).heed([change])
    assert [entry.identifier for entry in cache.relations.values()] == ["r1"]
    assert [entry.identifier for entry in other.relations.values()] == ["r1"]


def test_what_a_schema_holds_is_noted_when_it_is_read_or_dropped() -> None:
    cache = RelationsCache()
    journal = CacheJournal(cache)
    cache.add(relation("r1"))
    cache.update_schemas(iter([("db", "S")]))
    cache.drop_schema("db", "S")
    other = RelationsCache()
    heed_changes(other, journal.take()[:2])
    assert ("db", "S") in other
    assert [entry.identifier for entry in other.relations.values()] == ["r1"]
    assert ("db", "S") not in cache
