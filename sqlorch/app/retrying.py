"""``sqlorch retry``: what failed or was skipped in a run, again, over the same interval."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.app.operating import living_daemon
from sqlorch.app.publishing import Published, publish_after_run
from sqlorch.app.running import Ended, Outlook, Progress, group_session_nodes, make_driver
from sqlorch.app.workspace import Workspace
from sqlorch.domain.errors import ConfigError, ProjectError, StateError
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.run import NodeState, RetryPolicy, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.engine.invoke import Overrides, retry_spec
from sqlorch.engine.stop import Stop

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession

_KEPT = NodeState.SUCCESS


def retry(
    workspace: Workspace,
    run_id: str,
    *,
    overrides: Overrides,
    fail_fast: bool,
    command: str,
    progress: Progress,
    stop: Stop,
    wait: bool = True,
    waiting: Callable[[str], object] = str,
) -> Ended:
    """Resume a run with its original interval, variables, target and nodes.

    Args:
        workspace: the project; what the run was started with replaces its target, variables and full refresh.
        run_id: the run, which must have ended.
        overrides: retry settings of the command line.
        fail_fast: stop at the first failure.
        command: the command line, for whoever finds the project busy.
        progress: makes the view of what happens.
        stop: a request to stop cancels the run.
        wait: wait for the daemon to let this command go first, instead of being refused.
        waiting: told before waiting who drives runs now.

    Returns:
        What came of it; no run at all when it had succeeded.

    Raises:
        StateError: there is no such run, or it has not ended.
        ProjectError: a node of it is no longer in the project.
    """
    turn = workspace.driving(command, wait=wait, waiting=waiting)
    with turn, workspace.store(alone=True) as store:
        record, nodes = store.run(run_id), store.nodes(run_id)
        if record.kind != RunKind.MANUAL and not nodes:
            raise StateError(f"{run_id} was never begun, so nothing of it can be resumed; a daemon starts it")
        todo = [node for node in nodes if node.state is not _KEPT]
        if record.state is RunState.SUCCESS:  # a run that failed without a failed node has a hook to repeat
            return Ended(plan=None, runs=[], nodes={}, published=Published())
        session = _as_started(workspace, record).session()
        try:
            policies, timeouts = _limits(workspace, session, record, nodes, overrides)
            record = store.run(run_id)
            store.rerun(run_id, [node.unique_id for node in todo], now=SystemClock().now())
            states = {node.unique_id: node.state for node in nodes if node.state is _KEPT}
            outlook = Outlook(plan=None, threads=session.threads, durations={})
            with progress(outlook) as listener:
                driver = make_driver(
                    workspace, session, store=store, listener=listener, stop=stop, fail_fast=fail_fast
                )
                ended = driver.drive(retry_spec(record, nodes, policies, timeouts), states=states)
            published = publish_after_run(workspace, session, store)
            return Ended(plan=None, runs=[ended], nodes={run_id: store.nodes(run_id)}, published=published)
        finally:
            session.close()


def hand_over(workspace: Workspace, run_id: str) -> tuple[int, int] | None:
    """Leave a run of the daemon to the daemon that is there.

    Returns:
        The run's new generation and the daemon's process id; None when the run is to be driven here: no daemon
        is there, or the run was not made for one.

    Raises:
        StateError: there is no such run, or it has not ended.
    """
    with workspace.store() as store:
        record, daemon = store.run(run_id), living_daemon(store)
        if record.kind == RunKind.MANUAL or record.state is RunState.SUCCESS or daemon is None:
            return None
        # what is done of it stays done, whatever it was asked for the first time
        gen = store.queue.requeue(
            run_id, now=SystemClock().now(), parameters={"reprocess": str(Reprocess.MISSING)}
        )
        return gen, daemon["pid"]


def _as_started(workspace: Workspace, record: RunRecord) -> Workspace:
    started = record.invocation
    if workspace.choices.target not in {None, started.get("target")}:
        raise ConfigError(
            f"{record.run_id} ran on the target {started.get('target') or 'of the profile'}; "
            "a retry runs there too: leave out --target"
        )
    choices = replace(
        workspace.choices, target=started.get("target"), full_refresh=bool(started.get("full_refresh"))
    )
    return replace(workspace, choices=choices, variables=dict(started.get("vars") or {}))


def _limits(
    workspace: Workspace,
    session: WarmSession,
    record: RunRecord,
    nodes: list[NodeRecord],
    overrides: Overrides,
) -> tuple[dict[str, RetryPolicy], Mapping[str, float]]:
    """The retry policy and the time limit of each node, as the project has them now."""
    dag = session.dag_for(record.variables)
    gone = [node.unique_id for node in nodes if node.unique_id not in dag and node.state is not _KEPT]
    if gone:
        raise ProjectError(
            f"{', '.join(gone)} of {record.run_id} is no longer in the project; "
            "run the interval anew with: sqlorch run --interval ..."
        )
    grouping = group_session_nodes(workspace, session, dag)
    policies = {uid: overrides.apply(policy) for uid, policy in grouping.retry.items()}
    return policies, grouping.timeout
