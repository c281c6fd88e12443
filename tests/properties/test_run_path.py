"""The slowest path explains the whole run: its steps follow one another from the start to the last end."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlorch.domain.run_path import Times, slowest_path, waits

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


@st.composite
def runs(draw):
    """Nodes that began when all they wait for had ended, or some time after it."""
    times, after = {}, {}
    for number in range(draw(st.integers(1, 12))):
        uid = f"n{number:02}"
        after[uid] = draw(st.sets(st.sampled_from(sorted(times)), max_size=3)) if times else set()
        free = max((times[above].end for above in after[uid]), default=NOON)
        start = free + timedelta(milliseconds=draw(st.integers(0, 3000)))
        times[uid] = Times(start=start, end=start + timedelta(milliseconds=draw(st.integers(1, 5000))))
    return times, after


@given(runs())
def test_its_waits_and_seconds_are_the_time_the_run_took(run):
    times, after = run
    path = slowest_path(times, after, NOON)
    took = max(at.end for at in times.values()) - NOON
    assert sum(step.waited + step.seconds for step in path) == pytest.approx(took.total_seconds())
    for before, then in pairwise(path):
        assert before.unique_id in after[then.unique_id]


@given(runs())
def test_no_node_waits_less_than_nothing(run):
    times, after = run
    assert min(waits(times, after, NOON).values()) >= 0
