"""A project as a command finds it: where it is, what it is told to do, what is remembered of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.app.clock import SystemClock
from sqlorch.app.leasing import leased
from sqlorch.config.locate import Location, locate, said_to_dbt
from sqlorch.config.references import find_state_url
from sqlorch.config.salvage import salvage_settings
from sqlorch.config.settings import Settings, load_settings
from sqlorch.config.variables import check_clashes, parse_vars
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.lease import Role
from sqlorch.domain.timetable import make_timetable
from sqlorch.domain.variables import SAMPLE_INTERVAL, interval_variables

if TYPE_CHECKING:
    from sqlorch.app.pooling import PoolOptions
    from sqlorch.dbt.session import WarmSession
    from sqlorch.state.lock_postgres import PostgresLock
    from sqlorch.state.store import SqlStore

STATE_FILE = "state.db"
RUN_LOCK = "run.lock"
PRIVATE = ("runs", "dbt")  # of the state folder: logs and SQL, dbt's parse cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a command line says about the project, before anything is read.

    Attributes:
        project_dir, profiles_dir: as dbt's options of these names.
        target: profile target.
        threads: nodes executed at once.
        processes: worker processes these are shared out among, None for what the settings say.
        vars: text of ``--vars``.
        full_refresh: rebuild incremental models from scratch.
        adapter: read the files as for this adapter, without a profile.
    """

    project_dir: str | None = None
    profiles_dir: str | None = None
    target: str | None = None
    threads: int | None = None
    processes: int | None = None
    vars: str | None = None
    full_refresh: bool = False
    adapter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """A located and configured project.

    Attributes:
        location: its folders.
        settings: what ``sqlorch.yml`` and the environment say.
        choices: what the command line says.
        variables: the user's ``--vars``, read.
    """

    location: Location
    settings: Settings
    choices: Choices
    variables: Mapping[str, Any]

    @property
    def state_dir(self) -> Path:
        """The folder of everything sqlorch keeps for this project."""
        return self.settings.state_path

    @property
    def state_file(self) -> Path:
        """Where the state file is, or would be were the state not in a database at a URL."""
        return self.state_dir / STATE_FILE

    @property
    def state_url(self) -> str | None:
        """The URL of the database that holds the state, with its password; None for the state file.

        Raises:
            ConfigError: it is not where the settings say.
        """
        return find_state_url(self.settings.state_url, os.environ, self.location.project_dir)

    @property
    def has_state(self) -> bool:
        """Whether something may be remembered."""
        from sqlorch.state.sides import server_file  # noqa: PLC0415 - help must not wait for it

        file = self.state_file
        return self.settings.state_url is not None or file.exists() or server_file(file).exists()

    def run_dir(self, run_id: str) -> Path:
        """The folder of a run's logs and compiled SQL."""
        return self.state_dir / "runs" / run_id

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        """The state store, opened; runs whose process is gone are ended first."""
        from sqlorch.state.store import SqlStore  # noqa: PLC0415 - help must not wait for SQLAlchemy

        with SqlStore.open(self.state_file, url=self.state_url) as store:
            store.abandon_dead(SystemClock().now(), store.is_alive)
            yield store

    @contextmanager
    def own_store(self) -> Iterator[SqlStore]:
        """The store for a command that holds :meth:`driving`.

        In a state file no other process can be driving a run then, whatever machine it says it is on.
        """
        from sqlorch.state.owner import current_owner  # noqa: PLC0415 - help must not wait for SQLAlchemy
        from sqlorch.state.store import SqlStore  # noqa: PLC0415 - likewise

        url = self.state_url
        with SqlStore.open(self.state_file, url=url) as store:
            store.abandon_dead(SystemClock().now(), current_owner().__eq__ if url is None else store.is_alive)
            yield store

    @contextmanager
    def leased(
        self, store: SqlStore, hosts: PostgresLock | None, *, lost: Callable[[str], object]
    ) -> Iterator[None]:
        """A lease for a command that drives runs, where other hosts use the state too.

        It is kept up by threads, so it is taken when the session is open: that may fork this process.

        Args:
            store: of :meth:`own_store`.
            hosts: of :meth:`driving`; kept up too.
            lost: told, from a thread, when the command must stop because others may drive runs now, and why.
        """
        from sqlorch.state.lock_keeper import kept  # noqa: PLC0415 - help must not wait for it

        with leased(store, Role.COMMAND, url=self.state_url, lost=lost), kept(hosts, lost=lost):
            yield

    def driving(
        self, command: str, *, wait: bool = False, waiting: Callable[[str], object] = str
    ) -> AbstractContextManager[PostgresLock | None]:
        """Held while runs are driven: one process at a time drives runs of a project.

        Args:
            command: the command line, for whoever finds the project busy.
            wait: where it is the daemon that drives runs, wait for it to let us go first.
            waiting: told who that is before waiting.

        Raises:
            StateError: on entry, when another process does; names it.
        """
        from sqlorch.state.schema import make_private_folder  # noqa: PLC0415 - help must not wait for it
        from sqlorch.state.turn import own_turn  # noqa: PLC0415 - likewise

        make_private_folder(self.state_dir, within=PRIVATE)
        return own_turn(self.state_dir, command=command, wait=wait, waiting=waiting, url=self.state_url)

    def session(
        self, *, apart: str = "", pool: PoolOptions | None = None, beside_others: bool = False
    ) -> WarmSession:
        """The dbt project, opened; the caller closes it.

        Args:
            apart: a folder of the state folder for dbt's parse cache, for who opens it beside others.
            pool: worker processes that execute its runs; None for a session that executes them here, if any.
            beside_others: runs of other processes may be under way meanwhile.

        Raises:
            SqlorchError: the project or its warehouse cannot be opened.
        """
        from sqlorch.app.pooling import PooledSession  # noqa: PLC0415 - imports dbt, which takes seconds
        from sqlorch.checks.check import Expectations  # noqa: PLC0415 - only where nodes are executed
        from sqlorch.config.expectations import read_suites  # noqa: PLC0415 - likewise
        from sqlorch.dbt.options import SessionOptions  # noqa: PLC0415 - likewise
        from sqlorch.dbt.session import WarmSession  # noqa: PLC0415
        from sqlorch.domain.backends import backend_tag  # noqa: PLC0415 - only where there is a warehouse
        from sqlorch.state.owner import current_owner  # noqa: PLC0415 - likewise

        location = self.location
        if location.profiles_dir is None:
            location = _locate(self.choices, os.environ, connects=True)
        assert location.profiles_dir is not None  # noqa: S101 - for the type checker: it was found or refused
        project_dir = location.project_dir
        check = Expectations(
            lambda dag: read_suites(project_dir, dag),
            adapter=lambda: session.adapter_type,
            mask=lambda text: session.mask(text),  # noqa: PLW0108 - the session comes after it
        )
        options = SessionOptions(
            project_dir=location.project_dir,
            profiles_dir=location.profiles_dir,
            state_dir=self.state_dir / apart,
            target=self.choices.target,
            threads=self.choices.threads,
            variables=self.variables,
            sample_variables=self.sample_variables,
            check=check,
            tag=backend_tag(current_owner()),
            beside_others=beside_others,
        )
        if pool is None:
            session = WarmSession(options)
        else:
            session = pooled = PooledSession(options)
            pooled.get_workers(pool)
        return session

    def executing_session(
        self,
        *,
        tell: Callable[[str], object],
        alone: Callable[[], AbstractContextManager[object]] = nullcontext,
        beside_others: bool = False,
    ) -> WarmSession:
        """The dbt project, opened to execute runs: by several processes where the warehouse allows it.

        Args:
            tell: told in a sentence what a person may want to know of these processes.
            alone: entered while this process is forked: no other thread may be there inside.
            beside_others: runs of other processes may be under way meanwhile.

        Raises:
            SqlorchError: the project or its warehouse cannot be opened.
        """
        from sqlorch.app.pooling import PoolOptions  # noqa: PLC0415 - imports dbt

        asked = self.choices.processes
        processes = asked if asked is not None else self.settings.processes
        return self.session(
            pool=PoolOptions(
                state_dir=self.state_dir,
                lock=self.state_dir / RUN_LOCK,
                processes=processes,
                tell=tell,
                alone=alone,
            ),
            beside_others=beside_others,
        )

    @property
    def sample_variables(self) -> dict[str, str]:
        """The interval variables of a made-up run, with which the project is parsed."""
        values = interval_variables(
            SAMPLE_INTERVAL, make_timetable(), timezone="UTC", run_id="manual-sample", group="sample"
        )
        return {name: value for name, value in values.items() if name not in self.settings.variables_skip}


def open_workspace(
    choices: Choices, environ: Mapping[str, str] = os.environ, *, connects: bool = True
) -> Workspace:
    """Find and read a project; nothing of dbt is imported.

    Args:
        choices: what the command line says.
        environ: the environment.
        connects: whether dbt is to be opened, so that there must be a profile.

    Raises:
        ConfigError: it cannot be found, or what is written about it cannot be used.
    """
    location = _locate(choices, environ, connects=connects)
    settings = load_settings(location.project_dir, environ)
    variables = parse_vars(choices.vars) if choices.vars else {}
    check_clashes(location.project_dir, variables, settings.variables_skip)
    if choices.threads is not None and choices.threads < 1:
        raise ConfigError(f"--threads must be at least 1, not {choices.threads}")
    if choices.processes is not None and choices.processes < 1:
        raise ConfigError(f"--processes must be at least 1, not {choices.processes}")
    choices = replace(choices, target=choices.target or said_to_dbt("target", environ))
    return Workspace(location=location, settings=settings, choices=choices, variables=variables)


def open_state_workspace(choices: Choices, tell: Callable[[str], object]) -> Workspace:
    """As :func:`open_workspace`, for who needs the state alone: also where the settings cannot be used.

    Args:
        choices: what the command line says.
        tell: told then what is wrong with them.

    Raises:
        ConfigError: the project cannot be found, or not where its state is.
    """
    try:
        return open_workspace(choices, connects=False)
    except ConfigError as error:
        location = _locate(choices, os.environ, connects=False)
        variables = parse_vars(choices.vars) if choices.vars else {}
        try:
            settings = salvage_settings(location.project_dir, os.environ)
        except ConfigError:
            raise error from None
        tell(str(error))
        return Workspace(location=location, settings=settings, choices=choices, variables=variables)


def _locate(choices: Choices, environ: Mapping[str, str], *, connects: bool) -> Location:
    return locate(
        project_dir=choices.project_dir,
        profiles_dir=choices.profiles_dir,
        environ=environ,
        cwd=Path.cwd(),
        connects=connects,
    )
