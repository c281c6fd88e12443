"""``sqlorch doctor`` on small projects: one that is well, and one for each thing that can be wrong."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.postgres import running_postgres
from support.projects import Project, make_project

from sqlorch import __version__
from sqlorch.state.owner import current_owner
from sqlorch.state.store import SqlStore

FILES = {
    "sqlorch.yml": """\
        groups:
          daily: {select: orders, schedule: "@daily", start: 2013-01-01, timezone: America/New_York}
          hourly: {select: clicks, schedule: "@hourly", start: 2013-01-01}
        """,
    "models/orders.sql": "select 1 as x",
    "models/clicks.sql": "select 1 as x",
    "models/shop.yml": """\
        models:
          - {name: orders, columns: [{name: x, data_tests: [unique]}]}
          - {name: clicks, columns: [{name: x, data_tests: [unique]}]}
        """,
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    return make_project(tmp_path / "shop", FILES)


def examined(project: Project, code: int, *options: str) -> list[dict[str, Any]]:
    said = project.sqlorch("doctor", "--json", *options)
    assert said.code == code, (said.out, said.err)
    found: list[dict[str, Any]] = said.document["remarks"]
    return found


def told(remarks: list[dict[str, Any]], grade: str) -> list[tuple[str, str | None, str]]:
    return [(one["part"], one["subject"], one["message"]) for one in remarks if one["grade"] == grade]


def settings(text: str) -> dict[str, str]:
    return {**FILES, "sqlorch.yml": text}


def rewrite_state(project: Project, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(project.root / ".sqlorch" / "state.db")) as connection:
        connection.execute(sql, values)
        connection.commit()


def test_a_healthy_project_has_nothing_wrong_before_and_after_a_run(shop: Project) -> None:
    remarks = examined(shop, 0)
    assert told(remarks, "error") == told(remarks, "warning") == []
    assert not (shop.root / ".sqlorch" / "state.db").exists()
    fine = told(remarks, "ok")
    assert ("schedules", "daily", "365 intervals in the year ahead, 23 h to 1 d 1 h") in fine
    assert ("schedules", "hourly", "8,760 intervals in the year ahead, each 1 h") in fine
    assert ("clock", None, "time zone data: America/New_York, UTC") in fine
    assert {"dbt-core", "dbt-duckdb", "sqlglot", "duckdb"} <= {subject for _, subject, _ in fine}
    assert shop.run().code == 0
    remarks = examined(shop, 0)
    assert told(remarks, "error") == told(remarks, "warning") == []
    assert ("clock", None, "not behind the newest record of the state") in told(remarks, "ok")


def test_people_read_one_line_a_remark_grouped(shop: Project) -> None:
    said = shop.sqlorch("doctor")
    assert said.code == 0
    lines = said.out.splitlines()
    heads = [line for line in lines if line and not line.startswith(" ")]
    assert heads[:7] == ["project", "schedules", "runs", "disk", "versions", "state", "daemon"]
    assert heads[7:] == ["clock", "nothing is wrong"]
    assert "  ✓ hourly: 8,760 intervals in the year ahead, each 1 h" in lines
    assert any("2 groups fire at the same moment" in line for line in lines)


def test_many_groups_that_are_right_are_not_all_listed(tmp_path: Path) -> None:
    groups = "".join(f"  g{n}: {{select: m{n}, schedule: '{n} * * * *'}}\n" for n in range(25))
    models = {f"models/m{n}.sql": "select 1 as x" for n in range(25)}
    out = make_project(tmp_path, {"sqlorch.yml": f"groups:\n{groups}", **models}).sqlorch("doctor").out
    assert "  ✓ 5 more are right" in out
    assert "g19:" in out
    assert "g20:" not in out


def test_a_project_that_cannot_be_read_is_told_with_code_2(tmp_path: Path) -> None:
    project = make_project(tmp_path, settings("groups: ["))
    assert "sqlorch.yml" in project.sqlorch("doctor").told(2)


def test_groups_in_a_circle_are_an_error_and_their_schedules_are_looked_at_all_the_same(
    tmp_path: Path,
) -> None:
    files = {**FILES, "models/orders.sql": "select * from {{ ref('clicks') }}"}
    files["models/clicks.sql"] = "select 1 as x from {{ ref('late') }}"
    files["models/late.sql"] = "{{ config(meta={'sqlorch': {'group': 'daily'}}) }} select 1 as x"
    remarks = examined(make_project(tmp_path, files), 1)
    ((part, _, message),) = told(remarks, "error")
    assert part == "project"
    assert "the groups form a cycle: " in message
    assert "daily" in message
    assert "hourly" in message
    assert {"daily", "hourly"} <= {subject for part, subject, _ in told(remarks, "ok") if part == "schedules"}


def test_models_in_a_circle_are_an_error(tmp_path: Path) -> None:
    files = {**FILES, "models/orders.sql": "select * from {{ ref('clicks') }}"}
    files["models/clicks.sql"] = "select * from {{ ref('orders') }}"
    ((_, _, message),) = told(examined(make_project(tmp_path, files), 1), "error")
    assert "orders" in message
    assert "clicks" in message


def test_a_model_in_two_groups_is_an_error_and_one_in_none_a_warning(tmp_path: Path) -> None:
    two = "groups:\n  a: {select: orders, schedule: '@daily'}\n  b: {select: '*', schedule: '@daily'}\n"
    ((_, _, message),) = told(examined(make_project(tmp_path / "two", settings(two)), 1), "error")
    assert "orders" in message
    none = "groups:\n  a: {select: orders, schedule: '@daily'}\n"
    found = told(examined(make_project(tmp_path / "none", settings(none)), 0), "warning")
    assert [message.partition(":")[0] for _, _, message in found] == ["clicks is in no group"]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("schedule: '@daily', start: 2013-01-01, end: 2014-01-01", "ended on 2014-01-01"),
        ("schedule: '@daily', start: 2099-01-01", "does not fire within a year, next on 2099-01-01"),
    ],
)
def test_schedules_that_make_nothing_within_a_year_are_warnings(tmp_path: Path, keys: str, said: str) -> None:
    project = make_project(tmp_path, settings(f"groups:\n  odd: {{select: '*', {keys}}}\n"))
    found = told(examined(project, 0), "warning")
    assert any(
        (part, subject) == ("schedules", "odd") and said in message for part, subject, message in found
    )


def test_a_group_whose_selection_finds_nothing_is_an_error(tmp_path: Path) -> None:
    text = "groups:\n  all: {select: '*'}\n  empty: {select: 'tag:none', schedule: '@daily'}\n"
    ((part, _, message),) = told(examined(make_project(tmp_path, settings(text)), 1), "error")
    assert part == "project"
    assert "the selection 'tag:none' finds nothing" in message


def test_a_clock_behind_the_newest_record_is_an_error(shop: Project) -> None:
    assert shop.run().code == 0
    later = datetime.now(UTC) + timedelta(hours=3)
    rewrite_state(shop, "UPDATE run SET finished_at = ?", int(later.timestamp() * 1_000_000))
    ((part, _, message),) = told(examined(shop, 1), "error")
    assert part == "clock"
    assert "the clock went back" in message


def test_a_state_that_is_damaged_gone_or_of_another_version(shop: Project) -> None:
    assert shop.run().code == 0
    state = shop.root / ".sqlorch" / "state.db"
    rewrite_state(shop, "UPDATE alembic_version SET version_num = '9999'")
    ((part, _, message),) = told(examined(shop, 1), "error")
    assert part == "state"
    assert "its schema 9999 is of a newer sqlorch" in message
    rewrite_state(shop, "UPDATE alembic_version SET version_num = '0001'")
    assert [part for part, _, _ in told(examined(shop, 0), "warning")] == ["state"]
    assert shop.query_state("SELECT version_num FROM alembic_version") == [("0001",)]
    for left in state.parent.glob("state.db*"):
        left.unlink()
    state.write_bytes(b"no database at all " * 100)
    assert [part for part, _, _ in told(examined(shop, 1), "error")] == ["state"]
    state.unlink()
    ((_, _, message),) = told(examined(shop, 1), "error")
    assert "there is no state file" in message


def test_a_state_of_another_target_is_an_error(shop: Project) -> None:
    assert shop.run().code == 0
    assert shop.sqlorch("db", "target", "prod").code == 0
    ((part, _, message),) = told(examined(shop, 1), "error")
    assert part == "state"
    assert "is that of target prod" in message


def test_a_state_folder_that_is_a_file_is_an_error(shop: Project) -> None:
    (shop.root / ".sqlorch").write_text("")
    assert "disk" in {part for part, _, _ in told(examined(shop, 1), "error")}


def test_a_full_disk_is_an_error_and_a_nearly_full_one_a_warning(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(free: int) -> None:
        usage = shutil._ntuple_diskusage(10**11, 10**11 - free, free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    full(99_000_000)
    found = told(examined(shop, 1), "error")
    assert [message.partition(" for ")[0] for _, _, message in found] == ["99 MB free of 100 GB"] * 2
    full(900_000_000)
    assert [part for part, _, _ in told(examined(shop, 0), "warning")] == ["disk", "disk"]


def test_a_state_folder_open_to_others_is_told_with_what_in_it_is_open_too(shop: Project) -> None:
    assert shop.run().code == 0
    folder = shop.root / ".sqlorch"
    (folder / "state.db").chmod(0o644)
    assert told(examined(shop, 0), "warning") == []
    folder.chmod(0o755)
    (found,) = told(examined(shop, 0), "warning")
    assert found == ("disk", None, f"others may read {folder / 'state.db'}")


def test_an_adapter_that_is_not_installed_is_an_error(shop: Project) -> None:
    found = told(examined(shop, 1, "--adapter", "teradata"), "error")
    assert found == [("versions", "dbt-teradata", "is not installed")]


def test_a_daemon_that_is_gone_and_alerts_that_were_not_taken_are_warnings(shop: Project) -> None:
    assert shop.run().code == 0
    with SqlStore.open(shop.root / ".sqlorch" / "state.db") as store:
        store.alerts.raise_alert("a", "run_failed", {}, now=datetime.now(UTC))
        (alert,) = store.alerts.alerts()
        store.alerts.sent(alert.alert_id, now=datetime.now(UTC), error="nobody answers")
        gone = replace(current_owner(), started=current_owner().started + 1)
        store.daemons.beat(gone, version="0.1.0", state="running", now=datetime.now(UTC))
    found = told(examined(shop, 0), "warning")
    assert [(part, subject) for part, subject, _ in found] == [("daemon", None), ("daemon", "alerts")]
    assert "is gone without having been stopped" in found[0][2]
    assert found[1][2] == "1 could not be delivered; the newest: nobody answers"


def test_a_daemon_that_runs_another_version_is_a_warning(shop: Project) -> None:
    assert shop.run().code == 0
    with SqlStore.open(shop.root / ".sqlorch" / "state.db") as store:
        store.daemons.beat(current_owner(), version=__version__, state="running", now=datetime.now(UTC))
    assert told(examined(shop, 0), "warning") == []
    with SqlStore.open(shop.root / ".sqlorch" / "state.db") as store:
        store.daemons.beat(current_owner(), version="0.0.9", state="running", now=datetime.now(UTC))
    ((part, _, message),) = told(examined(shop, 0), "warning")
    assert part == "daemon"
    assert message.endswith(f"sqlorch 0.0.9, but {__version__} is installed")


def test_with_the_state_on_a_server_its_clock_is_asked(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_postgres(durable=False) as server:
        monkeypatch.setenv("SQLORCH_STATE_URL", server.uri)
        found = told(examined(shop, 0), "ok")
        assert ("state", None, "there is none yet: nothing has been run here") in found
        assert shop.run().code == 0
        assert ("clock", None, "within 5 s of the state database's") in told(examined(shop, 0), "ok")
