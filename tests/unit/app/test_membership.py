"""What a daemon says of its place among others."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlorch.app.journal import Journal
from sqlorch.app.membership import Member, Sole
from sqlorch.domain.history import Owner
from sqlorch.domain.lease import Holder, Role, Standing

T0 = datetime(2026, 6, 1, tzinfo=UTC)
ME = Owner(host="a", boot_id="1", pid=1, started=1)
OTHER = replace(ME, host="b", pid=2)


@dataclass
class FakeKeeper:
    standing: Standing | None = None
    trusted: bool = True
    leads: bool = False
    skew: timedelta | None = None
    trouble: str = ""

    def see(self, *daemons: Owner, leads: bool = False) -> None:
        self.leads = leads
        self.standing = Standing(
            now=T0,
            holders=[
                Holder(owner=one, role=Role.DAEMON, since=T0, until=T0, lead_since=T0 if not place else None)
                for place, one in enumerate(daemons)
            ],
        )


class Scene:
    def __init__(self) -> None:
        self.keeper, self._stream = FakeKeeper(), io.StringIO()
        journal = Journal(as_json=True, stream=self._stream)
        self.member = Member(self.keeper, ME, journal)  # type: ignore[arg-type]

    def said(self) -> list[tuple[str, str]]:
        """Events since the last time."""
        lines = [json.loads(line) for line in self._stream.getvalue().splitlines()]
        self._stream.seek(0)
        self._stream.truncate()
        return [(line["event"], line["message"]) for line in lines]


def test_who_comes_leads_and_leaves_is_said_once():
    scene = Scene()
    scene.keeper.see(ME, leads=True)
    assert scene.member.follow()
    assert [event for event, _ in scene.said()] == ["leads"]
    assert not scene.member.follow()
    scene.keeper.see(OTHER, ME)
    assert scene.member.follow()
    assert [event for event, _ in scene.said()] == ["leads_no_more", "daemon_joined"]
    scene.keeper.see(ME, leads=True)
    scene.member.follow()
    assert scene.said()[1] == ("daemon_left", "daemon b:2 left")
    assert scene.member.is_daemon(ME)
    assert not scene.member.is_daemon(OTHER)


def test_without_a_lease_nothing_is_given_away_and_why_is_said():
    scene = Scene()
    scene.keeper.see(ME)
    scene.member.follow()
    scene.said()
    assert scene.member.trouble == ""
    scene.keeper.trusted, scene.keeper.trouble = False, "the server is gone"
    assert "(the server is gone)" in scene.member.trouble
    scene.member.follow()
    [(event, text)] = scene.said()
    assert (event, text.endswith("its workers stop what they are doing")) == ("lease_lost", True)
    scene.keeper.trusted = True
    scene.member.follow()
    assert scene.said() == [("lease", "it has a lease again, and goes on")]


def test_a_clock_is_told_of_beyond_five_seconds_and_not_relied_on_beyond_thirty():
    scene = Scene()
    scene.keeper.see(ME)
    scene.member.follow()
    for seconds, told, distrusted in [
        (None, [], ""),
        (4.0, [], ""),
        (-6.0, ["the clock of this machine is 6 s behind the state database's; correct it, with NTP"], ""),
        (-7.0, [], ""),
        (31.0, ["31 s ahead of the state database's; nothing is decided here"], "31 s ahead of"),
        (0.0, ["the clock is right again"], ""),
    ]:
        scene.keeper.skew = None if seconds is None else timedelta(seconds=seconds)
        scene.member.follow()
        said = [text for event, text in scene.said() if event == "clock"]
        assert len(said) == len(told)
        assert all(part in text for part, text in zip(told, said, strict=True))
        assert distrusted in scene.member.distrusted
        assert bool(distrusted) == bool(scene.member.distrusted)


def test_health_checks_are_told_how_it_stands():
    scene = Scene()
    scene.keeper.see(OTHER, ME)
    scene.keeper.skew = timedelta(seconds=-1.23456)
    assert scene.member.status() == {
        "leads": False,
        "leader": "b:2",
        "lease": "ok",
        "daemons": ["a:1", "b:2"],
        "clock_ahead_seconds": -1.235,
    }


def test_the_only_daemon_there_can_be_leads_and_has_no_lease_to_lose():
    sole = Sole()
    assert (sole.leads, sole.trusted, sole.trouble, sole.distrusted) == (True, True, "", "")
    assert not sole.follow()
    assert sole.status() == {}
    assert not sole.is_daemon(ME)
