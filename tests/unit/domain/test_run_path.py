from datetime import UTC, datetime, timedelta

from sqlorch.domain.run_path import Step, Times, slowest_path, waits

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def at(start, end):
    return Times(start=NOON + timedelta(seconds=start), end=NOON + timedelta(seconds=end))


def test_the_path_ends_at_what_ended_last_and_goes_back_along_what_was_waited_for_longest():
    times = {"a": at(0, 2), "b": at(0, 5), "c": at(6, 9), "d": at(2, 3)}
    after = {"c": {"a", "b"}, "d": {"a"}}
    assert slowest_path(times, after, NOON) == (
        Step(unique_id="b", waited=0.0, seconds=5.0),
        Step(unique_id="c", waited=1.0, seconds=3.0),
    )


def test_a_node_waits_from_the_end_of_what_it_needs_or_from_the_start_of_the_run():
    times = {"a": at(1, 2), "b": at(2.5, 3), "c": at(4, 5)}
    assert waits(times, {"b": {"a"}, "c": {"a", "b"}}, NOON) == {"a": 1.0, "b": 0.5, "c": 1.0}


def test_what_was_done_before_a_retry_holds_nothing_up():
    times = {"b": at(1, 2)}
    assert slowest_path(times, {"b": {"a"}}, NOON) == (Step(unique_id="b", waited=1.0, seconds=1.0),)


def test_a_run_that_tried_nothing_has_no_path():
    assert slowest_path({}, {"a": {"b"}}, NOON) == ()


def test_nodes_of_no_length_at_the_same_instant_end_the_walk():
    times = {"a": at(1, 1), "b": at(1, 1)}
    assert slowest_path(times, {"a": {"b"}, "b": {"a"}}, NOON) == (
        Step(unique_id="b", waited=1.0, seconds=0.0),
    )
