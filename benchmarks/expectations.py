"""200 expectations against the same 200 checks as dbt tests, on the demo's tables, in one warm session.

    python benchmarks/expectations.py [--checks 200] [--rounds 7] [--profile]

The demo is copied, and built for a week. The checks are made from what its tables hold: no nulls, unique
values, values of a set, values in a range; all of them hold. They are executed in turn, as nodes of a run:
each dbt test by dbt's own runner, the expectations of each table as one node. Processor and wall seconds are
those of the whole process; the import of Great Expectations is told apart. Nothing else should run then.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import yaml

REPOSITORY = Path(__file__).resolve().parents[1]
TABLES = {
    "fct_flights": "marts/core/_core.yml",
    "fct_aircraft_days": "marts/core/_core.yml",
    "fct_route_days": "marts/core/_core.yml",
    "fct_departures_hourly": "marts/core/_core.yml",
    "dim_aircraft": "marts/core/_core.yml",
    "dim_airports": "marts/core/_core.yml",
    "dim_airlines": "marts/core/_core.yml",
    "dim_dates": "marts/core/_core.yml",
    "fct_weather_hourly": "weather/_weather.yml",
    "fct_weather_daily": "weather/_weather.yml",
    "daily_flight_metrics": "marts/metrics/_metrics.yml",
    "airport_delays": "marts/metrics/_metrics.yml",
    "carrier_delays": "marts/metrics/_metrics.yml",
    "delay_trend": "marts/metrics/_metrics.yml",
    "weather_impact": "marts/metrics/_metrics.yml",
}
NUMBERS = {"BIGINT", "INTEGER", "DOUBLE", "HUGEINT", "FLOAT", "SMALLINT"}
FEW = 12  # values of a column that is worth a set


@dataclass(frozen=True)
class Check:
    """One check of a column, said both ways."""

    column: str
    test: Any
    expectation: dict[str, Any]


@dataclass(frozen=True)
class Took:
    """Wall and processor seconds."""

    wall: float
    cpu: float


def build(folder: Path) -> Path:
    """A copy of the demo, built for a week."""
    root = folder / "project"
    ignored = shutil.ignore_patterns(".sqlorch", "*.duckdb", "*.sqlite", "target", "logs")
    shutil.copytree(REPOSITORY / "project", root, ignore=ignored)
    os.environ["DBT_PROFILES_DIR"] = str(REPOSITORY / "profiles")
    os.environ.pop("DBT_PROJECT_DIR", None)
    command = [
        sys.executable,
        "-m",
        "sqlorch",
        "run",
        "--ignore-sensors",
        "--interval",
        "2013-01-01/2013-01-08",
    ]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stdout + done.stderr)
    return root


def checks_of(connection: duckdb.DuckDBPyConnection, table: str) -> Iterator[Check]:
    """Everything of four kinds that holds for a table."""
    columns = connection.execute(
        "select column_name, data_type from information_schema.columns where table_name = ? order by 1",
        [table],
    ).fetchall()
    for column, kind in columns:
        name = f'"{column}"'
        total, known, distinct = connection.execute(
            f"select count(*), count({name}), count(distinct {name}) from {table}"
        ).fetchall()[0]
        about = {"column": column}
        if total == known:
            yield Check(column, "not_null", {"expect_column_values_to_not_be_null": about})
        if distinct == known and known > FEW:
            yield Check(column, "unique", {"expect_column_values_to_be_unique": about})
        if kind == "VARCHAR" and 0 < distinct <= FEW:
            rows = connection.execute(
                f"select distinct {name} from {table} where {name} is not null"
            ).fetchall()
            values = sorted(value for (value,) in rows)
            yield Check(
                column,
                {"accepted_values": {"arguments": {"values": values}}},
                {"expect_column_values_to_be_in_set": {**about, "value_set": values}},
            )
        if kind in NUMBERS and known:
            low, high = connection.execute(f"select min({name}), max({name}) from {table}").fetchall()[0]
            between = {"min_value": low, "max_value": high}
            yield Check(
                column,
                {"in_range": {"arguments": between}},
                {"expect_column_values_to_be_between": {**about, **between}},
            )


def write_checks(root: Path, wanted: int) -> int:
    """Put the checks into the project in place of its own; returns how many there are."""
    with duckdb.connect(str(root / "warehouse.duckdb"), read_only=True) as connection:
        of_table = {table: list(checks_of(connection, table)) for table in TABLES}
    named = [[(table, check) for check in checks] for table, checks in of_table.items()]
    taken = [each for row in zip_longest(*named) for each in row if each is not None][:wanted]
    shutil.rmtree(root / "expectations")
    (root / "expectations").mkdir()
    for table, file in TABLES.items():
        mine = [check for owner, check in taken if owner == table]
        document = {"rows": "table", "expectations": [check.expectation for check in mine]}
        (root / "expectations" / f"{table}.yml").write_text(json.dumps(document, default=str))
        _write_tests(root / "models" / file, table, mine)
    return len(taken)


def _write_tests(file: Path, table: str, checks: Sequence[Check]) -> None:
    document = yaml.safe_load(file.read_text())
    for model in document["models"]:
        if model["name"] == table:
            model.pop("data_tests", None)
            columns = dict.fromkeys(check.column for check in checks)
            model["columns"] = [
                {"name": name, "data_tests": [check.test for check in checks if check.column == name]}
                for name in columns
            ]
    file.write_text(json.dumps(document, default=str))


def timed(context: Any, uids: Sequence[str], folder: Path) -> Took:
    """Execute these nodes one after the other; all of them have to succeed."""
    wall, cpu = time.perf_counter(), time.process_time()
    for number, uid in enumerate(uids):
        result = context.execute(uid, log_path=folder / f"{number}.log")
        if not result.outcome.ok:
            sys.exit(f"{uid}: {result.message}")
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def measure(root: Path, rounds: int, *, profile: bool) -> int:
    """Both ways in turn; returns the exit code."""
    from sqlorch.app.workspace import Choices, open_workspace  # noqa: PLC0415 - after the environment is set
    from sqlorch.checks.great_expectations import library  # noqa: PLC0415 - likewise
    from sqlorch.domain.variables import SAMPLE_INTERVAL, VARIABLES  # noqa: PLC0415 - likewise

    began = Took(time.perf_counter(), time.process_time())
    library()
    imported = Took(time.perf_counter() - began.wall, time.process_time() - began.cpu)
    print(f"import of Great Expectations: {imported.wall:.1f} s wall, {imported.cpu:.1f} s of processor")
    session = open_workspace(Choices(project_dir=str(root))).session()
    try:
        nodes = session.dag.nodes.values()
        suites = [node.unique_id for node in nodes if node.kind == "expectations"]
        tests = [
            node.unique_id for node in nodes if node.kind == "test" and node.attached_to in _checked(suites)
        ]
        context = session.open_run(
            run_id="benchmark",
            interval=SAMPLE_INTERVAL,
            variables={variable.name: variable.example for variable in VARIABLES},
            nodes=[*suites, *tests],
            target_path=root / "target",
        )
        print(f"{len(tests)} dbt tests, {len(suites)} suites")
        first = timed(context, suites, root)
        print(f"the first time: {first.wall:.2f} s wall, {first.cpu:.2f} s of processor")
        timed(context, tests, root)
        if profile:
            _profile(context, suites, root)
        code = _rounds(context, suites, tests, root, rounds)
        context.finish([])
        return code
    finally:
        session.close()


def _checked(suites: Sequence[str]) -> set[str]:
    return {f"model.{uid.partition('.')[2]}" for uid in suites}


def _rounds(context: Any, suites: Sequence[str], tests: Sequence[str], root: Path, rounds: int) -> int:
    pairs = []
    for number in range(rounds):
        pairs.append((timed(context, suites, root), timed(context, tests, root)))
        ours, theirs = pairs[-1]
        print(
            f"round {number + 1}: expectations {ours.cpu:.2f} s of processor, {ours.wall:.2f} s wall; "
            f"dbt tests {theirs.cpu:.2f} s, {theirs.wall:.2f} s",
            flush=True,
        )
    ratios = {}
    for what in ("cpu", "wall"):
        ratios[what] = statistics.median(getattr(a, what) / getattr(b, what) for a, b in pairs)
    print(
        f"expectations cost {ratios['cpu']:.2f} times the dbt tests in processor time, "
        f"{ratios['wall']:.2f} in wall time"
    )
    return 0 if max(ratios.values()) <= 2 else 1


def _profile(context: Any, suites: Sequence[str], root: Path) -> None:
    import cProfile  # noqa: PLC0415 - only when asked
    import pstats  # noqa: PLC0415 - likewise

    profiler = cProfile.Profile()
    profiler.runcall(timed, context, suites, root)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(90)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--profile", action="store_true", help="tell what the expectations spend their time on"
    )
    parser.add_argument("--project", type=Path, help="a copy of the demo that was built before")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = given.project or build(Path(folder))
        os.environ["DBT_PROFILES_DIR"] = str(REPOSITORY / "profiles")
        print(f"{write_checks(root, given.checks)} checks of {len(TABLES)} tables")
        return measure(root, given.rounds, profile=given.profile)


if __name__ == "__main__":
    sys.exit(main())
