from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from sqlorch.domain.group import RunRules
from sqlorch.domain.interval import Interval
from sqlorch.domain.run import RunState
from sqlorch.domain.sla import ScheduledRun, Verdict, verdicts

END = datetime(2024, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
LATER = END + 10 * HOUR
RULES = RunRules(start_within=600, finish_within=7200)
RUN = ScheduledRun(
    run_id="r1",
    group="daily",
    interval=Interval(END - 24 * HOUR, END),
    gen=1,
    state=RunState.SUCCESS,
    started_at=END + timedelta(minutes=1),
    finished_at=END + HOUR,
)


def judged(run: ScheduledRun, now: datetime = LATER) -> dict[str, Verdict]:
    return {verdict.deadline.kind: verdict for verdict in verdicts(run, RULES, now)}


def test_in_time():
    found = judged(RUN)
    assert [found[kind].met for kind in ("start_within", "finish_within")] == [True, True]
    assert found["finish_within"].deadline.at == END + 2 * HOUR
    assert found["finish_within"].late == timedelta()


@pytest.mark.parametrize(("minutes", "met", "late"), [(120, True, 0), (121, False, 1), (400, False, 280)])
def test_too_late_is_said_by_how_much(minutes: int, met: bool, late: int):
    finish = judged(replace(RUN, finished_at=END + timedelta(minutes=minutes)))["finish_within"]
    assert (finish.met, finish.late) == (met, timedelta(minutes=late))


def test_a_run_that_failed_has_not_done_it():
    finish = judged(replace(RUN, state=RunState.FAILED))["finish_within"]
    assert (finish.met, finish.reached, finish.late) == (False, None, None)


def test_what_is_still_possible_is_not_judged():
    waiting = replace(RUN, state=RunState.QUEUED, started_at=None, finished_at=None)
    assert [each.met for each in judged(waiting, END + timedelta(minutes=5)).values()] == [None, None]
    assert [each.met for each in judged(waiting, END + HOUR).values()] == [False, None]
    assert [each.met for each in judged(waiting).values()] == [False, False]


def test_of_a_run_made_again_only_the_end_is_judged():
    assert set(judged(replace(RUN, gen=2))) == {"finish_within"}


def test_without_rules_nothing_is():
    assert list(verdicts(RUN, RunRules(), LATER)) == []
