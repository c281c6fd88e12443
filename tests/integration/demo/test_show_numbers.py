"""What ``make demo`` prints of the metrics file: the right numbers, and one sentence when there are none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "project" / "show_numbers.py"


def show(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """Sixteen days of two carriers, and three runs."""
    file = tmp_path / "metrics.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("""
            create table carrier_delays as
            select
                date '2013-01-01' + day::integer as flight_date,
                airline_name,
                1000::bigint as scheduled_flights,
                flown::bigint as arrived_flights,
                (1000 - flown)::bigint as cancelled_flights,
                on_time::bigint as on_time_flights,
                minutes::bigint as arrival_delay_minutes
            from range(16) as days (day), (values ('Late Air', 1000, 250, 30000), ('Never Air', 0, 0, null),
                ('Early Air', 900, 900, -1800), ('Slow Air', 1000, 600, 1000)) as carriers
                (airline_name, flown, on_time, minutes);
            create table runs as
            select * from (values
                ('hourly', 'success', 10, 1.5, 1),
                ('daily', 'success', 30, 2.0, 2),
                ('daily', 'failed', 30, 2.25, 3)
            ) as r (group_name, state, nodes, seconds, created_at);
        """)
    return file


def test_it_shows_days_carriers_and_runs(metrics: Path) -> None:
    said = show(metrics)
    assert said.returncode == 0, said.stderr
    rows = [line.split() for line in said.stdout.splitlines()]
    days = [row for row in rows if row and row[0].startswith("2013-")]
    assert [row[0] for row in days] == [f"2013-01-{day:02}" for day in range(3, 17)]
    # (250 + 0 + 900 + 600) / 4000; (30000 - 1800 + 1000) / 2900 arrivals
    assert set(map(tuple, (row[1:] for row in days))) == {("4,000", "43.8", "%", "1,100", "10.1", "min")}
    carriers = [row for row in rows if "Air" in row]
    assert [row[0] for row in carriers] == ["Late", "Slow", "Early"]
    assert carriers[0] == ["Late", "Air", "16,000", "480,000", "30.0", "min"]
    assert carriers[2][2:] == ["14,400", "-28,800", "-2.0", "min"]
    assert ["hourly", "1", "1", "10", "1.5", "s"] in rows
    assert ["daily", "2", "1", "60", "4.2", "s"] in rows


def test_reading_leaves_the_file_as_it_is(metrics: Path) -> None:
    before = metrics.read_bytes()
    metrics.chmod(0o444)
    assert show(metrics).returncode == 0
    assert metrics.read_bytes() == before
    assert [path.name for path in metrics.parent.iterdir()] == [metrics.name]


@pytest.mark.parametrize("kind", ["missing", "text", "other", "unnamed"])
def test_what_cannot_be_shown_is_one_sentence(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "metrics.duckdb"
    if kind == "text":
        file.write_text("not a database " * 1000)
    if kind == "other":
        duckdb.connect(str(file)).close()
    said = show(*([] if kind == "unnamed" else [file]))
    assert said.returncode == 1
    assert said.stdout == ""
    assert said.stderr.startswith("Error: ")
    assert len(said.stderr.splitlines()) == 1
    assert kind == "unnamed" or str(file) in said.stderr
