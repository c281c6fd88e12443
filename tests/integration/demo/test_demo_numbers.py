"""The demo's numbers against figures computed straight from the Parquet files, by another way.

The models find the day of a flight from an instant and a time zone; here it is read from the columns year,
month and day. Nothing of the project's SQL is used.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

DATA = Path(__file__).resolve().parents[3] / "project" / "data"


def from_parquet(sql: str) -> list[tuple]:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name in ("flights", "weather", "planes"):
            connection.execute(f"create view {name} as from '{DATA / name}.parquet'")
        return connection.execute(sql).fetchall()


def test_flights_of_each_day_and_carrier(three_days):
    found = three_days.query(
        "select day(flight_date), carrier_code, count(*) from fct_flights group by all order by all"
    )
    assert found == from_parquet(
        "select day, carrier, count(*) from flights where month = 1 and day <= 3 group by all order by all"
    )


def test_flights_per_day_are_those_everyone_knows(three_days):
    found = three_days.query(
        "select day(flight_date), sum(scheduled_flights) from daily_flight_metrics group by 1"
    )
    assert sorted(found) == [(1, 842), (2, 943), (3, 914)]


def test_delays_and_cancellations_of_each_airport(three_days):
    found = three_days.query(
        """select day(flight_date), origin_code, cancelled_flights, late_flights,
                  mean_departure_delay_minutes, mean_arrival_delay_minutes
           from daily_flight_metrics order by all"""
    )
    assert found == from_parquet(
        """select day, origin, count(*) - count(dep_time), count(*) filter (where arr_delay >= 15),
                  sum(dep_delay) / count(dep_delay), sum(arr_delay) / count(arr_delay)
           from flights where month = 1 and day <= 3 group by all order by all"""
    )


def test_departures_of_each_hour(three_days):
    """The microbatch model, whose batches are days in UTC, has every hour of the three local days once."""
    found = three_days.query(
        "select origin_code, epoch(scheduled_hour), scheduled_flights from fct_departures_hourly order by all"
    )
    assert found == from_parquet(
        """select origin, epoch(make_timestamptz(year, month, day, hour, 0, 0, 'America/New_York')), count(*)
           from flights where month = 1 and day <= 3 group by all order by all"""
    )


def test_trend_is_the_mean_over_all_flights_of_the_days_so_far(three_days):
    found = three_days.query("select mean_arrival_delay_minutes_7_days from delay_trend order by flight_date")
    expected = [
        from_parquet(
            f"select sum(arr_delay) / count(arr_delay) from flights where month = 1 and day <= {day}"
        )
        for day in (1, 2, 3)
    ]
    assert found == [row for (row,) in expected]


def test_weather_of_each_day(three_days):
    found = three_days.query(
        """select day(observation_date), airport_code, observed_hours, highest_temperature_f,
                  precipitation_inches
           from fct_weather_daily order by all"""
    )
    expected = from_parquet(
        """select day, origin, count(*), max(temp), sum(precip)
           from weather where month = 1 and day <= 3 group by all order by all"""
    )
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    assert [float(v) for row in found for v in row[3:]] == pytest.approx(
        [v for row in expected for v in row[3:]]
    )


def test_scorecard_of_january(january):
    found = january.query(
        """select carrier_code, scheduled_flights, cancelled_flights, on_time_rate, mean_arrival_delay_minutes
           from carrier_scorecard order by carrier_code"""
    )
    assert found == from_parquet(
        """select carrier, count(*), count(*) - count(dep_time),
                  count(*) filter (where arr_delay < 15) / count(*), sum(arr_delay) / count(arr_delay)
           from flights where month = 1 group by carrier order by carrier"""
    )
    assert sum(row[1] for row in found) == 27_004


def test_scorecard_ranks_by_punctuality(january):
    ranked = january.query("select on_time_rate from carrier_scorecard order by on_time_rank")
    assert ranked == sorted(ranked, reverse=True)
    assert len(ranked) == len(from_parquet("select distinct carrier from flights where month = 1"))


def test_fleet_of_january(january):
    found = january.query(
        """select carrier_code, sum(air_time_minutes), sum(flown_miles)
           from fleet_utilisation group by 1 order by 1"""
    )
    assert found == from_parquet(
        """select carrier, sum(air_time), sum(distance) filter (where air_time is not null)
           from flights where month = 1 and tailnum is not null group by 1 order by 1"""
    )


def test_weather_impact_of_january(january):
    """Snow, by the hour of the scheduled departure at its own airport."""
    found = january.query(
        """select sum(scheduled_flights), sum(cancelled_flights)
           from weather_impact where weather_condition = 'snow'"""
    )
    assert found == from_parquet(
        """select count(*), count(*) - count(dep_time)
           from flights f semi join (from weather where precip > 0 and temp <= 34) w
               on f.origin = w.origin and f.time_hour = w.time_hour
           where f.month = 1"""
    )
    assert found[0][0] > 0


def test_days_one_by_one_and_a_month_as_one_agree(three_days, january):
    days = "select * from {} where flight_date <= date '2013-01-03' order by all"
    for mart in ("fct_flights", "fct_aircraft_days", "carrier_delays", "airport_delays", "weather_impact"):
        assert three_days.query(days.format(mart)) == january.query(days.format(mart)), mart
