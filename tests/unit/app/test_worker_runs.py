"""What a worker makes of a run that it could not drive to its end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sqlorch.app.worker_runs import Drives, StrandedError
from sqlorch.domain.errors import ExecutionError, StateError
from sqlorch.domain.history import Owner
from sqlorch.domain.run import RunState
from sqlorch.state.owner import current_owner

ELSEWHERE = Owner(host="there", boot_id="b", pid=1, started=1)
SPEC: Any = SimpleNamespace(run_id="run-1")


def drives(answer: object) -> Drives:
    """One whose store answers with a run, or cannot be reached."""

    def run(_run_id: str) -> object:
        if isinstance(answer, Exception):
            raise answer
        return answer

    made = Drives.__new__(Drives)
    made._store = SimpleNamespace(run=run)  # type: ignore[assignment]
    return made


def record(state: RunState, owner: Owner) -> Any:
    return SimpleNamespace(state=state, owner=owner)


def test_one_that_failed_is_told_as_it_is_stored() -> None:
    stored = record(RunState.FAILED, current_owner())
    assert drives(stored)._not_driven(SPEC, ExecutionError("no warehouse")) is stored


def test_one_that_another_process_has_is_left_to_it() -> None:
    stored = record(RunState.RUNNING, ELSEWHERE)
    assert drives(stored)._not_driven(SPEC, StateError("taken over")) is stored


@pytest.mark.parametrize(
    "answer", [record(RunState.RUNNING, current_owner()), StateError("the state is out of reach")]
)
def test_one_that_nobody_can_write_down_ends_the_worker(answer: object) -> None:
    with pytest.raises(StrandedError, match="run-1 had to be left: the state is out of reach"):
        drives(answer)._not_driven(SPEC, StateError("the state is out of reach"))
