"""``sqlorch retry``: what failed or was skipped in a run, and what its failed checks read, once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.app.leasing import giving_up
from sqlorch.app.living import living_daemon
from sqlorch.app.own_target import claim_target
from sqlorch.app.publishing import Published, publish_after_run
from sqlorch.app.running import Ended, Outlook, Progress, group_session_nodes, make_driver
from sqlorch.app.settling import settle
from sqlorch.app.verified import Tell, read_code_of
from sqlorch.app.workspace import Workspace
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import ConfigError, ProjectError, StateError
from sqlorch.domain.history import NodeRecord, RunRecord
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.reprocess import examined
from sqlorch.domain.run import NodeState, RunState
from sqlorch.domain.scheduling import RunKind
from sqlorch.engine.node_specs import Overrides, Shape, stored_spec
from sqlorch.engine.stop import Stop

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.state.store import SqlStore

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
    tell: Tell,
    wait: bool = True,
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
        tell: told of what does not keep the run from starting, one sentence at a time.
        wait: wait for the daemon to let this command go first, instead of being refused.

    Returns:
        What came of it; no run at all when it had succeeded.

    Raises:
        StateError: there is no such run, or it has not ended.
        ProjectError: a node of it is no longer in the project.
    """
    turn = workspace.driving(command, wait=wait, waiting=tell)
    with turn as hosts, workspace.own_store() as store:
        record, nodes = store.run(run_id), store.nodes(run_id)
        if record.kind != RunKind.MANUAL and not nodes:
            raise StateError(f"{run_id} was never begun, so there is nothing to resume; a daemon starts it")
        if record.state is RunState.SUCCESS:  # a run that failed without a failed node has a hook to repeat
            return Ended(plan=None, runs=[], nodes={}, published=Published())
        started = _as_started(workspace, record)
        with (
            closing(started.executing_session(tell=tell)) as session,
            workspace.leased(store, hosts, lost=giving_up(stop, tell)),
        ):
            claim_target(store, session.target_name)
            settle(store, session, target=started.choices.target, tell=tell)
            shape = _shape(workspace, session, record, nodes)
            again = _again(nodes, shape.dag)
            durations = store.durations(again)
            code = _code_of(workspace, store, again, tell)
            store.rerun(run_id, again, now=SystemClock().now(), code=code)
            states = {node.unique_id: node.state for node in nodes if node.unique_id not in again}
            outlook = Outlook(plan=None, threads=session.threads, durations={})
            with progress(outlook) as listener:
                driver = make_driver(
                    workspace, session, store=store, listener=listener, stop=stop, fail_fast=fail_fast
                )
                spec = stored_spec(record, nodes, shape, durations=durations, overrides=overrides)
                ended = driver.drive(spec, states=states)
            published = publish_after_run(workspace, session, store)
            return Ended(plan=None, runs=[ended], nodes={run_id: store.nodes(run_id)}, published=published)


def _again(nodes: Sequence[NodeRecord], dag: Dag) -> list[str]:
    """What did not succeed, and what failed checks have looked at, with all that is below it."""
    there = frozenset(node.unique_id for node in nodes if node.unique_id in dag)
    todo = {node.unique_id for node in nodes if node.state is not _KEPT}
    failed = (node.unique_id for node in nodes if node.state is NodeState.FAILED)
    anew = frozenset(examined(dag, failed, there))
    wanted = todo | anew | (dag.descendants(anew) & there)
    return [node.unique_id for node in nodes if node.unique_id in wanted]


def hand_over(workspace: Workspace, run_id: str) -> tuple[int, int] | None:
    """Leave a run of the daemon to the daemon that is there.

    Returns:
        The run's new generation and the daemon's process id; None when the run is to be driven here:
        no daemon is there, or the run was not made for one.

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
        return gen, daemon.pid


def _code_of(
    workspace: Workspace, store: SqlStore, unique_ids: Iterable[str], tell: Tell
) -> Mapping[str, str]:
    """Fingerprints of the code the nodes are executed with now, after keeping what is behind them."""
    book = read_code_of(workspace, tell)
    if book is None:
        return dict.fromkeys(unique_ids, "")
    store.ledger.remember_code(book.texts(unique_ids))
    return book.fingerprints


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


def _shape(workspace: Workspace, session: WarmSession, record: RunRecord, nodes: list[NodeRecord]) -> Shape:
    """The project in the run's interval, with its limits and rules as they are now."""
    dag = session.dag_for(record.variables)
    gone = [node.unique_id for node in nodes if node.unique_id not in dag and node.state is not _KEPT]
    if gone:
        raise ProjectError(
            f"{', '.join(gone)} of {record.run_id} is no longer in the project; "
            "run the interval anew with: sqlorch run --interval ..."
        )
    return Shape(dag=dag, grouping=group_session_nodes(workspace, session, dag))
