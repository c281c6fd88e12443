"""Builds the demo warehouse in a temporary copy, for the tests of its numbers."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from support.dbt_build import dbt_build
from support.once import once

REPOSITORY = Path(__file__).resolve().parents[3]
NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, kw_only=True)
class Demo:
    """A private copy of the project, and the environment in which it is built."""

    project: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def warehouse(self) -> Path:
        return self.project / "warehouse.duckdb"

    def build(self, start: str, end: str, *options: str) -> None:
        """Builds the warehouse for one interval; `start` and `end` are local times in New York."""
        first, last = (
            datetime.fromisoformat(time).replace(tzinfo=NEW_YORK).astimezone(UTC) for time in (start, end)
        )
        variables = {"data_interval_start": first.isoformat(), "data_interval_end": last.isoformat()}
        done = dbt_build(
            self.project,
            REPOSITORY / "profiles",
            variables,
            *options,
            environment=self.environment,
            target_path=self.project / "target",
        )
        assert done, f"dbt build of {start} to {end} failed; what it said is above"

    def orchestrate(self, *options: str) -> None:
        """`sqlorch run`, which waits for no file and exports nothing."""
        settings = self.project / "sqlorch.yml"
        settings.write_text(settings.read_text().split("# What dashboards read")[0])
        done = subprocess.run(
            [sys.executable, "-m", "sqlorch", "run", "--quiet", "--ignore-sensors", *options],
            cwd=self.project,
            env={**os.environ, "DBT_PROFILES_DIR": str(REPOSITORY / "profiles"), **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def query(self, sql: str) -> list[tuple]:
        """Rows of the DuckDB warehouse."""
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def tables(self) -> dict[str, list[tuple]]:
        """Every table and every mart, with its rows in a fixed order; dbt's own columns are left out."""
        marts = "table_type = 'BASE TABLE' or table_name in ('delay_trend', 'int_carrier_months')"
        names = self.query(f"select table_name from information_schema.tables where {marts} order by 1")
        return {
            name: self.query(f"select {', '.join(self.columns(name))} from {name} order by all")
            for (name,) in names
        }

    def columns(self, table: str) -> list[str]:
        """The columns of a table without those that dbt adds to a snapshot: they tell when it was taken."""
        named = f"table_name = '{table}' and not starts_with(column_name, 'dbt_')"
        found = self.query(f"select column_name from information_schema.columns where {named} order by all")
        return [name for (name,) in found]


def copy_of_demo(folder: Path) -> Demo:
    left_behind = ("target", "logs", "data", "*.duckdb", ".sqlorch")
    shutil.copytree(REPOSITORY / "project", folder / "project", ignore=shutil.ignore_patterns(*left_behind))
    return demo_in(folder)


def demo_in(folder: Path) -> Demo:
    """The copy that lies in a folder."""
    project = folder / "project"
    environment = {
        "FLIGHTS_DATA_DIR": str(REPOSITORY / "project" / "data"),
        "FLIGHTS_DUCKDB_PATH": str(project / "warehouse.duckdb"),
    }
    return Demo(project=project, environment=environment)


@pytest.fixture
def unbuilt(tmp_path: Path) -> Demo:
    """A fresh copy without a warehouse."""
    return copy_of_demo(tmp_path)


@pytest.fixture(scope="session")
def january(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """January 2013 in a single run, with every test of the project."""

    def make(folder: Path) -> None:
        copy_of_demo(folder).build("2013-01-01", "2013-02-01")

    return demo_in(once(tmp_path_factory, "january", make))


@pytest.fixture(scope="session")
def built_three_days(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The first three days of 2013, day by day. Not to be changed: see `three_days`."""

    def make(folder: Path) -> None:
        demo = copy_of_demo(folder)
        without_tests = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
        for day in (1, 2, 3):
            demo.build(f"2013-01-0{day}", f"2013-01-0{day + 1}", *without_tests)

    return demo_in(once(tmp_path_factory, "three_days", make))


@pytest.fixture
def three_days(built_three_days: Demo, tmp_path: Path) -> Demo:
    """A fresh copy of the three days that a test may run again."""
    demo = copy_of_demo(tmp_path)
    shutil.copy(built_three_days.warehouse, demo.warehouse)
    return demo
