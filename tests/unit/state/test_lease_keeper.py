"""A lease that is renewed, one that cannot be, and what is told of it: on clocks moved by hand."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.errors import StateError
from sqlorch.domain.history import Owner
from sqlorch.domain.lease import LEASE, LEAVING, Holder, Role, Standing, clock_skew, trusted_until
from sqlorch.state.lease_keeper import LeaseKeeper

T0 = datetime(2026, 6, 1, tzinfo=UTC)
ME = Owner(host="a", boot_id="1", pid=1, started=1)
OTHER = replace(ME, host="b")
TRUST = LEASE - LEAVING


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


@dataclass
class Scene:
    """The store, this machine's clocks and what the keeper told."""

    here: datetime = T0
    there: datetime = T0
    ticked: float = 100.0
    takes_longer: float = 0.0
    broken: str = ""
    patience: float = 0.0
    over: bool = False
    taken: int = 0
    may_lead: list[bool] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    changed: int = 0
    leader: Owner | None = ME

    def standing(self) -> Standing:
        whom = (self.leader or ME, self.leader and T0)
        holder = Holder(owner=whom[0], role=Role.DAEMON, since=T0, until=T0, lead_since=whom[1])
        return Standing(now=self.there, holders=(holder,))

    def _answer(self) -> Standing:
        self.ticked += self.takes_longer
        self.here += seconds(self.takes_longer)
        if self.broken:
            raise StateError(self.broken)
        return self.standing()

    def take(self, owner: Owner, role: Role) -> Standing:
        answer = self._answer()
        self.taken, self.over = self.taken + 1, False
        return answer

    def renew(self, owner: Owner, *, may_lead: bool) -> Standing | None:
        self.may_lead.append(may_lead)
        answer = self._answer()
        return None if self.over else answer

    def release(self, owner: Owner) -> None:
        self.over = True

    def holds(self, owner: Owner) -> bool:
        return not self.over

    def keeper(self, role: Role = Role.DAEMON, *, comes_back: bool = True) -> LeaseKeeper:
        def changed() -> None:
            self.changed += 1

        return LeaseKeeper(
            self,
            ME,
            role,
            lost=self.lost.append,
            comes_back=comes_back,
            changed=changed,
            now=lambda: self.here,
            monotonic=lambda: self.ticked,
            patience=self.patience,
        )


def test_trust_is_counted_from_before_the_question_and_ends_before_the_lease():
    scene = Scene(takes_longer=3.0)
    keeper = scene.keeper()
    assert not keeper.trusted
    keeper.turn()
    assert keeper.trusted
    assert trusted_until(100.0) == 100.0 + TRUST < 100.0 + LEASE
    scene.ticked = 100.0 + TRUST - 0.01
    assert keeper.trusted
    scene.ticked = 100.0 + TRUST
    assert not keeper.trusted


def test_a_lease_that_cannot_be_renewed_is_told_of_once_and_before_its_end():
    scene = Scene()
    keeper = scene.keeper()
    keeper.turn()
    scene.broken = "no route to host"
    for _ in range(3):
        scene.ticked += TRUST / 2
        keeper.turn()
        keeper.look()
    assert scene.lost == ["its lease could not be renewed in time: no route to host"]
    assert not keeper.leads


def test_a_daemon_takes_another_and_leads_again_only_when_the_store_says_so():
    scene = Scene()
    keeper = scene.keeper()
    keeper.turn()
    assert keeper.leads
    scene.over = True
    keeper.turn()
    assert scene.lost == ["its lease was over before it was renewed"]
    assert not keeper.trusted
    scene.leader = OTHER
    keeper.turn()
    assert keeper.trusted
    assert not keeper.leads
    assert scene.taken == 2


def test_a_worker_never_takes_another():
    scene = Scene()
    keeper = scene.keeper(Role.WORKER, comes_back=False)
    keeper.turn()
    scene.over = True
    for _ in range(3):
        keeper.turn()
    assert scene.lost == ["its lease was over before it was renewed"]
    assert not keeper.trusted
    assert scene.taken == 1
    assert not any(scene.may_lead)


@pytest.mark.parametrize(("ahead", "may_lead"), [(0, True), (-29, True), (31, False), (-31, False)])
def test_a_clock_that_is_far_off_is_no_reason_to_stop_but_not_fit_to_lead(ahead: float, may_lead: bool):
    scene = Scene(here=T0 + seconds(ahead))
    keeper = scene.keeper()
    keeper.turn()
    keeper.turn()
    assert keeper.skew == seconds(ahead)
    assert scene.may_lead == [may_lead]
    assert keeper.trusted


def test_a_slow_answer_says_nothing_about_clocks():
    scene = Scene(takes_longer=1.0)
    keeper = scene.keeper()
    keeper.turn()
    assert keeper.skew == seconds(0.5)
    scene.takes_longer, scene.there = 5.0, T0 + seconds(1000)
    keeper.turn()
    assert keeper.skew == seconds(0.5)
    assert clock_skew(T0, T0 - seconds(1), T0) is None, "a clock that went back meanwhile"


def test_news_are_told_and_nothing_else():
    scene = Scene()
    keeper = scene.keeper()
    keeper.turn()
    for _ in range(3):
        keeper.turn()
    assert scene.changed == 1
    scene.leader = OTHER
    keeper.turn()
    assert scene.changed == 2


def test_who_cannot_take_one_does_not_begin():
    scene = Scene(broken="the state database could not be reached")
    with pytest.raises(StateError, match="could not be reached"), scene.keeper():
        pass


def test_a_server_that_is_being_started_is_waited_for_on_entry():
    scene = Scene(broken="the database system is starting up", patience=30.0)
    threading.Timer(0.3, lambda: setattr(scene, "broken", "")).start()
    with scene.keeper() as keeper:
        assert keeper.trusted


def test_the_end_of_the_trust_is_told_while_the_question_hangs():
    scene, hangs, told = Scene(), threading.Event(), threading.Event()
    renew = scene.renew

    def hang(owner: Owner, *, may_lead: bool) -> Standing | None:
        hangs.wait(60)
        return renew(owner, may_lead=may_lead)

    scene.renew = hang  # type: ignore[method-assign]
    scene.lost = _Telling(told)  # type: ignore[assignment]
    with scene.keeper():
        scene.ticked += TRUST
        assert told.wait(30)
        hangs.set()


class _Telling:
    def __init__(self, told: threading.Event) -> None:
        self.append = lambda _: told.set()
