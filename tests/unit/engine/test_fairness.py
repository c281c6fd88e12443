from datetime import UTC, datetime

from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.scheduling import OpenRun, RunKind
from sqlorch.engine.fairness import QUOTA, Fairness

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def run(name, backfill=None):
    return OpenRun(
        run_id=name,
        group="g",
        kind=RunKind.BACKFILL if backfill else RunKind.SCHEDULED,
        interval=Interval(T0, T0),
        timezone="UTC",
        gen=1,
        state=RunState.QUEUED,
        reason="",
        created_at=T0,
        started_at=None,
        due_at=T0,
        owner=None,
        backfill=backfill,
        cancel_requested="",
    )


def start(fairness, one, *, others=()):
    """One of the runs offered leaves the queue."""
    fairness.offer([one, *others])
    fairness.observe((other.run_id, other.gen) for other in others)


def test_scheduled_work_goes_first_until_the_quota_is_spent():
    fairness, mine, backfilled = Fairness(), run("s"), run("b", "bf-1")
    for _ in range(QUOTA):
        assert fairness.rank(mine) < fairness.rank(backfilled)
        start(fairness, mine, others=[backfilled])
    assert fairness.rank(backfilled) < fairness.rank(mine)
    start(fairness, backfilled, others=[mine])
    assert fairness.rank(mine) < fairness.rank(backfilled)


def test_backfills_take_turns():
    fairness, one, other = Fairness(), run("b1", "bf-1"), run("b2", "bf-2")
    start(fairness, one, others=[other])
    assert fairness.rank(other) < fairness.rank(one)
    start(fairness, other, others=[one])
    assert fairness.rank(one) < fairness.rank(other)


def test_what_was_not_offered_is_not_counted():
    fairness = Fairness()
    for _ in range(9):
        fairness.offer([])
        fairness.observe([])
    assert fairness.rank(run("s")) < fairness.rank(run("b", "bf-1"))
