"""A run replaces its own interval, whatever happened before, and touches nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import duckdb

DATA = Path(__file__).resolve().parents[3] / "project" / "data"
MODELS_ONLY = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")


def test_the_same_interval_twice_changes_no_table(three_days):
    before = three_days.tables()
    assert all(before.values()), "every table has rows to compare"
    assert {"fct_flights", "fct_departures_hourly", "carrier_scorecard", "aircraft_registrations"} <= set(
        before
    )
    three_days.build("2013-01-02", "2013-01-03", *MODELS_ONLY)
    assert three_days.tables() == before


def test_a_corrected_source_leaves_no_stale_row(three_days, tmp_path):
    """The flights of a whole hour leave the source: deleting by key would keep them."""
    corrected = shutil.copytree(DATA, tmp_path / "corrected")
    hour = "timestamptz '2013-01-02 11:00:00+00'"
    (corrected / "flights.parquet").unlink()
    with duckdb.connect() as connection:
        connection.execute(
            f"""copy (from '{DATA}/flights.parquet' where time_hour <> {hour})
                to '{corrected}/flights.parquet'"""
        )
    gone = three_days.query(f"select count(*) from fct_flights where scheduled_hour = {hour}")[0][0]
    before = three_days.query("select count(*) from fct_flights")[0][0]
    other_days = "select * from fct_flights where flight_date <> date '2013-01-02' order by all"
    kept = three_days.query(other_days)

    demo = replace(three_days, environment=three_days.environment | {"FLIGHTS_DATA_DIR": str(corrected)})
    demo.build("2013-01-02", "2013-01-03", "--select", "stg_flights+", *MODELS_ONLY)

    assert gone > 0
    assert demo.query("select count(*) from fct_flights") == [(before - gone,)]
    assert demo.query("select sum(scheduled_flights) from fct_departures_hourly") == [(before - gone,)]
    assert demo.query("select sum(scheduled_flights) from carrier_delays") == [(before - gone,)]
    assert demo.query(other_days) == kept


def test_an_hour_of_a_day_leaves_the_other_hours(three_days):
    before = three_days.tables()
    three_days.build("2013-01-02T06:00", "2013-01-02T07:00", *MODELS_ONLY)
    assert three_days.tables() == before
