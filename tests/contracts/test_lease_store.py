"""Leases hold or are over, for everybody alike, whatever the store is."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from support.scheduling import Hand
from support.stores import ME, NOW, OTHER, manual, slot

from sqlorch.domain.lease import LEASE, Role
from sqlorch.state.aliveness import by_lease
from sqlorch.state.codec import to_micros
from sqlorch.state.engine import SqliteDatabase
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

THIRD = replace(OTHER, pid=4713)
LENGTH = timedelta(seconds=LEASE)


@pytest.fixture
def clock(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """The database's clock, moved by hand."""
    hand = Hand(wall=NOW)
    monkeypatch.setattr(store._database, "now", lambda connection: to_micros(hand.now()), raising=True)
    return hand


def test_the_database_s_own_clock_is_the_time(store: SqlStore):
    with store._database.read() as connection:
        micros = store._database.now(connection)
    assert abs(micros / 1e6 - time.time()) < 5


def test_a_lease_holds_until_its_end_and_is_over_for_good(store: SqlStore, clock: Hand):
    taken = store.leases.take(ME, Role.WORKER)
    assert [(one.owner, one.role, one.until) for one in taken.holders] == [(ME, Role.WORKER, NOW + LENGTH)]
    clock.to(NOW + LENGTH - timedelta(microseconds=1))
    assert store.leases.holds(ME)
    assert store.leases.renew(ME, may_lead=False) is not None
    clock.to(NOW + 2 * LENGTH - timedelta(microseconds=1))
    assert not store.leases.holds(ME)
    assert store.leases.renew(ME, may_lead=False) is None
    clock.to(NOW)  # whatever the clock does then
    assert store.leases.renew(ME, may_lead=False) is None
    assert not store.leases.holds(ME)


def test_renewing_too_late_is_refused_also_when_nobody_had_looked(store: SqlStore, clock: Hand):
    store.leases.take(ME, Role.WORKER)
    clock.to(NOW + LENGTH)
    assert store.leases.renew(ME, may_lead=False) is None
    assert store.leases.standing().holders == ()


def test_who_has_none_does_not_hold_and_releasing_twice_is_no_harm(store: SqlStore):
    assert not store.leases.holds(ME)
    store.leases.take(ME, Role.COMMAND)
    assert store.leases.holds(ME)
    assert not store.leases.holds(OTHER)
    for _ in range(2):
        store.leases.release(ME)
        assert not store.leases.holds(ME)


def test_the_one_ready_for_longest_leads_and_the_next_when_it_is_gone(store: SqlStore, clock: Hand):
    leases = store.leases
    assert leases.take(ME, Role.DAEMON).leader is None  # not ready yet
    leases.take(OTHER, Role.DAEMON)
    leases.take(THIRD, Role.WORKER)
    clock.to(NOW + timedelta(seconds=1))
    assert leases.renew(OTHER, may_lead=True).leader == OTHER
    clock.to(NOW + timedelta(seconds=2))
    standing = leases.renew(ME, may_lead=True)
    assert standing.leader == OTHER
    assert standing.daemons == {ME, OTHER}
    clock.to(NOW + timedelta(seconds=1) + LENGTH)
    assert leases.renew(ME, may_lead=True).leader == ME
    assert leases.renew(OTHER, may_lead=True) is None
    assert leases.take(OTHER, Role.DAEMON).leader == ME
    assert leases.renew(OTHER, may_lead=True).leader == ME  # it queues up behind


def test_who_is_not_ready_any_more_goes_to_the_end_of_the_line(store: SqlStore, clock: Hand):
    for moment, one in enumerate((ME, OTHER)):
        clock.to(NOW + timedelta(seconds=moment))
        store.leases.take(one, Role.DAEMON)
        store.leases.renew(one, may_lead=True)
    assert store.leases.standing().leader == ME
    assert store.leases.renew(ME, may_lead=False).leader == OTHER
    clock.to(NOW + timedelta(seconds=5))
    assert store.leases.renew(ME, may_lead=True).leader == OTHER


def test_a_newcomer_never_leads_before_its_turn_whatever_the_clock_does(store: SqlStore, clock: Hand):
    store.leases.take(OTHER, Role.DAEMON)  # has the smaller number, and is ready later
    store.leases.take(ME, Role.DAEMON)
    assert store.leases.renew(ME, may_lead=True).leader == ME
    assert store.leases.renew(OTHER, may_lead=True).leader == ME  # at the same instant
    clock.to(NOW - timedelta(seconds=10))
    store.leases.take(THIRD, Role.DAEMON)
    assert store.leases.renew(THIRD, may_lead=True).leader == ME


def test_a_renewal_is_no_change_where_it_waits_for_no_other_write(store: SqlStore):
    store.leases.take(ME, Role.DAEMON)
    if isinstance(store._database, SqliteDatabase):  # a file has one writer, and its leases are not used
        assert store.leases.renew(ME, may_lead=True) is not None
        return
    before = store.schedule.version()
    with store._database.write(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(store.leases.renew, ME, may_lead=True).result(4) is not None
    assert store.schedule.version() == before


def test_who_renews_and_who_looks_at_the_end_of_a_lease_come_to_one_answer(store: SqlStore, clock: Hand):
    with ThreadPoolExecutor(2) as pool:
        for _ in range(10):
            store.leases.take(ME, Role.WORKER)
            clock.to(clock.now() + LENGTH)
            renewed = pool.submit(store.leases.renew, ME, may_lead=False)
            held = pool.submit(store.leases.holds, ME)
            assert (renewed.result(10), held.result(10)) == (None, False)


class TestAliveness:
    def test_a_process_seen_to_be_gone_is_not_waited_for(self, store: SqlStore):
        gone = replace(current_owner(), started=1)
        store.leases.take(gone, Role.WORKER)
        assert not by_lease(store.leases)(gone)

    def test_one_that_is_seen_and_has_no_lease_is_given_up(self, store: SqlStore):
        alive = by_lease(store.leases)
        assert not alive(current_owner())
        store.leases.take(current_owner(), Role.COMMAND)
        assert alive(current_owner())

    def test_of_another_host_or_container_the_lease_alone_tells(self, store: SqlStore):
        alive, here = by_lease(store.leases), current_owner()
        boot, _, space = here.boot_id.partition("/")
        for other in (replace(here, host="elsewhere", pid=1), replace(here, boot_id=f"{boot}/1{space}")):
            assert not alive(other)
            store.leases.take(other, Role.WORKER)
            assert alive(other)

    def test_a_manual_run_ends_when_its_lease_is_over(self, store: SqlStore, clock: Hand):
        manual(store, "m", slot(1), "model.shop.a")  # ME's, which is of another host
        alive = by_lease(store.leases)
        store.leases.take(ME, Role.COMMAND)
        assert store.abandon_dead(NOW, alive) == []
        clock.to(NOW + LENGTH)
        assert store.abandon_dead(NOW, alive) == ["m"]
