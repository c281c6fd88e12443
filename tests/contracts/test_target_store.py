"""Whose intervals a state counts."""

from __future__ import annotations

from support.stores import NOW

from sqlorch.state.store import SqlStore


def test_the_first_target_keeps_the_state(store: SqlStore) -> None:
    assert store.target.name() is None
    assert store.target.claim("dev") == "dev"
    assert store.target.claim("prod") == "dev"
    assert store.target.claim("dev") == "dev"
    assert store.target.name() == "dev"


def test_it_is_renamed_by_a_person_and_that_is_written_down(store: SqlStore) -> None:
    assert store.target.rename("prod", who="ann@host", now=NOW) is None
    assert store.target.rename("production", who="ann@host", now=NOW) == "prod"
    assert store.target.claim("prod") == "production"
    newest, first = store.daemons.audit()
    assert (newest["who"], newest["action"], newest["subject"]) == ("ann@host", "target", "production")
    assert (newest["detail"], first["detail"]) == ("was prod", "was none")


def test_it_says_where_it_is_kept_without_a_password(store: SqlStore) -> None:
    assert store.target.where
    assert "secret" not in store.target.where
