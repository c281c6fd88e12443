"""Whose queries may be left in the warehouse: known from the moment their runs are ended or taken over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.stores import ME, NOW, OTHER, A, begin, day, new_run, spec_of

from sqlorch.domain.backends import backend_tag
from sqlorch.domain.history import Owner
from sqlorch.domain.run import RunState
from sqlorch.state.store import SqlStore

DEAD = Owner(host="here", boot_id="boot-0", pid=12, started=3)


def running(store: SqlStore, n: int, owner: Owner, **more: object) -> str:
    made = new_run(n, slots=())
    store.queue.enqueue(made, now=NOW)
    spec = spec_of(made, A, invocation=more)
    assert store.queue.claim(spec, owner=owner, now=NOW)
    begin(store, made.run_id, A)
    return made.run_id


def tags(store: SqlStore) -> list[str]:
    return [one.tag for one in store.lost.processes()]


def test_a_run_that_is_taken_over_leaves_its_process_to_be_looked_for(store: SqlStore) -> None:
    run_id = running(store, 0, DEAD, target="prod")
    assert store.lost.processes() == []
    refused = store.queue.rescue(run_id, gen=1, was=OTHER, owner=ME, now=NOW, budget=3)
    assert (refused, tags(store)) == (None, [])
    assert store.queue.rescue(run_id, gen=1, was=DEAD, owner=ME, now=NOW, budget=3)
    (lost,) = store.lost.processes()
    assert (lost.tag, lost.target, lost.noted_at) == (backend_tag(DEAD), "prod", NOW)


def test_so_does_one_that_is_ended(store: SqlStore) -> None:
    spec = replace(spec_of(new_run(0), A), kind="manual")
    store.create_run(spec, now=NOW)
    store.move_run(spec.run_id, RunState.QUEUED, RunState.RUNNING, now=NOW, owner=DEAD)
    assert store.abandon_dead(NOW, lambda owner: owner != DEAD) == [spec.run_id]
    (lost,) = store.lost.processes()
    assert (lost.tag, lost.target) == (backend_tag(DEAD), None)


def test_one_that_had_not_begun_has_sent_nothing(store: SqlStore) -> None:
    spec = replace(spec_of(new_run(0), A), kind="manual")
    store.create_run(spec, now=NOW)
    assert store.abandon_dead(NOW, lambda _: False) == [spec.run_id]
    assert store.lost.processes() == []


def test_a_process_is_known_once_and_forgotten_alone(store: SqlStore) -> None:
    for n, owner in enumerate((DEAD, DEAD, OTHER)):
        run_id = running(store, n, owner)
        later = day(100) + timedelta(hours=n)
        assert store.queue.rescue(run_id, gen=1, was=owner, owner=ME, now=later, budget=3)
    assert set(tags(store)) == {backend_tag(DEAD), backend_tag(OTHER)}
    store.lost.forget([])
    store.lost.forget([backend_tag(DEAD), "sqlorch-never"])
    assert tags(store) == [backend_tag(OTHER)]
