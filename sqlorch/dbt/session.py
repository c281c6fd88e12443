"""The warm session: one dbt project opened once, many runs executed in it."""

from __future__ import annotations

import gc
import json
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from functools import cached_property
from pathlib import Path
from typing import Any

from dbt.config import RuntimeConfig
from dbt.contracts.graph.manifest import Manifest
from dbt_common.context import _INVOCATION_CONTEXT_VAR, get_invocation_context

from sqlorch.dbt.backends import Backends
from sqlorch.dbt.beside import Beside
from sqlorch.dbt.cache_journal import CacheJournal
from sqlorch.dbt.cancelling import interrupt, open_connections
from sqlorch.dbt.catalog import relation_columns
from sqlorch.dbt.duckdb_rows import tell_rows
from sqlorch.dbt.economies import economies
from sqlorch.dbt.following import FollowedRun
from sqlorch.dbt.freshness import SourceGauge
from sqlorch.dbt.invocation import restore_environment, run_flags
from sqlorch.dbt.manifest_dag import dag_from_manifest
from sqlorch.dbt.messages import worded
from sqlorch.dbt.node_log import NodeLogs
from sqlorch.dbt.options import SessionOptions
from sqlorch.dbt.project import OpenProject, config_for_run, depends_on_interval, open_project, reparse
from sqlorch.dbt.run_context import DbtRunContext
from sqlorch.dbt.shared import Shared
from sqlorch.domain.adapters import IN_A_FILE
from sqlorch.domain.dag import Dag
from sqlorch.domain.errors import SqlorchError, TransientError
from sqlorch.domain.interval import Interval
from sqlorch.domain.masking import secrets_in
from sqlorch.domain.retry import classify
from sqlorch.domain.run import ErrorClass
from sqlorch.domain.selector import Indirect
from sqlorch.engine.ports import RunContext


class WarmSession:
    """A :class:`sqlorch.engine.ports.WarehouseSession` on dbt's internal runners.

    One session a process: dbt keeps its flags, adapters and event manager process-wide. Runs are opened one
    after the other; within a run any number of threads execute nodes.

    Attributes:
        gauge: measures how fresh sources are.
    """

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._environment = dict(os.environ)
        # dbt does not tell a project where it is; paths in a profile or a source may need it
        os.environ["DBT_PROJECT_DIR"] = str(options.project_dir)
        self._logs = NodeLogs()
        self._project: OpenProject = self._open(options)
        self._logs = NodeLogs(secrets_in(vars(self._project.config.credentials)))
        self._project.resources.enter_context(self._logs.listening())
        self._project.resources.enter_context(economies(self._project.adapter))
        if self.adapter_type == "duckdb":
            tell_rows(self._project.adapter)
        named = self.adapter_type == "postgres" and options.tag
        self.gauge = SourceGauge(self.mask)
        self._backends = Backends(self._project.adapter, options.tag) if named else None
        self._parsed: tuple[str, Manifest] | None = None
        self._schemas: set[Any] = set()
        self._journal: CacheJournal | None = None
        self._invocation = get_invocation_context()
        self._closed = False

    def _open(self, options: SessionOptions) -> OpenProject:
        try:
            return open_project(options)
        except Exception as error:
            restore_environment(self._environment)
            raise self._worded(error) from error

    def _worded(self, error: Exception) -> SqlorchError:
        options = self._options
        found = worded(
            error, project_dir=options.project_dir, profiles_dir=options.profiles_dir, names=self._names
        )
        told = self.mask(str(found))
        return found if told == str(found) else type(found)(told)

    def mask(self, text: str) -> str:
        """``text`` without the secrets of the environment and the profile."""
        return self._logs.mask(text)

    def _names(self) -> list[str]:
        return sorted(path.stem for path in self._options.project_dir.rglob("*.sql"))

    @cached_property
    def dag(self) -> Dag:
        """Every node of the project, as parsed with a sample interval."""
        return self._extended(dag_from_manifest(self._project.manifest))

    @cached_property
    def interval_dependent(self) -> Sequence[str]:
        """What decides its own shape by an interval variable; empty for nearly every project."""
        return depends_on_interval(self._project, self._options.sample_variables)

    def dag_for(self, variables: Mapping[str, Any]) -> Dag:
        """The project's DAG with these interval variables: parsed anew when its shape depends on them."""
        if not self.interval_dependent:
            return self.dag
        return self._extended(dag_from_manifest(self._manifest_for(variables)))

    def _extended(self, dag: Dag) -> Dag:
        return dag if self._options.check is None else self._options.check.extend(dag)

    @property
    def threads(self) -> int:
        """Threads of the profile or of ``--threads``."""
        return int(self._project.config.threads)

    @property
    def target_name(self) -> str:
        """The target of the profile that this session works on."""
        return str(self._project.config.target_name)

    @property
    def indirect_selection(self) -> Indirect:
        """Which tests come along with selected nodes: dbt's flag, from the project or the environment."""
        found: Indirect = self._project.flags.INDIRECT_SELECTION
        return found

    @property
    def adapter_type(self) -> str:
        """``duckdb``, ``postgres``, ... as profiles.yml says."""
        return str(self._project.config.credentials.type)

    @property
    def warehouse_file(self) -> Path | None:
        """The file the warehouse is kept in, None where it is a server or in memory."""
        path = (
            getattr(self._project.config.credentials, "path", None) if self.adapter_type == "duckdb" else None
        )
        return None if path is None or ":" in str(path) else Path(path)

    @property
    def warehouse_files(self) -> Sequence[Path]:
        """The files the warehouse is kept in; none where it is a server or in memory."""
        if self.adapter_type == "sqlite":
            return [Path(path) for path in self._project.config.credentials.schemas_and_paths.values()]
        return [] if self.warehouse_file is None else [self.warehouse_file]

    def exists(self, unique_id: str) -> bool:
        """Whether the relation of a node is in the warehouse."""
        node = self._project.manifest.nodes[unique_id]
        adapter = self._project.adapter
        with adapter.connection_named("sqlorch"):
            return adapter.get_relation(node.database, node.schema, node.alias) is not None

    def columns(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        """Name and type of each column of the tables there are in the warehouse, by unique id."""
        adapter = self._project.adapter
        with self.driver_connection() as connection:
            try:
                return relation_columns(self._project.manifest, adapter, connection)
            finally:
                if self.adapter_type == "postgres":
                    connection.rollback()

    @contextmanager
    def driver_connection(self) -> Iterator[Any]:
        """The driver's own connection (``duckdb``, ``psycopg2`` ...) to the warehouse, for reading."""
        adapter = self._project.adapter
        with adapter.connection_named("sqlorch_export"):
            handle = adapter.connections.get_thread_connection().handle
            yield getattr(handle.cursor(), "_cursor", handle) if self.adapter_type == "duckdb" else handle

    @contextmanager
    def runners(self) -> Iterator[tuple[RuntimeConfig, Manifest, Any]]:
        """What dbt's own runners take: configuration, manifest and adapter."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        yield self._project.config, self._project.manifest, self._project.adapter

    def open_run(
        self,
        *,
        run_id: str,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        full_refresh: bool = False,
    ) -> RunContext:
        """Prepare one run; see the port."""
        del run_id
        return self.lead_run(interval, variables, nodes, target_path, full_refresh=full_refresh)

    def lead_run(
        self,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        *,
        full_refresh: bool,
    ) -> DbtRunContext:
        """Prepare one run that others may follow; arguments and errors as of :meth:`open_run`."""
        dbts, others = self._shared_out(nodes)
        context = self._context(interval, variables, target_path, full_refresh=full_refresh)
        if self._options.check is not None and others:
            self._options.check.begin(others)
            check = self._options.check
            context.add(Beside(check=check, interval=interval, variables=variables, retire=self._retire))
        try:
            context.begin(dbts, self._schemas)
        except Exception as error:
            found = self._worded(error)
            if not context.hooked and classify(error) is ErrorClass.TRANSIENT:
                raise TransientError(str(found)) from error
            raise found from error
        return context

    def follow_run(
        self,
        *,
        run_id: str,
        interval: Interval,
        variables: Mapping[str, Any],
        nodes: Sequence[str],
        target_path: Path,
        full_refresh: bool,
        shared: Shared,
    ) -> FollowedRun:
        """Get ready to execute nodes of a run that the process we were forked from has opened.

        ``shared`` is what :meth:`DbtRunContext.share` gave there, all else as in :meth:`open_run`.
        """
        del run_id
        context = self._context(interval, variables, target_path, full_refresh=full_refresh)
        if self._journal is None:
            self._journal = CacheJournal(self._project.adapter.cache)
        return FollowedRun(context, self._journal, shared, self._shared_out(nodes)[0])

    def become_worker(self, number: int) -> None:
        """Work on as a process of its own, forked from the one that opened this session.

        The lock around dbt's connections is one of ``multiprocessing``: across a fork it is the same lock,
        and would stay taken when a process dies with it.

        Args:
            number: of the worker, from 1.
        """
        if self._backends is not None:
            self._backends.rename(f"{self._options.tag}-{number}")
        self._project.adapter.connections.lock = threading.RLock()

    def serves(self, unique_id: str) -> bool:
        """Whether a node is executed by dbt, so that a worker can do it; a check's are not."""
        check = self._options.check
        return check is None or not check.owns(unique_id)

    def _context(
        self, interval: Interval, variables: Mapping[str, Any], target_path: Path, *, full_refresh: bool
    ) -> DbtRunContext:
        """A run's own flags, configuration and copies of nodes; nothing is sent to the warehouse."""
        project, manifest = self._project, self._manifest_for(variables)
        window = None
        if interval.end > interval.start:
            window = (interval.start.astimezone(UTC).replace(tzinfo=None), interval.end.replace(tzinfo=None))
        all_variables = {**self._options.variables, **variables}
        flags = run_flags(
            project.flags,
            variables=all_variables,
            target_path=target_path,
            window=window,
            full_refresh=full_refresh,
        )
        config = config_for_run(project.config, flags, variables=all_variables, target_path=target_path)
        project.adapter.config = config  # macros that the adapter calls by itself see this run's variables
        return DbtRunContext(
            config=config,
            base=manifest,
            adapter=project.adapter,
            logs=self._logs,
            gauge=self.gauge,
            retire=self._retire,
            look_again=self._options.beside_others and self.adapter_type not in IN_A_FILE,
        )

    def _shared_out(self, nodes: Sequence[str]) -> tuple[list[str], list[str]]:
        """Nodes of dbt's own, and those of the check."""
        check = self._options.check
        others = [] if check is None else [uid for uid in nodes if check.owns(uid)]
        return [uid for uid in nodes if uid not in others], others

    def _manifest_for(self, variables: Mapping[str, Any]) -> Manifest:
        """The session's manifest, or one parsed for this interval (kept until another interval is asked)."""
        if not self.interval_dependent:
            return self._project.manifest
        key = json.dumps(dict(variables), sort_keys=True)
        if self._parsed is None or self._parsed[0] != key:
            target = self._options.state_dir / "dbt" / "interval"
            merged = {**self._options.variables, **variables}
            flags = run_flags(self._project.flags, variables=merged, target_path=target)
            try:
                self._parsed = (key, reparse(self._project, flags, target))
            except Exception as error:
                raise self._worded(error) from error
        return self._parsed[1]

    def interrupt(self) -> None:
        """Stop every query of this session, hooks included; for while a run is being opened."""
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        adapter = self._project.adapter
        interrupt(adapter, open_connections(adapter), self._retire)

    def _retire(self, handle: Any) -> None:
        if self._backends is not None:
            self._backends.retire(handle)

    def reap_worker(self, number: int) -> int:
        """End the queries of a worker that is gone; see :meth:`reap` and :meth:`become_worker`."""
        return self.reap([f"{self._options.tag}-{number}"])

    def reap(self, tags: Collection[str]) -> int:
        """See :class:`sqlorch.engine.ports.Reaper`; nothing is done on another adapter than PostgreSQL's."""
        if self._backends is None:
            return 0
        _INVOCATION_CONTEXT_VAR.set(self._invocation)
        try:
            return self._backends.reap(tags)
        except SqlorchError:
            raise
        except Exception as error:
            raise self._worded(error) from error

    def reach(self) -> None:
        """Connect to the warehouse.

        Raises:
            ExecutionError: it cannot be reached, or another process holds its file.
        """
        try:
            with self._project.adapter.connection_named("sqlorch"):
                self._project.adapter.connections.get_thread_connection().handle  # noqa: B018 - opens it
        except Exception as error:
            raise self._worded(error) from error

    def release(self) -> None:
        """Close connections and let go of the warehouse's file; the next run connects anew.

        Schemas are made anew then too: meanwhile the warehouse is somebody else's.
        """
        adapter = self._project.adapter
        adapter.cleanup_connections()
        release = getattr(adapter.connections, "close_all_connections", None)
        if release is not None:
            release()  # dbt-duckdb keeps the file locked until then
            gc.collect()  # and so does a cursor that was left behind in a circle, of an error for one
        self._schemas.clear()

    def close(self) -> None:
        """Close connections and let go of the warehouse's file."""
        if self._closed:
            return
        self._closed = True
        self.release()
        self._project.resources.close()
        restore_environment(self._environment)
