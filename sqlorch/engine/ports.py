"""Every seam of the engine, as a Protocol. Adapters live in the rooms above and register in ``app.py``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlorch.domain.dag import Dag
    from sqlorch.domain.freshness import SourceFreshness, SourceReading
    from sqlorch.domain.history import AttemptRecord, NodeMove, NodeRecord, Owner, RunRecord
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.run import NodeResult, RunSpec, RunState


class Clock(Protocol):
    """Where "now" comes from, so that tests own time."""

    def now(self) -> datetime:
        """The current instant in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class RunStore(Protocol):
    """What is remembered of runs. Every method is one transaction; a refused move changes nothing."""

    def create_run(self, spec: RunSpec, *, now: datetime) -> None:
        """Write a queued run with all its nodes ``waiting``, generation 1.

        Raises:
            StateError: the run id exists.
        """

    def move_run(
        self,
        run_id: str,
        before: RunState,
        after: RunState,
        *,
        now: datetime,
        reason: str = "",
        owner: Owner | None = None,
    ) -> bool:
        """Compare-and-swap a run's state; False when it was not in ``before``.

        Entering ``running`` records ``owner`` and the start; entering a terminal state records the end.
        """

    def step(
        self,
        run_id: str,
        *,
        now: datetime,
        results: Sequence[tuple[AttemptRecord, NodeResult]] = (),
        moves: Sequence[NodeMove] = (),
        dispatch: Sequence[str] = (),
        limits: Mapping[str, int] | None = None,
    ) -> list[AttemptRecord]:
        """Apply in one transaction, in this order: results of attempts, node moves, new attempts.

        A result closes its attempt only when the attempt is still live with the same fence; otherwise it is
        kept with the state ``fenced`` and nothing else of that node changes. Results do not move nodes by
        themselves: the caller says with ``moves`` what follows. ``dispatch`` moves each node
        ``ready -> dispatched -> running`` and opens an attempt with the next number and fence.

        With ``limits``, the sizes of the pools, what other runs execute now is heeded: a node that is no test
        and that a living process builds in another run is not started, nor is one whose pool is full over all
        runs; it stays ``ready`` with that as its reason.

        Returns:
            The new attempts, in the order of ``dispatch``.

        Raises:
            StateError: a move is not in the transition table or the stored state differs from ``before``.
        """

    def rerun(
        self,
        run_id: str,
        unique_ids: Iterable[str],
        *,
        now: datetime,
        code: Mapping[str, str] | None = None,
    ) -> int:
        """Send a terminal run back to ``queued`` with the next generation, the named nodes ``waiting`` again.

        ``code`` has the fingerprints of the code they are now executed with; None leaves those of before.

        Returns:
            The new generation.

        Raises:
            StateError: no such run, or it is not terminal.
        """

    def run(self, run_id: str) -> RunRecord:
        """One run.

        Raises:
            StateError: no such run; the message offers the nearest ids.
        """

    def runs(
        self, *, group: str | None = None, state: RunState | None = None, limit: int | None = None
    ) -> list[RunRecord]:
        """Runs, newest created first."""

    def nodes(self, run_id: str) -> list[NodeRecord]:
        """The nodes of a run in its topological order."""

    def attempts(self, run_id: str, unique_id: str | None = None) -> list[AttemptRecord]:
        """Attempts of a run, oldest first; of one node when named."""


class FreshnessStore(Protocol):
    """What is remembered of sources: how fresh each was, by run and generation."""

    def keep(self, run_id: str, gen: int, found: Sequence[SourceFreshness]) -> None:
        """Remember what a run, or a sensor it waits for, has measured; the newest of a source counts.

        Nothing is kept of a run that is not there any more.
        """

    def of_run(self, run_id: str) -> list[SourceFreshness]:
        """What the newest generation of a run has left, by the name of the source."""


class RunContext(Protocol):
    """One run opened for execution: hooks done once, nodes executed any number of times, then closed."""

    def source_freshness(self) -> Sequence[SourceReading]:
        """How fresh the sources are that the run's nodes read, of those that say how fresh they must be.

        Blocks the calling thread for a query a source, and asks nothing where no source says it. Never raises
        for what was found, nor for a source that cannot be measured.
        """

    def made_anew(self, unique_ids: Sequence[str]) -> Sequence[str]:
        """Those of these nodes whose tables begin anew: by a full refresh, or as there are none."""

    def execute(self, unique_id: str, *, log_path: Path) -> NodeResult:
        """Execute one node, blocking the calling thread. Never raises for what the node did."""

    def cancel(self, unique_ids: Iterable[str] | None = None) -> None:
        """Stop the running queries of these nodes (None: all), from another thread."""

    def finish(self, results: Sequence[NodeResult]) -> str:
        """Run what belongs after a run (``on-run-end``); returns ``""`` or one line on what failed."""

    def abandon(self) -> None:
        """Let go of the run without what belongs after it: somebody else goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Where a node's rows are: unquoted parts, and ``quoted``, the name as SQL wants it."""

    schema: str
    name: str
    quoted: str


class Check(Protocol):
    """Nodes of the graph that dbt knows nothing of: they look at what a node of dbt's has built."""

    def extend(self, dag: Dag) -> Dag:
        """The graph with these nodes in it.

        Raises:
            ConfigError: what is written about them cannot be used.
        """

    def owns(self, unique_id: str) -> bool:
        """Whether a node is one of these."""

    def begin(self, unique_ids: Iterable[str]) -> None:
        """A run with some of these nodes opens: get ready beside its first nodes."""

    def execute(
        self,
        unique_id: str,
        relation: Relation,
        connection: Any,
        *,
        interval: Interval,
        variables: Mapping[str, Any],
        log: Callable[[str], None],
        record: Path,
    ) -> NodeResult:
        """Check on the driver's open connection. Never raises for what was found.

        ``log`` takes lines for the attempt's log; all that was found may be kept in the file ``record``.
        """


class WarehouseSession(Protocol):
    """A dbt project opened on one target, kept warm over many runs."""

    @property
    def dag(self) -> Dag:
        """Every node of the project, sources and exposures included."""

    @property
    def threads(self) -> int:
        """How many nodes may be executed at once."""

    def open_run(
        self,
        *,
        run_id: str,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        full_refresh: bool,
    ) -> RunContext:
        """Prepare one run: variables bound, schemas made, ``on-run-start`` executed.

        Raises:
            TransientError: the warehouse is unreachable for now; no hook was executed.
            ExecutionError: a hook failed.
        """

    def interrupt(self) -> None:
        """Stop every query of this session, from another thread; for while a run is being opened."""

    def close(self) -> None:
        """Let go of the warehouse: no file stays locked, no connection open. May be called twice."""


class Reaper(Protocol):
    """Ends what processes that are gone left running in the warehouse."""

    def reap(self, tags: Collection[str]) -> int:
        """End the queries of these processes (:mod:`sqlorch.domain.backends`), and wait until they are gone.

        Returns:
            How many there were; 0 where the warehouse ends them by itself.

        Raises:
            ExecutionError: the warehouse cannot be reached, or something is still there; nothing is to be
                begun beside it.
        """


class Listener(Protocol):
    """Someone who wants to know what happens while it happens. It must not raise and must not be slow."""

    def run_started(self, spec: RunSpec) -> None:
        """A run begins."""

    def node_started(self, run_id: str, unique_id: str, attempt: int) -> None:
        """An attempt at a node begins."""

    def node_finished(
        self, run_id: str, unique_id: str, attempt: int, result: NodeResult, retry_in: float | None
    ) -> None:
        """An attempt ended; ``retry_in`` seconds until the next one, None when there is none."""

    def node_skipped(self, run_id: str, unique_id: str, reason: str) -> None:
        """A node will not be executed in this run, for the reason given."""

    def warned(self, run_id: str, unique_id: str | None, message: str) -> None:
        """Something about a run, or a node of it, that a person should know and that ends nothing."""

    def run_finished(self, record: RunRecord) -> None:
        """A run reached a terminal state."""


class ArrowStream(Protocol):
    """Rows as a stream of Arrow batches, whichever library made it.

    The method is the Arrow PyCapsule interface: ``pyarrow.RecordBatchReader`` has it, a DuckDB relation too.
    """

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The stream as a capsule that holds a C ``ArrowArrayStream``. It can be read once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTable:
    """One table to publish.

    Attributes:
        name: its name in the published file.
        open: begins reading; when the context ends, whatever the rows come from is let go of.
        description: what a person should know of it, ``""`` for nothing.
    """

    name: str
    open: Callable[[], AbstractContextManager[ArrowStream]]
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What was published: the file, the rows of each table in the order given, its size in bytes."""

    path: Path
    rows: Mapping[str, int]
    size: int


class Exporter(Protocol):
    """Publishes tables for dashboards to one place, named when the exporter is made."""

    def publish(self, tables: Iterable[ExportTable]) -> Publication:
        """Replace what was published before by these tables, all at once.

        A reader sees the old tables or the new ones, never something between; a failure leaves the old ones.

        Raises:
            IntegrationError: the place cannot be written or a table cannot be read; names both.
        """
