from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.run import Outcome
from sqlorch.domain.trends import (
    Execution,
    RunSample,
    day_trends,
    flakiest,
    growing,
    node_days,
    node_trends,
    percentile,
    slowest,
    waiting,
)

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def ran(name, *, seconds=1.0, outcome=Outcome.SUCCESS, attempt=1, rows=None, hour=0, queued=None):
    return Execution(
        unique_id=f"model.shop.{name}",
        name=name,
        kind="model",
        group="daily",
        run_id="r1",
        outcome=outcome,
        attempt=attempt,
        at=NOON + timedelta(hours=hour),
        seconds=seconds,
        rows=rows,
        queued=queued,
    )


def made(*, ok=True, seconds=1.0, queued=0.0, hour=0, group="daily"):
    at = NOON + timedelta(hours=hour)
    return RunSample(run_id="r", group=group, ok=ok, at=at, queued=queued, seconds=seconds)


def names(trends):
    return [trend.name for trend in trends]


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.75, 3), (0.95, 4), (1.0, 4)]
)
def test_percentiles_are_values_that_were_measured(share, value):
    assert percentile([4, 1, 3, 2], share) == value


def test_seconds_are_those_of_successes_and_the_total_is_of_all():
    (trend,) = node_trends(
        [
            ran("a", seconds=1.0),
            ran("a", seconds=3.0, outcome=Outcome.WARN, rows=5, hour=1),
            ran("a", seconds=100.0, outcome=Outcome.ERROR, hour=2),
            ran("a", seconds=2.0, outcome=Outcome.LOST, attempt=2, hour=3),
            ran("a", seconds=1.0, outcome=Outcome.CANCELLED, hour=4),
        ]
    )
    assert (trend.executions, trend.successes, trend.failures, trend.retries) == (5, 2, 2, 1)
    assert (trend.p50, trend.p95, trend.total, trend.rows) == (1.0, 3.0, 107.0, 5)


def test_a_node_that_never_succeeded_is_flaky_and_not_slow():
    trends = node_trends([ran("bad", outcome=Outcome.ERROR), ran("fine")])
    assert names(slowest(trends)) == ["fine"]
    assert names(flakiest(trends)) == ["bad"]
    assert trends[0].p95 is None


def test_the_flakiest_fail_most_often_for_how_often_they_are_tried():
    often = [ran("often", outcome=Outcome.ERROR)] + [ran("often")] * 9
    seldom = [ran("seldom", outcome=Outcome.FAIL), ran("seldom")]
    again = [ran("again"), ran("again", attempt=2), ran("again"), ran("again")]
    assert names(flakiest(node_trends([*often, *seldom, *again]))) == ["seldom", "again", "often"]


def test_growing_compares_the_later_half_with_the_earlier():
    steep = [ran("steep", seconds=2.0 if hour < 3 else 6.0, rows=10, hour=hour) for hour in range(6)]
    large = [ran("large", rows=10 if hour < 3 else 20, hour=hour) for hour in range(6)]
    quick = [ran("quick", seconds=0.1 if hour < 3 else 0.4, hour=hour) for hour in range(6)]
    few = [ran("few", seconds=1.0 + 10 * hour, hour=hour) for hour in range(5)]
    trends = node_trends([*reversed(steep), *large, *quick, *few])
    assert names(growing(trends)) == ["steep", "large"]
    by_name = {trend.name: trend for trend in trends}
    assert by_name["steep"].slowdown == 3.0
    assert by_name["large"].growth == 2.0
    assert by_name["few"].slowdown is None


def test_days_are_those_of_utc_by_group():
    runs = [made(), made(ok=False, seconds=3.0, queued=4.0), made(hour=12), made(group="hourly")]
    first, other, second = day_trends(runs)
    assert (first.day, first.group, first.runs, first.succeeded, first.rate) == (
        datetime(2024, 3, 1, tzinfo=UTC),
        "daily",
        2,
        1,
        0.5,
    )
    assert (first.p50, first.p95, first.queued) == (1.0, 3.0, 2.0)
    assert (other.group, second.day) == ("hourly", datetime(2024, 3, 2, tzinfo=UTC))


def test_a_nodes_days():
    days = node_days([ran("a", hour=12), ran("a", seconds=2.0), ran("b")])
    assert [(each.day.day, each.node.name, each.node.p50) for each in days] == [
        (1, "a", 2.0),
        (1, "b", 1.0),
        (2, "a", 1.0),
    ]


def test_who_waits_for_a_turn_is_told_from_a_second_on():
    trends = node_trends(
        [
            *(ran("b", queued=seconds) for seconds in (0.0, 2.0, 5.0)),
            ran("b", attempt=2),  # a retry waits for its delay, not for a turn
            *(ran("a", queued=seconds) for seconds in (1.0, 1.0)),
            ran("quick", queued=0.99),
            ran("unknown"),
        ]
    )
    found = waiting(trends)
    assert names(found) == ["b", "a"]
    assert [(t.queued_p50, t.queued_p95, t.queued_total) for t in found] == [(2.0, 5.0, 7.0), (1.0, 1.0, 2.0)]
    (unknown,) = (t for t in trends if t.name == "unknown")
    assert (unknown.queued_p50, unknown.queued_p95, unknown.queued_total) == (None, None, 0)
