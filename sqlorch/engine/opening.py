"""Open a run, again after an error that may pass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlorch.domain.errors import TransientError
from sqlorch.domain.retry import retry_delay
from sqlorch.domain.run import RetryPolicy, RunSpec
from sqlorch.engine.attending import Attendance
from sqlorch.engine.ports import RunContext


def open_run(spec: RunSpec, todo: Sequence[str], attendance: Attendance) -> RunContext:
    """Open a run so that a stop cuts what takes long, and as patiently as its nodes are tried.

    A warehouse that is restarted just now is a node's loss only if there is a node; before the first one it
    would be the whole run's.

    Args:
        spec: the run; as many errors that may pass are let pass as its most patient node has ``retries``.
        todo: unique ids of the nodes that are still to be executed.
        attendance: who cuts it, and whose session opens it.

    Raises:
        SqlorchError: the run could not be opened, or was not to go on meanwhile.
    """
    crew, policy = (
        attendance.crew,
        max((node.retry for node in spec.nodes), key=_patience, default=RetryPolicy()),
    )
    opening = partial(
        attendance.session.open_run,
        run_id=spec.run_id,
        interval=spec.interval,
        variables=spec.variables,
        nodes=todo,
        target_path=crew.run_dir(spec.run_id) / "target",
        full_refresh=bool(spec.invocation.get("full_refresh")),
    )
    failures = 0
    while True:
        try:
            return attendance.work(opening)
        except TransientError as error:
            failures += 1
            if failures > policy.retries or attendance.unwanted:
                raise
            delay = retry_delay(policy, key=f"{spec.run_id}/opening", failures=failures)
            crew.listener.warned(spec.run_id, None, f"{error}; opened again in {delay:.0f} s")
            attendance.pause(delay)
            if attendance.unwanted:
                raise


def _patience(policy: RetryPolicy) -> tuple[int, float]:
    return policy.retries, policy.delay
