"""One run opened inside a warm session: its own variables, its own copies of the nodes, hooks once."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dbt.artifacts.schemas.results import RunStatus
from dbt.artifacts.schemas.run import RunResult
from dbt.config import RuntimeConfig
from dbt.contracts.graph.manifest import Manifest
from dbt.graph.thread_pool import DbtThreadPool
from dbt.node_types import RunHookType
from dbt.task import group_lookup
from dbt.task.build import BuildTask
from dbt.task.run import MicrobatchModelRunner
from dbt_common.context import _INVOCATION_CONTEXT_VAR, get_invocation_context
from dbt_common.events.contextvars import task_contextvars
from dbt_common.invocation import get_invocation_id

from sqlorch.dbt.beside import Beside
from sqlorch.dbt.cache import drop_vanished, refresh_cache
from sqlorch.dbt.cache_journal import heed_changes, image_of
from sqlorch.dbt.cancelling import interrupt, open_connections
from sqlorch.dbt.errors import let_go_of_frames, one_line
from sqlorch.dbt.freshness import SourceGauge
from sqlorch.dbt.kept_results import KeptResult, pack, unpack
from sqlorch.dbt.node_log import NodeLogs
from sqlorch.dbt.results import node_result
from sqlorch.dbt.shared import Report, Shared
from sqlorch.domain.errors import ExecutionError
from sqlorch.domain.freshness import SourceReading
from sqlorch.domain.masking import replace_texts
from sqlorch.domain.run import NodeResult, Outcome


class DbtRunContext:
    """Executes the nodes of one run through dbt's own runners.

    Args:
        config: the run's configuration (its variables, its target path).
        base: the session's parsed manifest; nodes are copied from it, never written to.
        adapter: the session's adapter.
        logs: where dbt's words go.
        gauge: measures how fresh sources are.
        retire: told the driver's connections that are cancelled, which no other node may use.
        look_again: ask the warehouse for each node's relation before it is built: what dbt's cache has of it
            may be older than another run's work, which made it, or dropped it with what it stood on.

    Attributes:
        hooked: a hook of ``on-run-start`` may have been executed.
    """

    def __init__(
        self,
        *,
        config: RuntimeConfig,
        base: Manifest,
        adapter: Any,
        logs: NodeLogs,
        gauge: SourceGauge,
        retire: Callable[[Any], object],
        look_again: bool = False,
    ) -> None:
        self._config = config
        self._base = base
        self._adapter = adapter
        self._logs = logs
        self._retire = retire
        self._look_again = look_again
        self._gauge = gauge
        self._selected: tuple[str, ...] = ()
        self._manifest = copy_manifest(base)
        self._task = BuildTask(config.args, config, self._manifest)
        self._invocation = get_invocation_context()
        self._cancelled: set[str] = set()
        self._tried: set[str] = set()
        self._results: list[RunResult] = []
        self._follows = False
        self._keep_results = False
        self._packed: dict[str, KeptResult] = {}
        self._lock = threading.Lock()
        self._batch_pool: DbtThreadPool | None = None
        self._beside: Beside | None = None
        self.hooked = False

    def add(self, beside: Beside) -> None:
        """Execute the nodes of a check, too."""
        self._beside = beside

    def begin(self, unique_ids: Sequence[str], made: set[Any]) -> None:
        """Make schemas, fill the relation cache, and execute ``on-run-start``.

        Unless :attr:`hooked`, nothing was done that may not be done again; hooks are for once in a run.

        The cache is filled anew for every run: dbt keeps it true while it builds each relation once, but not
        when one is built a second time. On PostgreSQL replacing a view drops the views on it, and dbt knows
        only of dependencies it has read from the database.

        Args:
            unique_ids: the nodes that will be executed.
            made: the schemas earlier runs of the session have made; added to.

        Raises:
            ExecutionError: a hook failed.
        """
        self._selected = tuple(unique_ids)
        selected = frozenset(unique_ids)
        self._task.num_nodes = len(selected)
        Path(self._config.project_target_path).mkdir(parents=True, exist_ok=True)
        with (
            task_contextvars(project_root=self._config.project_root),
            self._adapter.connection_named("master"),
        ):
            schemas = self._task.get_model_schemas(self._adapter, selected)
            if schemas - made:
                self._task.create_schemas(self._adapter, schemas - made)
                made |= schemas
            self._adapter.cache.clear()
            self._task.populate_adapter_cache(self._adapter, schemas)
            group_lookup.init(self._manifest, selected)
            self.hooked = bool(self._task.get_hooks_by_type(RunHookType.Start))
            status = self._task.safe_run_hooks(self._adapter, RunHookType.Start, {})
        if status != RunStatus.Success:
            raise ExecutionError(self._hook_failure("on-run-start") or "on-run-start failed without a reason")

    def follow(self, unique_ids: Sequence[str], *, keep_results: bool) -> None:
        """Get ready for a run that another process has begun: no schema is made and no hook executed.

        Args:
            unique_ids: the nodes of the run.
            keep_results: keep dbt's own result of each node for :meth:`kept`.
        """
        self._follows, self._keep_results = True, keep_results
        self._task.num_nodes = len(unique_ids)
        group_lookup.init(self._manifest, frozenset(unique_ids))

    def share(self) -> Shared:
        """What processes that follow this run start from."""
        hooks = self._task.get_hooks_by_type(RunHookType.End)
        return Shared(
            image=image_of(self._adapter.cache),
            invocation_id=get_invocation_id(),
            wants_results=bool(hooks),
        )

    def absorb(self, report: Report) -> None:
        """Take in what a node has left behind in another process."""
        heed_changes(self._adapter.cache, report.changes)
        if report.kept is not None:
            result = unpack(report.kept, copy_node(_found(self._base, report.kept.unique_id)))
            with self._lock:
                self._results.append(result)

    def kept(self, unique_id: str) -> KeptResult | None:
        """Dbt's own result of the newest attempt at a node, handed over once."""
        with self._lock:
            return self._packed.pop(unique_id, None)

    def mark_tried(self, unique_id: str, *, lost: bool) -> None:
        """An attempt at the node was made before, in another process.

        Args:
            unique_id: the node.
            lost: that process has died, so that not all is known that was dropped.
        """
        self._tried.add(unique_id)
        if lost:
            drop_vanished(self._adapter)

    def source_freshness(self) -> Sequence[SourceReading]:
        """See :meth:`sqlorch.engine.ports.RunContext.source_freshness`."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        with task_contextvars(project_root=self._config.project_root):
            return self._gauge.read_by(self._selected, self._config, self._manifest, self._adapter)

    def made_anew(self, unique_ids: Sequence[str]) -> Sequence[str]:
        """See :meth:`sqlorch.engine.ports.RunContext.made_anew`; read from dbt's cache of relations."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        nodes = [self._manifest.nodes[uid] for uid in unique_ids]
        refreshed = bool(self._config.args.FULL_REFRESH)
        with self._adapter.connection_named("master"):
            there = {
                place: frozenset(str(one.identifier).lower() for one in self._adapter.list_relations(*place))
                for place in {(node.database, node.schema) for node in nodes}
            }
        return [
            node.unique_id
            for node in nodes
            # a node that says for itself whether it is refreshed does so in every run
            if (refreshed and node.config.full_refresh is None)
            or node.alias.lower() not in there[node.database, node.schema]
        ]

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        """Execute one node in the calling thread; what goes wrong is in the result."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        started = datetime.now(UTC)
        with self._lock:
            self._cancelled.discard(unique_id)  # of an earlier attempt, which took too long
        if self._beside is not None and self._beside.check.owns(unique_id):
            return self._look(self._beside, unique_id, log_path)
        node = self._fresh(unique_id)
        if self._look_again or unique_id in self._tried:
            refresh_cache(self._adapter, node)
        self._tried.add(unique_id)
        runner = self._task.get_runner(node)
        raised: list[Exception] = []
        _remember_exception(runner, raised)
        if isinstance(runner, MicrobatchModelRunner):
            runner.set_parent_task(self._task)
            runner.set_pool(self._pool())
        with self._logs.writing_to(log_path), task_contextvars(project_root=self._config.project_root):
            result = self._task.call_runner(runner)
            if result.message:
                self._logs.write(f"{result.status}: {result.message}")
        with self._lock:
            self._keep(unique_id, result)
            cancelled = unique_id in self._cancelled
        error = raised.pop() if raised else None
        if error is not None:
            let_go_of_frames(error)
        told = node_result(
            result.node,
            result,
            raised=error,
            cancelled=cancelled,
            started_at=started,
            log_path=log_path,
            project_root=Path(self._config.project_root),
        )
        # drivers may quote what they were given; from here the message goes into records and alerts
        return replace(told, message=self._logs.mask(told.message))

    def _look(self, beside: Beside, unique_id: str, log_path: Path) -> NodeResult:
        """Execute a node of a check, which dbt knows nothing of."""
        with self._logs.writing_to(log_path):
            result = beside.execute(unique_id, self._base, self._adapter, self._logs, log_path)
        result = self._without_secrets(result)
        with self._lock:
            cancelled = unique_id in self._cancelled
        outcome = Outcome.CANCELLED if cancelled and not result.outcome.ok else result.outcome
        return replace(result, outcome=outcome, log_path=str(log_path))

    def _keep(self, unique_id: str, result: RunResult) -> None:
        """Keep dbt's own result for ``on-run-end``, which is executed by whoever leads the run."""
        if not self._follows:
            self._results.append(result)
        elif self._keep_results:
            self._packed[unique_id] = pack(result, _found(self._base, unique_id))

    def _without_secrets(self, result: NodeResult) -> NodeResult:
        mask = self._logs.mask
        checks = tuple(
            replace(
                found,
                observed=replace_texts(found.observed, mask),
                samples=replace_texts(found.samples, mask),
                error=mask(found.error),
            )
            for found in result.checks
        )
        return replace(result, message=mask(result.message), checks=checks)

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        """Stop running queries from another thread; ``None`` stops all of this session."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        wanted = None if unique_ids is None else set(unique_ids)
        found = [
            connection
            for connection in open_connections(self._adapter)
            if self._is_node(connection.name) and (wanted is None or connection.name in wanted)
        ]
        with self._lock:
            self._cancelled |= {connection.name for connection in found}
        interrupt(self._adapter, found, self._retire)

    def finish(self, results: Sequence[NodeResult]) -> str:
        """Execute ``on-run-end``; returns ``""`` or what failed in one line."""
        del results  # dbt's hooks want dbt's own results, kept since each node ended
        try:
            with task_contextvars(project_root=self._config.project_root):
                self._task.node_results = []
                self._task.after_run(self._adapter, list(self._results))
        finally:
            self.abandon()
        return self._hook_failure("on-run-end")

    def abandon(self) -> None:
        """Close the connections of the run's threads."""
        if self._batch_pool is not None:
            self._batch_pool.close()
        self._adapter.cleanup_connections()

    def _is_node(self, name: str) -> bool:
        beside = self._beside is not None and self._beside.check.owns(name)
        return beside or _found(self._base, name) is not None

    def _fresh(self, unique_id: str) -> Any:
        """The node as parsed: compiling writes onto a node, and a second attempt must compile anew."""
        if unique_id in self._base.unit_tests:
            return self._base.unit_tests[unique_id]
        home = self._manifest.nodes if unique_id in self._base.nodes else self._manifest.functions
        node = home[unique_id] = copy_node(_found(self._base, unique_id))
        return node

    def _pool(self) -> DbtThreadPool:
        with self._lock:
            if self._batch_pool is None:
                self._batch_pool = DbtThreadPool(1, _INVOCATION_CONTEXT_VAR.set, [self._invocation])
            return self._batch_pool

    def _hook_failure(self, which: str) -> str:
        failed = [r for r in self._task.node_results if r.status != RunStatus.Success]
        if not failed:
            return ""
        file = str(failed[0].node.original_file_path).removeprefix("./")
        message = self._logs.mask(one_line(str(failed[0].message), placed=True))
        return f"{file}: {which} failed: {message}"


def copy_manifest(base: Manifest) -> Manifest:
    """A manifest whose nodes can be compiled into without touching the original's.

    Not ``copy.copy``: that goes through ``Manifest.__reduce_ex__``, whose argument order does not match the
    fields of dbt 1.11 and mixes up the lookups. Those hold names and ids only, so they can be shared.
    """
    manifest = object.__new__(Manifest)
    manifest.__dict__.update(base.__dict__)
    manifest.nodes = {uid: copy_node(node) for uid, node in base.nodes.items()}
    if hasattr(base, "functions"):  # dbt 1.11 and later
        manifest.functions = {uid: copy_node(node) for uid, node in base.functions.items()}
    return manifest


def _found(manifest: Manifest, unique_id: str) -> Any:
    for home in (manifest.nodes, manifest.unit_tests, getattr(manifest, "functions", {})):
        if unique_id in home:
            return home[unique_id]
    return None


def copy_node(node: Any) -> Any:
    """A shallow copy with fresh containers for all that compilation and execution write to."""
    ours = copy.copy(node)
    ours._event_status = {}  # noqa: SLF001 - dbt keeps a node's live status there
    if isinstance(getattr(type(node), "extra_ctes", None), property):
        return ours  # seeds: the attribute is computed
    if hasattr(node, "extra_ctes"):
        ours.extra_ctes = []
    return ours


def _remember_exception(runner: Any, raised: list[Exception]) -> None:
    """Keep the exception, which knows the SQLSTATE; dbt would turn it into a string."""
    original = runner.handle_exception

    def handle_exception(error: Exception, context: Any) -> Any:
        raised.append(error)
        return original(error, context)

    runner.handle_exception = handle_exception
