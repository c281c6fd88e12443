"""What a daemon tells of besides failures, each on its way to a real mailbox and a real hook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from support.daemons import running, until
from support.projects import Project, make_project
from support.receivers import Mailbox, mailbox, webhook

START = datetime.now(UTC).date() - timedelta(days=3)
SETTINGS = f"""\
groups:
  kept: {{select: kept, schedule: "@daily", start: {START}, catchup: latest, owner: ann}}
  held: {{select: held, schedule: "@hourly", start: {START}, owner: ann}}
  stale:
    select: stale
    schedule: "@daily"
    start: {START}
    catchup: latest
    owner: ann
    wait_for: {{freshness: raw.orders}}
  late:
    select: late
    every: 1m
    start: SOON
    catchup: none
    catchup_max: none
    owner: ann
    start_within: 1s
    wait_for: {{file: nowhere.csv}}
alerts:
  link: https://sqlorch.example/{{run_id}}
  to: [{{url: env:HOOK}}, {{url: env:MAIL, owners: [ann]}}]
"""
SOURCES = """\
sources:
  - name: raw
    schema: main
    tables:
      - name: orders
        config:
          loaded_at_field: loaded_at
          freshness: {error_after: {count: 1, period: day}}
"""
TESTS = """\
models:
  - name: kept
    columns:
      - {name: n, data_tests: [{accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}]}
"""
TOLD = {
    "kept": {"intervals skipped", "checks warn"},
    "held": {"held until somebody decides"},
    "stale": {"source is stale", "intervals skipped"},
    "late": {"deadline missed", "intervals skipped"},
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    # the next minute counted from there is over soon after the daemon has started: nobody waits a whole one
    soon = datetime.now(UTC) + timedelta(seconds=15) - timedelta(minutes=3)
    made = make_project(
        tmp_path,
        {
            "sqlorch.yml": SETTINGS.replace("SOON", f"{soon:%Y-%m-%dT%H:%M:%S}"),
            "models/sources.yml": SOURCES,
            "models/tests.yml": TESTS,
            "models/kept.sql": "select 1 as n",
            "models/held.sql": "select 1 as n",
            "models/late.sql": "select 1 as n",
            "models/stale.sql": "select * from {{ source('raw', 'orders') }}",
        },
    )
    with duckdb.connect(str(made.warehouse)) as connection:
        connection.execute("create table orders as select 1 as id, timestamp '2013-01-01' as loaded_at")
    return made


def by_group(titles: list[str]) -> dict[str, set[str]]:
    """``[shop] late 2026-01-05: deadline missed, again`` by group."""
    found: dict[str, set[str]] = {}
    for title in titles:
        about, _, what = title.removeprefix("[shop] ").rpartition(": ")
        found.setdefault(about.split()[0], set()).add(what.removesuffix(", again"))
    return found


def test_what_people_are_told_of_besides_failures(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook, mailbox() as box:
        monkeypatch.setenv("HOOK", hook.url)
        monkeypatch.setenv("MAIL", box.url)

        def all_told() -> bool:
            found = by_group(hook.titles)
            return all(kinds <= found.get(group, set()) for group, kinds in TOLD.items())

        with running(project) as daemon:
            until(all_told, f"every kind of alert: {TOLD}")
            until(lambda: len(box.mails) >= len(hook.posts), "the mails")
            assert daemon.stop() == 0
    assert by_group([str(mail["subject"]) for mail in box.mails]) == by_group(hook.titles)
    (stale,) = [post["message"] for post in hook.posts if "source is stale" in post["title"]]
    assert "depends on a source that is older than it may be: raw.orders (orders: error)" in stale
    assert "https://sqlorch.example/sched-" in stale
    (held,) = [post["message"] for post in hook.posts if "held until" in post["title"]]
    assert "sqlorch catchup held" in held
    (warned,) = [Mailbox.body(mail, "html") for mail in box.mails if "checks warn" in mail["subject"]]
    assert "accepted_values_kept_n__2" in warned
    assert all("Owner: ann" in post["message"] for post in hook.posts)


def test_a_stale_source_is_told_of_a_run_by_hand_as_well(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLORCH__ALERTS__MANUAL", "true")
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        monkeypatch.setenv("MAIL", hook.url)
        for _ in range(2):
            said = project.sqlorch("run", "--group", "stale", "--interval", str(START))
            assert "orders: error" in said.told(1)
    assert hook.titles == [f"[shop] stale {START}: source is stale"] * 2, "two receivers, each told once"
