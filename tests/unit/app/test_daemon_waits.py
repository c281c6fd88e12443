from __future__ import annotations

import io

from support.scheduling import at

from sqlorch.app.daemon_waits import WaitTeller, last_words, waiting_lines
from sqlorch.app.journal import Journal
from sqlorch.domain.scheduling import GroupState, GroupStatus

NEVER = "waiting for default, whose raw was never built; sqlorch trigger default"
FAILED = "waiting for up 2026-01-05: m failed in sched-9; sqlorch retry sched-9"


def state(name: str, status: GroupStatus, reason: str = "") -> GroupState:
    return GroupState(name=name, status=status, reason=reason, cursor=None, watched_since=at(0))


def test_runs_that_wait_for_the_same_are_one_line() -> None:
    assert list(waiting_lines({"a": NEVER, "b": "cap 1/1 (max_active_runs)", "c": NEVER, "d": NEVER})) == [
        "run a and 2 more wait for default, whose raw was never built; sqlorch trigger default",
        "run b waits: cap 1/1 (max_active_runs)",
    ]


def test_what_only_a_person_can_end_is_said_once_until_it_is_over() -> None:
    stream = io.StringIO()
    teller = WaitTeller(Journal(as_json=False, stream=stream))

    def told(**waiting: str) -> list[str]:
        stream.seek(0)
        stream.truncate()
        teller.tell(waiting)
        return [line.split("Z WARN ")[1] for line in stream.getvalue().splitlines()]

    first = "run a waits for default, whose raw was never built; sqlorch trigger default"
    paused = "the group is paused; sqlorch resume daily"
    assert told(a=NEVER, b="cap 1/1 (max_active_runs)", c=paused) == [first]
    assert told(a=NEVER, d=NEVER) == []
    assert told(a=NEVER, e=FAILED) == [
        "run e waits for up 2026-01-05: m failed in sched-9; sqlorch retry sched-9"
    ]
    assert told(a=f"{NEVER}; waiting for hourly 2026-01-05 00:00 and 23 more") == []
    assert told(a=NEVER.replace("raw was", "raw and 2 more were"), d=NEVER) == []
    assert told() == []
    both = f"waiting for hourly 2026-01-05 00:00; {NEVER}; {FAILED}"
    assert told(a=both) == [
        first,
        "run a waits for up 2026-01-05: m failed in sched-9; sqlorch retry sched-9",
    ]
    assert told() == []
    assert told(a=NEVER) == [first]


def test_last_words_name_what_is_left() -> None:
    active, held = state("a", GroupStatus.ACTIVE), state("b", GroupStatus.HELD, "30 are due")
    assert last_words({}, [active]) == "stopped"
    assert last_words({"x": FAILED}, [active, held]).splitlines() == [
        "stopped; 1 run still waits and 1 group is held:",
        "run x waits for up 2026-01-05: m failed in sched-9; sqlorch retry sched-9",
        "b is held: 30 are due",
    ]
    many = last_words({str(number): f"cap {number}" for number in range(30)}, []).splitlines()
    assert many[0] == "stopped; 30 runs still wait:"
    assert many[-1] == "and 10 more reasons; sqlorch why GROUP"
    assert len(many) == 22
