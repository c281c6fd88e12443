from datetime import timedelta

import pytest

from sqlorch.domain.anomaly import LEAST, MOST, Sample, Unusual, alike, anomalies


def past(seconds=2.0, rows=100, count=LEAST):
    return [Sample(seconds=seconds, rows=rows)] * count


def kinds(now, before):
    return [found.kind for found in anomalies(now, before)]


def test_three_times_the_median_is_slow_and_less_is_not():
    assert kinds(Sample(seconds=6.0, rows=100), past()) == [Unusual.SLOW]
    assert kinds(Sample(seconds=5.99, rows=100), past()) == []


def test_what_is_slow_by_less_than_a_second_is_not_worth_a_word():
    assert kinds(Sample(seconds=1.0), past(seconds=0.1, rows=None)) == []
    assert kinds(Sample(seconds=1.1), past(seconds=0.1, rows=None)) == [Unusual.SLOW]


def test_nothing_is_said_before_there_are_five_successes():
    assert anomalies(Sample(seconds=99.0, rows=1), past(count=LEAST - 1)) == ()
    without_rows = [*past(count=LEAST - 1), Sample(seconds=2.0)]
    assert kinds(Sample(seconds=2.0, rows=1), without_rows) == []


def test_an_outlier_among_those_before_moves_nothing():
    before = [*past(count=6), Sample(seconds=1000.0, rows=10**9)]
    (slow, rows) = anomalies(Sample(seconds=6.0, rows=300), before)
    assert (slow.usual, rows.usual, slow.samples) == (2.0, 100, 7)


def test_only_the_newest_are_looked_at():
    assert kinds(Sample(seconds=2.0, rows=100), past(count=MOST) + past(rows=9999, count=200)) == []


@pytest.mark.parametrize(("rows", "unusual"), [(130, False), (131, True), (70, False), (69, True), (0, True)])
def test_where_counts_do_not_vary_thirty_percent_decide(rows, unusual):
    assert kinds(Sample(seconds=2.0, rows=rows), past()) == ([Unusual.ROWS] if unusual else [])


def test_where_counts_vary_the_spread_decides():
    before = [Sample(seconds=2.0, rows=rows) for rows in (100, 80, 120, 60, 140)]  # median 100, MAD 20
    assert kinds(Sample(seconds=2.0, rows=200), before) == []
    assert kinds(Sample(seconds=2.0, rows=201), before) == [Unusual.ROWS]


@pytest.mark.parametrize(
    ("usual", "rows", "unusual"),
    [(1, 2, False), (5, 14, False), (5, 15, True), (15, 6, False), (15, 5, True), (3, 0, True)],
)
def test_tables_of_a_handful_of_rows_may_double(usual, rows, unusual):
    assert kinds(Sample(seconds=2.0, rows=rows), past(rows=usual)) == ([Unusual.ROWS] if unusual else [])


def test_rows_where_there_never_were_any():
    assert kinds(Sample(seconds=2.0, rows=1), past(rows=0)) == [Unusual.ROWS]
    assert kinds(Sample(seconds=2.0, rows=0), past(rows=0)) == []
    assert kinds(Sample(seconds=2.0), past()) == []


def test_it_is_told_in_a_phrase():
    slow, rows = anomalies(Sample(seconds=12.34, rows=3600), past(seconds=3.0, rows=400, count=10))
    assert str(slow) == "took 12.3 s, 4.1 times its usual 3.0 s (median of 10)"
    assert str(rows) == "has 3,600 rows where 400 are usual (median of 10)"
    (from_nothing,) = anomalies(Sample(seconds=2.0), past(seconds=0.0, rows=None))
    assert str(from_nothing) == "took 2.0 s instead of its usual 0.0 s (median of 5)"


def test_intervals_of_up_to_twice_the_length_are_alike():
    day = timedelta(days=1)
    assert alike(28 * day, 31 * day)
    assert alike(2 * day, day)
    assert not alike(day, 3 * day)
    assert alike(timedelta(0), timedelta(0))
    assert not alike(timedelta(0), day)
