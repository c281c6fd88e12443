"""The daemon and its looking children, as processes: nothing is waited for, nothing heavy is imported."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.daemons import running, until
from support.projects import Project, make_project
from support.promises import within
from support.web import Web, serving

from sqlorch.app.poker import ChildPoker
from sqlorch.domain.interval import Interval
from sqlorch.domain.sensor import Look, SensorSpec
from sqlorch.engine.sensor_ports import Poke

NOW = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = Interval(NOW - timedelta(days=1), NOW)


def poke(key: str, kind: str, target: str) -> Poke:
    return Poke(
        key=key,
        spec=SensorSpec(kind=kind, target=target),
        interval=DAY,
        timezone="UTC",
        variables={"ds": "2013-01-03"},
    )


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(
        tmp_path,
        {"models/orders.sql": "select 1 as a", "sqlorch.yml": "sensors: {allow_hosts: [127.0.0.1]}"},
    )


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as made:
        yield made


def options(shop: Project) -> list[str]:
    return shop.arguments("daemon")[1:]


def collected(poker: ChildPoker, count: int) -> dict[str, Look]:
    found: dict[str, Look] = {}

    def take() -> bool:
        found.update(poker.take())
        return len(found) >= count

    until(take, f"{count} answers, so far {found}")
    return found


def test_children_look_and_slow_ones_hold_up_nobody(shop: Project, web: Web) -> None:
    (shop.root / "2013-01-03.csv").touch()
    web.hold.clear()
    poker = ChildPoker(options(shop), quick=60)
    try:
        before = time.monotonic()
        poker.start(
            [
                poke("slow", "http", f"{web.url}/"),
                poke("file", "file", "{{ ds }}.csv"),
                poke("none", "file", "{{ ds }}.txt"),
                poke("odd", "nobody_has_this", "x"),
            ]
        )
        assert time.monotonic() - before < within(2)
        found = collected(poker, 3)
        assert found["file"] == Look(met=True, said="1 file")
        assert found["none"] == Look(met=False, said="not there")
        assert found["odd"].failed
        assert poker.busy
        web.hold.set()
        assert collected(poker, 1)["slow"].met
        until(lambda: not poker.take() and not poker.busy, "the child to end")
    finally:
        poker.close()


def test_what_hangs_is_killed_and_told(shop: Project, web: Web) -> None:
    web.hold.clear()
    poker = ChildPoker(options(shop), quick=3)
    try:
        poker.start([poke("slow", "http", f"{web.url}/")])
        assert collected(poker, 1)["slow"] == Look(met=False, said="no answer within 3 s", failed=True)
    finally:
        poker.close()


def test_a_project_that_cannot_be_read_is_an_answer_too(shop: Project) -> None:
    shop.write({"sqlorch.yml": "grups: {}"})
    poker = ChildPoker(options(shop))
    try:
        poker.start([poke("a", "file", "x"), poke("b", "file", "x")])
        found = collected(poker, 2)
        assert all(look.failed and "unknown key 'grups'" in look.said for look in found.values())
    finally:
        poker.close()


def test_the_daemon_waits_for_a_file_and_a_query_then_runs(shop: Project) -> None:
    start = (NOW - timedelta(days=1)).date().isoformat()
    shop.write(
        {
            "models/ups.sql": "select 1 as a",
            "sqlorch.yml": f"""\
                groups:
                  ups: {{select: ups, schedule: "@daily", start: {start}}}
                  daily:
                    select: orders
                    schedule: "@daily"
                    start: {start}
                    wait_for:
                      - {{file: "in/{{{{ ds }}}}.csv", every: 1s}}
                      - {{sql: "select count(*) from ups", every: 2s}}
                      - {{group: ups}}
                """,
        }
    )

    def why() -> str:
        return shop.sqlorch("why", "daily").out

    def told() -> bool:
        said = why()
        return all(part in said for part in ("in/", "not there", "next look"))

    with running(shop) as daemon:
        until(told, "the reason")
        waiting = next(line for line in why().splitlines() if "is queued" in line)
        assert f"waiting for file in/{start}.csv (not there)" in waiting
        assert len(daemon.events("run_ended")) <= 1
        (shop.root / "in").mkdir()
        (shop.root / "in" / f"{start}.csv").touch()
        until(lambda: f"{start} (" in (said := why()) and ": success at" in said, "the run")
        assert daemon.stop() == 0
