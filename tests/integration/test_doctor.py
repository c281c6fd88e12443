"""``sqlorch doctor`` on set-ups that are well and on such that are not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.postgres import Postgres, running_postgres
from support.projects import Project, make_project

from sqlorch.app import doctor

GROUPS = "groups: {daily: {select: '*', schedule: '@daily', start: 2013-01-01}}\n"
MODELS = {"models/a.sql": "select 1 as x"}


def findings(project: Project, code: int = 0) -> dict[str, list[tuple[str, str]]]:
    said = project.sqlorch("doctor", "--json")
    assert (said.code, said.err) == (code, "")
    found: dict[str, list[tuple[str, str]]] = {}
    for one in said.document["findings"]:
        found.setdefault(one["area"], []).append((one["level"], one["text"]))
    return found


def bad(found: dict[str, list[tuple[str, str]]]) -> list[str]:
    return [text for remarks in found.values() for level, text in remarks if level != "ok"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, {**MODELS, "sqlorch.yml": GROUPS})


def test_a_sound_project_before_and_after_its_first_run(project: Project) -> None:
    found = findings(project)
    assert found["state"] == [("ok", "none yet: nothing was run")]
    assert not (project.root / ".sqlorch" / "state.db").exists()
    assert bad(found) == ["none is running, so nothing of 1 scheduled groups runs by itself: sqlorch daemon"]
    project.run().told(0)
    found = findings(project)
    assert "schema" in found["state"][0][1]
    assert len(bad(found)) == 1
    said = project.sqlorch("doctor").out
    assert "0 errors, 1 warning" in said
    assert "daily: 366 intervals of a year, 1d" in said or "daily: 365 intervals" in said


def test_faults_of_the_project_are_errors(project: Project) -> None:
    project.write({"models/b.sql": "select * from {{ ref('nobody') }}"})
    assert any("nobody" in text for text in bad(findings(project, 1)))
    project.write(
        {"models/b.sql": "select * from {{ ref('a') }}", "models/a.sql": "select * from {{ ref('b') }}"}
    )
    assert any("cycle" in text or "circle" in text for text in bad(findings(project, 1)))
    project.write({"sqlorch.yml": "groups: {daily: {select: '*', schedule: '0 0 30 2 *'}}\n"})
    assert any("sqlorch.yml:1" in text and "never fires" in text for text in bad(findings(project, 1)))


def test_groups_that_read_one_another_are_named_with_their_path(tmp_path: Path) -> None:
    files = {
        "models/a.sql": "select 1 as x",
        "models/b.sql": "select * from {{ ref('a') }}",
        "models/c.sql": "select * from {{ ref('b') }}",
        "sqlorch.yml": "groups: {one: {select: 'a c', schedule: '@daily', start: 2013-01-01}, "
        "two: {select: b, schedule: '@daily', start: 2013-01-01}}\n",
    }
    found = bad(findings(make_project(tmp_path, files), 1))
    assert any("one" in text and "two" in text for text in found)


def test_a_state_of_another_schema_is_not_upgraded_by_a_look(project: Project) -> None:
    project.run().told(0)
    state = project.root / ".sqlorch" / "state.db"
    with closing(sqlite3.connect(state)) as connection, connection:
        connection.execute("update alembic_version set version_num = '0001'")
    assert any("sqlorch db upgrade" in text for text in bad(findings(project)))
    with closing(sqlite3.connect(state)) as connection:
        assert connection.execute("select version_num from alembic_version").fetchall() == [("0001",)]


def test_a_clock_that_was_set_back_and_folders_that_others_may_read(project: Project) -> None:
    project.run().told(0)
    folder = project.root / ".sqlorch"
    with closing(sqlite3.connect(folder / "state.db")) as connection, connection:
        connection.execute("update run set started_at = started_at + 7200000000")
    folder.chmod(0o755)
    found = bad(findings(project, 1))
    assert any("still to come; set the clock" in text for text in found)
    assert any("chmod 700" in text for text in found)


def test_a_full_disk_and_an_unsupported_dbt(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.run().told(0)
    full = os.statvfs(project.root)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": full.f_bsize})())
    monkeypatch.setattr(doctor, "NEWEST_DBT", (1, 10))
    found = bad(findings(project, 1))
    assert any("0.0 GB free; make room" in text for text in found)
    assert any(text.startswith("dbt-core 1.") and "supported are versions" in text for text in found)


@pytest.mark.postgres
def test_on_a_server_the_clocks_are_compared(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_postgres(durable=False) as server:
        checked(project, server, monkeypatch)


def checked(project: Project, server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLORCH_STATE_URL", server.new_schema())
    project.run().told(0)
    clock: Any = findings(project)["clock"]
    assert clock[1][0] == "ok"
    assert "this machine's clock is 0." in clock[1][1]
