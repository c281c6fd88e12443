from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.app.report_chart import critical_path, gantt, headers
from sqlorch.app.report_runs import Memory, _sitting, node_runs
from sqlorch.domain.history import AttemptRecord, NodeRecord, RunRecord
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import NodeState, Outcome, RunState
from sqlorch.domain.timetable import make_timetable

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def minutes(count):
    return timedelta(minutes=count)


def attempt(uid="m", outcome=Outcome.SUCCESS, *, ago=10.0, seconds=6.0, number=1, run_id="r1"):
    end = NOON - minutes(ago)
    return AttemptRecord(
        attempt_id=int(100_000 - ago),
        run_id=run_id,
        unique_id=uid,
        gen=1,
        n=number,
        fence=1,
        state="running" if outcome is None else "done",
        outcome=outcome,
        error_class=None,
        started_at=end - timedelta(seconds=seconds),
        finished_at=None if outcome is None else end,
        rows=7,
        failures=None,
        message="what the adapter said",
        file=None,
        line=None,
        compiled_path=None,
        log_path=None,
        adapter_response={},
        timing={},
    )


def run(*, ago=5.0, lasted=5.0, group="daily", run_id="r2", started=True):
    start = NOON - minutes(ago)
    return RunRecord(
        run_id=run_id,
        group=group,
        kind="manual",
        interval=Interval(NOON - timedelta(days=1), NOON),
        timezone="UTC",
        gen=1,
        state=RunState.FAILED,
        reason="",
        created_at=start,
        started_at=start if started else None,
        finished_at=start + minutes(lasted) if started else None,
        owner=None,
        variables={},
        invocation={},
        node_counts={},
    )


def node(uid, state):
    return NodeRecord(
        run_id="r2",
        unique_id=uid,
        name=uid,
        kind="model",
        path="",
        materialized="table",
        position=0,
        gen=1,
        state=state,
        reason="",
        tries=0,
        after=frozenset(),
        outcome=None,
        rows=None,
        failures=None,
        seconds=None,
        message="",
    )


def figures(memory, uid="m", *, timetable=None, parents=(), critical=False):
    return node_runs(memory, uid, now=NOON, timetable=timetable, parents=parents, critical=critical)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Outcome.SUCCESS, "success"),
        (Outcome.WARN, "warn"),
        (Outcome.FAIL, "failed"),
        (Outcome.ERROR, "failed"),
        (Outcome.LOST, "failed"),
        (Outcome.CANCELLED, "cancelled"),
        (None, "running"),
    ],
)
def test_a_node_stands_as_its_newest_attempt_ended(outcome, state):
    assert Memory(newest={"m": attempt(outcome=outcome)}).state("m") == state


def test_a_node_that_a_newer_run_passed_over_stands_as_passed_over():
    memory = Memory(
        newest={"m": attempt(ago=60)}, sitting=[run()], nodes={"r2": [node("m", NodeState.UPSTREAM_FAILED)]}
    )
    assert memory.state("m") == "upstream_failed"


def test_an_attempt_after_that_run_counts_more():
    memory = Memory(
        newest={"m": attempt(ago=1)}, sitting=[run()], nodes={"r2": [node("m", NodeState.SKIPPED)]}
    )
    assert memory.state("m") == "success"


def test_a_node_waiting_in_a_run_keeps_the_state_it_had():
    memory = Memory(
        newest={"m": attempt(ago=60)}, sitting=[run()], nodes={"r2": [node("m", NodeState.WAITING)]}
    )
    assert memory.state("m") == "success"
    assert memory.state("never seen") is None


def test_the_figures_come_from_the_last_successes():
    past = [attempt(ago=10 * k, seconds=s) for k, s in enumerate((9.0, 1.0, 3.0, 2.0, 4.0, 100.0), 1)]
    found = figures(Memory(newest={"m": past[0]}, successes={"m": past}), critical=True)
    assert found.seconds == 3.0, "the median of the last five"
    assert found.durations == (100.0, 4.0, 2.0, 3.0, 1.0, 9.0), "oldest first"
    assert found.rows == 7
    assert found.freshness_seconds == 600.0
    assert found.critical
    assert found.message is None


def test_a_failure_keeps_the_age_of_the_last_success_and_says_why():
    memory = Memory(newest={"m": attempt(outcome=Outcome.ERROR, ago=1)}, successes={"m": [attempt(ago=90)]})
    found = figures(memory)
    assert (found.state, found.freshness_seconds) == ("failed", 5400.0)
    assert found.last_run == NOON - minutes(1)
    assert found.message == "what the adapter said"


def test_what_never_ran_has_no_figures():
    found = figures(Memory())
    assert (found.state, found.seconds, found.last_run, found.durations) == (None, None, None, ())


@pytest.mark.parametrize(("ago", "stale"), [(59, False), (119, False), (121, True)])
def test_with_a_schedule_a_node_is_stale_when_two_fires_have_passed(ago, stale):
    memory = Memory(newest={"m": attempt(ago=ago)}, successes={"m": [attempt(ago=ago)]})
    assert figures(memory, timetable=make_timetable(schedule="@hourly")).stale is stale


def test_a_schedule_that_has_ended_makes_nothing_stale():
    ended = make_timetable(schedule="@hourly", start=NOON - timedelta(days=2), end=NOON - timedelta(days=1))
    memory = Memory(newest={"m": attempt(ago=300)}, successes={"m": [attempt(ago=300)]})
    assert not figures(memory, timetable=ended).stale


@pytest.mark.parametrize(("parent_ago", "stale"), [(30, False), (5, True)])
def test_without_a_schedule_a_node_is_stale_when_a_parent_was_built_since(parent_ago, stale):
    successes = {"m": [attempt(ago=10)], "p": [attempt("p", ago=parent_ago)]}
    memory = Memory(newest={"m": attempt(ago=10)}, successes=successes)
    assert figures(memory, parents=("p", "source")).stale is stale
    assert figures(memory, parents=("p",), timetable=make_timetable()).stale is stale


def test_the_critical_path_is_the_longest_by_seconds_not_by_steps():
    order = ("s", "a", "b", "c", "d", "e")
    parents = {"a": ("s",), "b": ("a",), "c": ("b",), "d": ("s",), "e": ("c", "d")}
    seconds = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 5.0, "e": 1.0}
    assert critical_path(order, parents, seconds) == {"d", "e"}
    assert critical_path(order, parents, {}) == frozenset()
    assert critical_path((), {}, {}) == frozenset()


def test_bars_start_with_the_first_attempt_and_those_under_way_end_now():
    attempts = [
        attempt("a", ago=10, seconds=60),
        attempt("a", Outcome.ERROR, ago=9, seconds=30, number=2),
        attempt("t", None, ago=8, seconds=0),
        attempt("hidden", ago=100),
    ]
    found = gantt(Memory(attempts=attempts), {"a": ("a", None), "t": ("a", "unique_a")}, NOON)
    assert found is not None
    assert found.start == NOON - minutes(11)
    assert [(bar.node, bar.test, bar.attempt, bar.start, bar.end, bar.state) for bar in found.bars] == [
        ("a", None, 1, 0.0, 60.0, "success"),
        ("a", None, 2, 90.0, 120.0, "failed"),
        ("a", "unique_a", 1, 180.0, 660.0, "running"),
    ]
    assert found.seconds == 660.0
    assert gantt(Memory(attempts=attempts), {}, NOON) is None


def test_a_chart_of_too_many_bars_keeps_the_longest(monkeypatch):
    monkeypatch.setattr("sqlorch.app.report_chart._MOST_BARS", 2)
    attempts = [attempt(ago=ago, seconds=ago) for ago in (30, 20, 10)]
    found = gantt(Memory(attempts=attempts), {"m": ("m", None)}, NOON)
    assert found is not None
    assert [bar.end - bar.start for bar in found.bars] == [30.0, 20.0]
    assert found.skipped_bars == 1


class Store:
    def __init__(self, *runs):
        self._runs = list(runs)

    def runs(self, *, limit):
        return self._runs[:limit]


def sitting(*runs):
    return [found.run_id for found in _sitting(Store(*runs))]


def test_a_sitting_is_what_ran_without_a_pause():
    newest = run(ago=5, lasted=5, group="daily", run_id="daily")
    before = run(ago=20, lasted=14, group="hourly", run_id="hourly")
    earlier = run(ago=60, lasted=30, group="monthly", run_id="monthly")
    assert sitting(newest, before, earlier) == ["daily", "hourly"]
    assert sitting() == []


def test_of_each_group_the_newest_run_of_a_sitting_is_taken():
    runs = [run(ago=ago, lasted=1, run_id=f"ago-{ago}") for ago in (1, 2, 3)]
    assert sitting(*runs, run(ago=4, lasted=1, group="reference", run_id="first")) == ["ago-1", "first"]


def test_a_retried_run_counts_by_when_it_ran_last_and_a_waiting_one_not_at_all():
    retried = run(ago=2, lasted=1, group="hourly", run_id="retried")
    newer = run(ago=90, lasted=1, run_id="created later")
    waiting = run(started=False, group="other", run_id="waiting")
    assert sitting(waiting, newer, retried) == ["retried"]


def test_headers_say_the_interval_in_words():
    (header,) = headers(Memory(sitting=[run()]))
    assert (header.run_id, header.group, header.state) == ("r2", "daily", "failed")
    assert header.interval == "2024-02-29T12:00/2024-03-01T12:00"
