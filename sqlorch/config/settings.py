"""What sqlorch is told to do: ``sqlorch.yml``, with the environment over it, as values of the domain."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from sqlorch.config.alerts import Alerts, alerts_of
from sqlorch.config.env_vars import fill_environment
from sqlorch.config.group_model import DEFAULT_ZONE, GroupKeys, RuleFields
from sqlorch.config.lengths import FOREVER
from sqlorch.config.model import DaemonKeys, ExportKeys, File, context_for
from sqlorch.config.overrides import override
from sqlorch.config.places import Document, Place, file_name, shown
from sqlorch.config.problems import explain
from sqlorch.config.references import ENV, STATE_URL
from sqlorch.config.sensors import sensor_specs
from sqlorch.config.yaml_loader import load_yaml, read_text
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.freshness import FreshnessRule
from sqlorch.domain.group import DEFAULT_GROUP, Group, RunRules, retry_policy
from sqlorch.domain.run import RetryPolicy
from sqlorch.domain.timetable import make_timetable

FILE_NAME = "sqlorch.yml"
_MISNAMED = "sqlorch.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exports:
    """Which tables are published for dashboards.

    Attributes:
        select: dbt selection syntax, ``""`` when only the models' own SQL asks for it.
        exclude: dbt selection syntax for what to leave out.
        to: files to publish to, by default relative to the project's folder.
    """

    select: str = ""
    exclude: str | None = None
    to: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSettings:
    """How ``sqlorch daemon`` and its worker behave.

    Attributes:
        grace: seconds running nodes may go on when the daemon is told to stop.
        worker_idle: seconds after which an idle worker ends.
        worker_nodes: a worker is replaced after executing this many nodes.
        worker_memory_mb: a worker that has grown to this many megabytes is replaced after its run.
        runs: how many runs are driven at once, None for what suits the warehouse.
        health: ``host:port`` of the health endpoint, ``off`` for none, ``""`` where nothing is said.
    """

    grace: float = 30.0
    worker_idle: float = 600.0
    worker_nodes: int = 500
    worker_memory_mb: int = 2048
    runs: int | None = None
    health: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything ``sqlorch.yml`` and the environment say.

    Attributes:
        groups: the groups of the file, in its order.
        default: the group of every node no other group has; its zone, retries and timeout are the defaults.
        exports: what is published.
        variables_skip: injected variables that are not to be set.
        state_path: the folder runs are remembered in.
        state_url: where the URL of the database is found that runs are remembered in, as in
            :func:`sqlorch.config.references.resolve_reference`; None for a file in ``state_path``.
        file: the settings file, None when there is none.
        pools: how many nodes of each pool may be executed at once.
        retention_days: how long ended runs are kept, None for ever.
        retention_runs: newest runs of each group that are kept however old.
        daemon: how the daemon behaves.
        sensor_hosts: private hosts, addresses and networks that HTTP sensors may reach.
        alerts: who is told when something goes wrong.
        source_freshness: what runs make of sources that say how fresh they must be.
        processes: worker processes that execute the nodes of a run, None for as many as suit the machine.
    """

    groups: tuple[Group, ...]
    default: Group
    exports: Exports
    variables_skip: frozenset[str]
    state_path: Path
    state_url: str | None = None
    file: Path | None = None
    pools: Mapping[str, int] = field(default_factory=dict)
    retention_days: float | None = 90.0
    retention_runs: int = 50
    daemon: DaemonSettings = field(default_factory=DaemonSettings)
    sensor_hosts: tuple[str, ...] = ()
    alerts: Alerts = field(default_factory=Alerts)
    source_freshness: FreshnessRule = FreshnessRule.TELL
    processes: int | None = None


def load_settings(project_dir: Path, environ: Mapping[str, str]) -> Settings:
    """Read the settings of a project; without a file, the defaults.

    Args:
        project_dir: the folder that holds ``dbt_project.yml``.
        environ: the environment; names that start with ``SQLORCH__`` are read, and ``SQLORCH_STATE_URL``.

    Raises:
        ConfigError: what is wrong, all of it, one line each with the file, line and column or the variable.
    """
    file = project_dir / FILE_NAME
    misnamed = project_dir / _MISNAMED
    if os.path.lexists(misnamed):
        raise ConfigError(f"{file_name(misnamed)}: sqlorch reads {FILE_NAME}; rename the file")
    present = os.path.lexists(file)
    document = load_yaml(read_text(file), file_name(file)) if present else _empty(file)
    return settings_from(document, environ, project_dir=project_dir, file=file if present else None)


def settings_from(
    document: Document, environ: Mapping[str, str], *, project_dir: Path, file: Path | None = None
) -> Settings:
    """Check a document and make settings of it; arguments and errors as in :func:`load_settings`."""
    if document.data is None:
        document = Document(data={}, values=document.values, keys=document.keys)
    if not isinstance(document.data, dict):
        found = shown(document.data)
        raise ConfigError(
            f"{document.value_place(())}: settings are a mapping of keys to values, not {found}"
        )
    document = fill_environment(override(document, environ), environ)
    try:
        checked = File.model_validate(document.data, context=context_for(document.data))
    except ValidationError as error:
        raise ConfigError(explain(error, document, File)) from error
    default = _default_group(checked.defaults)
    groups = [_group(name, keys, default, document) for name, keys in checked.groups.items()]
    return Settings(
        groups=tuple(groups),
        default=default,
        exports=_exports(checked.exports, project_dir),
        variables_skip=frozenset(checked.variables.skip),
        state_path=_absolute(checked.state.path, project_dir),
        state_url=f"{ENV}{STATE_URL}" if environ.get(STATE_URL) else checked.state.url,
        file=file,
        pools=dict(checked.pools),
        retention_days=None if checked.state.runs_keep == FOREVER else float(checked.state.runs_keep),
        retention_runs=checked.state.runs_keep_last,
        daemon=_daemon(checked.daemon),
        sensor_hosts=tuple(checked.sensors.allow_hosts),
        alerts=alerts_of(checked.alerts, environ),
        source_freshness=FreshnessRule(checked.sources.freshness),
        processes=checked.workers.processes,
    )


def _empty(file: Path) -> Document:
    return Document(data=None, values={(): Place(file_name(file))})


def _daemon(keys: DaemonKeys) -> DaemonSettings:
    return DaemonSettings(
        grace=keys.grace,
        worker_idle=keys.worker_idle,
        worker_nodes=keys.worker_nodes,
        worker_memory_mb=keys.worker_memory_mb,
        runs=keys.runs,
        health=keys.health or "",
    )


def _default_group(keys: RuleFields) -> Group:
    rules = keys.rule_keys()
    return Group(
        name=DEFAULT_GROUP,
        timetable=make_timetable(timezone=keys.timezone or DEFAULT_ZONE),
        retry=retry_policy(keys.retries, keys.retry_delay, RetryPolicy()),
        timeout=keys.timeout,
        description="Models no group selects",
        rules=rules.over(RunRules()),
        rule_keys=rules,
        owner=keys.owner or "",
    )


def _group(name: str, keys: GroupKeys, default: Group, document: Document) -> Group:
    schedule, rules = keys.keys(), keys.rule_keys()
    return Group(
        name=name,
        timetable=schedule.timetable(default.timezone),
        select=_union(keys.select) or "",
        exclude=_union(keys.exclude),
        keys=schedule,
        batch=keys.batch or 1,
        retry=retry_policy(keys.retries, keys.retry_delay, default.retry),
        timeout=keys.timeout or default.timeout,
        description=keys.description or "",
        origin=document.key_place(("groups", name)).file_line,
        rules=rules.over(default.rules),
        rule_keys=rules,
        owner=keys.owner or default.owner,
        wait_for=sensor_specs(
            keys.wait_for, lambda at: document.value_place(("groups", name, "wait_for", at)).file_line
        ),
    )


def _exports(keys: ExportKeys, project_dir: Path) -> Exports:
    return Exports(
        select=_union(keys.select) or "",
        exclude=_union(keys.exclude),
        to=tuple(dict.fromkeys(_absolute(path, project_dir) for path in keys.to)),
    )


def _union(selection: Sequence[str] | None) -> str | None:
    """One text in dbt's syntax, where blanks unite."""
    return " ".join(selection) if selection else None


def _absolute(path: str, project_dir: Path) -> Path:
    """Relative to the project's folder, ``~`` being the home folder."""
    try:
        return project_dir / Path(path).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"the path {shown(path)} names a home folder that cannot be found: {error}"
        ) from error
