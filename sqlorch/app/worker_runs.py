"""How the worker takes one run from the queue, or from where a dead worker left it, to its end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sqlorch.app.claiming import Claims, EmptySelectionError
from sqlorch.app.clock import SystemClock
from sqlorch.app.running import make_driver
from sqlorch.app.settling import settle
from sqlorch.app.verified import verified
from sqlorch.app.workspace import Workspace
from sqlorch.domain.backends import backend_tag
from sqlorch.domain.describe import compact
from sqlorch.domain.errors import ProjectError, SqlorchError, StateError
from sqlorch.domain.history import RunRecord
from sqlorch.domain.lost import LOST_BUDGET
from sqlorch.domain.run import NodeResult, NodeState, RunSpec, RunState
from sqlorch.engine.stop import Stop
from sqlorch.executors.messages import Declined, Drive, NodeBegan, NodeEnded, RunBegan, RunEnded
from sqlorch.executors.worker_streams import Channel
from sqlorch.state.owner import can_be_seen, current_owner

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession
    from sqlorch.lineage.code.book import CodeBook
    from sqlorch.state.store import SqlStore


class StrandedError(SqlorchError):
    """A run stays where it is; it is taken up by another worker when this process is gone."""


class Teller:
    """Tells the daemon what happens; a :class:`sqlorch.engine.ports.Listener`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.nodes = 0

    def run_started(self, spec: RunSpec) -> None:
        """See the port."""
        self._channel.send(
            RunBegan(
                run_id=spec.run_id,
                group=spec.group,
                interval=compact(spec.interval, spec.timezone),
                nodes=len(spec.nodes),
            )
        )

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        """See the port."""
        self.nodes += 1
        self._channel.send(NodeBegan(run_id=run_id, node=unique_id, attempt=attempt))

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        """See the port."""
        self._channel.send(
            NodeEnded(
                run_id=run_id,
                node=unique_id,
                attempt=attempt,
                outcome=result.outcome,
                seconds=result.seconds,
                message=result.message,
                retry_in=retry_in,
            )
        )

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        """See the port; the daemon's log does without."""

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        """See the port; an alert says it too, where it matters."""
        to_log(f"{run_id}: {unique_id or ''} {message}")

    def run_finished(self, record: RunRecord) -> None:
        """See the port; told once by :class:`Drives`, whatever happened."""


class Drives:
    """Drives runs on one session.

    Args:
        workspace, session, store: the open project and what is remembered of it.
        before: the code of its nodes as it was before it was opened.
        channel: to the daemon.
        stop: asked for when the worker has to leave.
        edited: whether the project's files are others than those that are open.
    """

    def __init__(
        self,
        *,
        workspace: Workspace,
        session: WarmSession,
        store: SqlStore,
        before: CodeBook | None,
        channel: Channel,
        stop: Stop,
        edited: Callable[[], bool],
    ) -> None:
        self._edited = edited
        self._workspace = workspace
        self._session = session
        self._store = store
        self._channel = channel
        self._teller = Teller(channel)
        self._driver = make_driver(
            workspace,
            session,
            store=store,
            listener=self._teller,
            stop=stop,
            fail_fast=False,
            queue=store.queue,
            alerts=store.alerts,
        )
        graph = verified(workspace, session, to_log)
        self._claims = Claims(session=session, graph=graph, store=store, code=_certain(before, graph.code))

    @property
    def nodes(self) -> int:
        """Attempts at nodes so far."""
        return self._teller.nodes

    def drive(self, order: Drive) -> None:
        """Drive a run and tell how it ended, or why it was not begun.

        Raises:
            StrandedError: the run was begun and can neither be driven on nor ended from here.
        """
        began = time.monotonic()
        reached = False
        try:
            self._session.reach()
            settle(self._store, self._session, target=self._workspace.choices.target, tell=to_log)
            reached = True
            record = self._begin(order)
        except StrandedError:
            raise
        except SqlorchError as error:
            self._channel.send(Declined(run_id=order.run_id, reason=str(error), for_all=not reached))
            return
        if record is None:
            why = "another process has it, or it may not begin yet"
            self._channel.send(Declined(run_id=order.run_id, reason=why, taken=True))
            return
        self._channel.send(
            RunEnded(
                run_id=record.run_id,
                group=record.group,
                state=record.state,
                reason=record.reason,
                seconds=time.monotonic() - began,
            )
        )

    def _begin(self, order: Drive) -> RunRecord | None:
        """Take the run; None when somebody else was quicker, or has it."""
        record = self._store.run(order.run_id)
        if record.state is RunState.QUEUED:
            return self._claim(record, order.max_active)
        if record.state is RunState.RUNNING and self._abandoned(record):
            return self._take_up(record)
        return None

    def _abandoned(self, record: RunRecord) -> bool:
        """Whether nobody drives a run: its process is gone, or is a daemon, which drives none itself."""
        owner = record.owner
        if owner is None or (can_be_seen(owner) and owner.pid == os.getppid()):
            return True
        return not self._store.is_alive(owner) or owner in self._store.leases.standing().daemons

    def _claim(self, record: RunRecord, max_active: int | None) -> RunRecord | None:
        try:
            spec = self._claims.spec(record)
        except EmptySelectionError as error:  # left queued, it would hold up every run of its group behind it
            if self._edited():  # what is selected may have been written a moment ago
                raise ProjectError(f"{error}, and the project was edited since it was read") from error
            return self._hopeless(record, str(error))
        self._claims.remember_code(spec)
        now = SystemClock().now()
        if not self._store.queue.claim(spec, owner=current_owner(), now=now, max_active=max_active):
            return None
        if not spec.nodes:
            why = "every node of it was done already"
            self._store.move_run(spec.run_id, RunState.RUNNING, RunState.SUCCESS, now=now, reason=why)
            return self._store.run(spec.run_id)
        return self._drive(spec, {})

    def _hopeless(self, record: RunRecord, why: str) -> RunRecord | None:
        """Fail a run that can never begin; None when somebody else has it."""
        now = SystemClock().now()
        if not self._store.move_run(record.run_id, RunState.QUEUED, RunState.FAILED, now=now, reason=why):
            return None
        return self._store.run(record.run_id)

    def _take_up(self, record: RunRecord) -> RunRecord | None:
        """Go on with a run whose driver has died or was suspended."""
        gone = [backend_tag(record.owner)] if record.owner is not None else []
        self._session.reap(gone)
        nodes = self._store.nodes(record.run_id)
        kept = self._claims.unrepeatable(record, nodes)
        rescue = self._store.queue.rescue(
            record.run_id,
            gen=record.gen,
            was=record.owner,
            owner=current_owner(),
            now=SystemClock().now(),
            budget=LOST_BUDGET,
            keep=kept,
        )
        if rescue is None:
            return None
        self._store.lost.forget(gone)
        nodes = self._store.nodes(record.run_id)
        spec = self._claims.spec_again(record, nodes)
        return self._drive(spec, {node.unique_id: node.state for node in nodes})

    def _drive(self, spec: RunSpec, states: Mapping[str, NodeState]) -> RunRecord:
        try:
            return self._driver.drive(spec, states=states)
        except SqlorchError as error:
            return self._not_driven(spec, error)
        except KeyboardInterrupt:  # the worker leaves
            return self._store.run(spec.run_id)

    def _not_driven(self, spec: RunSpec, error: SqlorchError) -> RunRecord:
        """Stored as failed with the reason, unless it was the store that failed."""
        try:
            record = self._store.run(spec.run_id)
        except StateError as another:
            raise StrandedError(f"{spec.run_id} had to be left: {error}") from another
        if not record.state.terminal and record.owner == current_owner():
            raise StrandedError(f"{spec.run_id} had to be left: {error}") from error
        return record


def _certain(before: CodeBook | None, after: CodeBook | None) -> Mapping[str, str]:
    """Fingerprints of what dbt has read: those of files that were the same before and after it did.

    An edit in between is seen by the daemon, which has the project opened anew; what is run until then must
    not be remembered as made by code it may not have been made by.
    """
    if before is None or after is None:
        return {}
    return dict(before.fingerprints.items() & after.fingerprints.items())


def to_log(line: str) -> None:
    """Write a line into the worker's log, which is wherever it prints to."""
    print(line, flush=True)  # noqa: T201 - the worker prints into its log
