"""A day of the demo whose data is wrong in three ways: caught, blocked, told, repaired, published.

docs/how-to/a-bad-day.md tells the same story.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
from support.daemons import running, until
from support.projects import REPOSITORY, Project, Said, rows_of
from support.receivers import Mailbox, Webhook, mailbox, webhook

GOOD, BAD = "2013-01-04", "2013-01-05"
HOUR_CHECK, SUITE = "assert_every_hour_has_weather", "stg_flights expectations"
FLIGHTS = 720  # on 5 January, in the published data


@dataclass(frozen=True, kw_only=True)
class Desks:
    """Who is alerted: a hook that hears of everything, and a mailbox a desk."""

    hook: Webhook
    weather: Mailbox
    flights: Mailbox

    def counts(self) -> tuple[int, int, int]:
        return len(self.hook.posts), len(self.weather.mails), len(self.flights.mails)

    def expect(self, hook: int, weather: int, flights: int) -> None:
        """Wait for so many messages; the command does not wait long for receivers."""
        wanted = (hook, weather, flights)
        until(lambda: all(map(int.__ge__, self.counts(), wanted)), f"{wanted} alerts")
        assert self.counts() == wanted

    @property
    def kinds(self) -> list[str]:
        return [title.rpartition(": ")[2] for title in self.hook.titles]


@pytest.fixture
def desks(monkeypatch: pytest.MonkeyPatch) -> Iterator[Desks]:
    with ExitStack() as stack:
        made = Desks(
            hook=stack.enter_context(webhook()),
            weather=stack.enter_context(mailbox()),
            flights=stack.enter_context(mailbox()),
        )
        monkeypatch.setenv("FLIGHTS_ALERTS_URL", made.hook.url)
        monkeypatch.setenv("FLIGHTS_WEATHER_URL", made.weather.url)
        monkeypatch.setenv("FLIGHTS_DESK_URL", made.flights.url)
        yield made


@pytest.fixture
def demo(tmp_path: Path) -> Project:
    """A copy of the demo."""
    left_behind = ("target", "logs", "*.duckdb", "*.sqlite", ".sqlorch")
    shutil.copytree(REPOSITORY / "project", tmp_path / "demo", ignore=shutil.ignore_patterns(*left_behind))
    shutil.copy(REPOSITORY / "profiles" / "profiles.yml", tmp_path / "demo")
    return Project(tmp_path / "demo")


def supplied(demo: Project, what: str) -> None:
    """Spoil a day, or have a file sent once more."""
    command = [sys.executable, "spoil_a_day.py", "data", what]
    subprocess.run(command, cwd=demo.root, check=True, capture_output=True)


def body(mail: Any) -> str:
    return Mailbox.body(mail, "plain")


def retry_in(message: str) -> str:
    (run_id,) = re.findall(r"sqlorch retry (\S+)", message)
    return str(run_id)


def page_in(message: str) -> str:
    (file,) = re.findall(r"As a page:\s+(\S+)", message)
    return Path(file).read_text(encoding="utf-8")


def days(demo: Project) -> list[tuple[date, int]]:
    """Flights by day, as a dashboard sees them in both published files."""
    sql = "select flight_date, sum(scheduled_flights) from carrier_delays group by 1 order by 1"
    found = [(day, int(flights)) for day, flights in rows_of(demo.root / "metrics.duckdb", sql)]
    with closing(sqlite3.connect(f"file:{demo.root}/metrics.sqlite?mode=ro", uri=True)) as reader:
        assert [(date.fromisoformat(day), n) for day, n in reader.execute(sql)] == found
    return found


def published(demo: Project) -> bool:
    """Whether the exports have the day; those that were made before it lack the table."""
    with suppress(sqlite3.Error, duckdb.Error):
        return bool(days(demo))
    return False


def states(said: Said) -> dict[str, str]:
    return {
        node["unique_id"].split(".")[2]: node["state"]
        for run in said.document["runs"]
        for node in run["nodes"]
    }


def weather_is_told(message: str) -> None:
    assert "Owner: weather-desk" in message
    assert f"test {HOUR_CHECK}: Got 1 result" in message
    assert "tests/assert_every_hour_has_weather.sql" in message


def flights_are_told(message: str) -> None:
    assert "Owner: flights-desk" in message
    assert f"expectations {SUITE}: 2 of 3 expectations failed" in message
    assert "expect_column_values_to_be_unique(flight_key): 36 of 738 rows, such as '" in message
    assert "(expectations/stg_flights.yml:" in message


def test_by_hand(demo: Project, desks: Desks) -> None:
    assert demo.sqlorch("run", "--quiet", "--interval", GOOD).code == 0
    desks.expect(0, 0, 0)
    ((_, flights),) = days(demo)
    assert flights == 915

    supplied(demo, BAD)
    said = demo.sqlorch("run", "--json", "--interval", BAD)
    assert said.code == 1
    found = states(said)
    assert [name for name, state in found.items() if state == "failed"] == [HOUR_CHECK, "stg_flights"]
    blocked = {"fct_weather_daily", "fct_flights", "carrier_delays", "daily_flight_metrics", "weather_impact"}
    assert {found[name] for name in blocked} == {"upstream_failed"}
    assert demo.query("select max(flight_date)::text from fct_flights") == [(GOOD,)]
    assert days(demo) == [(date.fromisoformat(GOOD), 915)], "yesterday's numbers stay"

    desks.expect(2, 1, 1)
    assert desks.kinds == ["run failed", "run failed"]
    about_weather, about_flights = body(desks.weather.mails[0]), body(desks.flights.mails[0])
    weather_is_told(about_weather)
    flights_are_told(about_flights)
    assert "Could not convert string 'n/a'" in " ".join(
        n["message"] for r in said.document["runs"] for n in r["nodes"]
    )
    assert "<html" in page_in(about_weather)
    assert "<html" in page_in(about_flights)

    supplied(demo, "weather")
    supplied(demo, "flights")
    assert demo.sqlorch("retry", "--quiet", retry_in(about_weather)).code == 0
    assert demo.sqlorch("retry", "--quiet", retry_in(about_flights)).code == 0
    desks.expect(4, 2, 2)
    assert desks.kinds[2:] == ["recovered", "recovered"]
    assert days(demo) == [(date.fromisoformat(GOOD), 915), (date.fromisoformat(BAD), FLIGHTS)]
    assert demo.query(f"select count(*) from fct_weather_hourly where observation_date = '{BAD}'") == [(72,)]


def test_by_the_daemon(demo: Project, desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    assert demo.sqlorch("run", "--quiet", "--interval", GOOD, "--group", "reference").code == 0
    for group in ("WEATHER_HOURLY", "FLIGHTS_DAILY", "SCORECARD_MONTHLY"):
        monkeypatch.setenv(f"SQLORCH__GROUPS__{group}__START", BAD)
        monkeypatch.setenv(f"SQLORCH__GROUPS__{group}__END", "2013-01-06")
    supplied(demo, BAD)
    with running(demo) as daemon:
        until(lambda: desks.weather.mails, "the alert about the weather")
        weather_is_told(told := body(desks.weather.mails[0]))
        assert desks.flights.mails == [], "flights wait for the weather"
        supplied(demo, "weather")
        assert demo.spawn("retry", retry_in(told)).code == 0
        until(lambda: desks.flights.mails, "the alert about the flights")
        flights_are_told(told := body(desks.flights.mails[0]))
        supplied(demo, "flights")
        assert demo.spawn("retry", retry_in(told)).code == 0
        until(lambda: len(desks.flights.mails) == 2, "the recovery of the flights")
        until(lambda: published(demo), "the day in the exports")
        assert daemon.stop() == 0
    desks.expect(4, 2, 2)
    assert sorted(desks.kinds) == ["recovered", "recovered", "run failed", "run failed"]
    assert days(demo) == [(date.fromisoformat(BAD), FLIGHTS)]
