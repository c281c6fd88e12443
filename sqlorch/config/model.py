"""The shape of ``sqlorch.yml``: every section and key, what it is for, what it may be.

These models check and explain; what leaves this room are the values of :mod:`sqlorch.domain.group` and
:class:`sqlorch.config.settings.Settings`. The JSON Schema that editors complete from is made of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from sqlorch.config.alert_model import AlertKeys
from sqlorch.config.fields import (
    Days,
    ExportPaths,
    GroupName,
    Health,
    KeptRuns,
    Megabytes,
    PoolName,
    PoolSize,
    Processes,
    RunsAtOnce,
    Selection,
    StatePath,
    StateUrl,
    Timeout,
    VariableName,
    WorkerNodes,
)
from sqlorch.config.group_model import DEFAULT_ZONE, GroupKeys, RuleFields, RunKeys
from sqlorch.config.keys import Keys
from sqlorch.config.sensors import SensorsKeys
from sqlorch.domain.group import DEFAULT_GROUP


class ExportKeys(Keys):
    """Which tables are published for dashboards, and to which files."""

    select: Selection | None = Field(
        default=None, description="Models to publish, in dbt's selection syntax.", examples=["tag:metrics"]
    )
    exclude: Selection | None = Field(
        default=None, description="Models to leave out.", examples=["tag:internal"]
    )
    to: ExportPaths = Field(
        default_factory=list,
        description="DuckDB (.duckdb) or SQLite (.sqlite, .db) files, from the project's folder.",
        examples=[["metrics.duckdb", "metrics.sqlite"]],
    )


class VariableKeys(Keys):
    """The variables each run gives to the project."""

    skip: list[VariableName] = Field(
        default_factory=list,
        description="Variables not to set, for a project that has its own of the same name.",
        examples=[["group"]],
    )


class StateKeys(Keys):
    """Where sqlorch remembers its runs."""

    path: StatePath = Field(
        default=".sqlorch", description="Folder, relative to the project's.", examples=[".sqlorch"]
    )
    url: StateUrl | None = Field(
        default=None,
        description="Where the URL of a PostgreSQL database for the state is found: env:NAME or file:PATH. "
        "Without it, the state is a SQLite file in the folder.",
        examples=["env:SQLORCH_STATE_URL", "file:/run/secrets/state_url"],
    )
    runs_keep: Days = Field(
        default=90.0,
        description="How long ended runs and their logs are kept, in days or weeks, or forever.",
        examples=["90d", "forever"],
    )
    runs_keep_last: KeptRuns = Field(
        default=50, description="Newest runs of each group that are kept however old.", examples=[50]
    )


class DaemonKeys(Keys):
    """How sqlorch daemon and its worker behave."""

    grace: Timeout = Field(
        default=30.0,
        description="How long running nodes may go on when the daemon is told to stop.",
        examples=["30s"],
    )
    worker_idle: Timeout = Field(
        default=600.0, description="An idle worker process ends after this long.", examples=["10m"]
    )
    worker_nodes: WorkerNodes = Field(
        default=500, description="A worker is replaced after executing this many nodes.", examples=[500]
    )
    worker_memory_mb: Megabytes = Field(
        default=2048,
        description="A worker that has grown to this many megabytes is replaced after its run.",
        examples=[2048],
    )
    runs: RunsAtOnce | None = Field(
        default=None,
        description="How many runs are driven at once, each by a worker process of its own: four by default, "
        "and always one where the warehouse is a file.",
        examples=[4],
    )
    health: Health | None = Field(
        default=None,
        description="Address of the health endpoint, host:port, or off. By default 127.0.0.1:8391, where "
        "that is free.",
        examples=["127.0.0.1:8790"],
    )


class WorkerKeys(Keys):
    """How the nodes of a run are shared out among processes."""

    processes: Processes | None = Field(
        default=None,
        description="How many processes share the profile's threads, where the warehouse is a server. "
        "Without it, one for each processor; DuckDB and SQLite always have one.",
        examples=[2],
    )


class SourcesKeys(Keys):
    """What runs make of sources that say how fresh they must be."""

    freshness: Literal["ignore", "tell", "block"] = Field(
        default="tell",
        description="What a run does about the dbt sources it reads that say how fresh they must be: tell "
        "(measure, keep, alert), block (likewise, and build nothing on one that dbt calls error) or ignore.",
        examples=["tell", "block", "ignore"],
    )


def _nothing_is_empty(value: object) -> object:
    """A section whose lines are all commented out is a section that says nothing."""
    return {} if value is None else value


_Empty = BeforeValidator(_nothing_is_empty)


class File(Keys):
    """Settings of sqlorch, in sqlorch.yml beside dbt_project.yml. Every key may be left out."""

    groups: Annotated[dict[GroupName, Annotated[GroupKeys, _Empty]], _Empty] = Field(
        default_factory=dict,
        description="Groups by name: letters, digits, _ and -. Models no group has are in the group default.",
        json_schema_extra={
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$", "not": {"const": DEFAULT_GROUP}}
        },
    )
    defaults: Annotated[RuleFields, _Empty] = Field(
        default_factory=RuleFields, description="What holds for every group that does not say otherwise."
    )
    exports: Annotated[ExportKeys, _Empty] = Field(
        default_factory=ExportKeys, description="Tables published for dashboards after each run."
    )
    variables: Annotated[VariableKeys, _Empty] = Field(
        default_factory=VariableKeys, description="What each run tells the project of its interval."
    )
    state: Annotated[StateKeys, _Empty] = Field(
        default_factory=StateKeys, description="The memory of past runs."
    )
    pools: Annotated[dict[PoolName, PoolSize], _Empty] = Field(
        default_factory=dict,
        description="Named limits: how many nodes that name the pool may be executed at once.",
        json_schema_extra={"propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$"}},
        examples=[{"warehouse": 4}],
    )
    sensors: Annotated[SensorsKeys, _Empty] = Field(
        default_factory=SensorsKeys, description="What the sensors of wait_for may do."
    )
    sources: Annotated[SourcesKeys, _Empty] = Field(
        default_factory=SourcesKeys, description="The sources that runs read."
    )
    daemon: Annotated[DaemonKeys, _Empty] = Field(
        default_factory=DaemonKeys, description="How sqlorch daemon behaves."
    )
    workers: Annotated[WorkerKeys, _Empty] = Field(
        default_factory=WorkerKeys, description="The processes that execute the nodes of a run."
    )
    alerts: Annotated[AlertKeys, _Empty] = Field(
        default_factory=AlertKeys, description="Who is told when something goes wrong, and of what."
    )


def context_for(data: object) -> dict[str, str]:
    """What the check of one group must know of the rest of the file: the default zone."""
    defaults = data.get("defaults") if isinstance(data, dict) else None
    try:
        zone = RunKeys.model_validate({"timezone": defaults["timezone"]}).timezone  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        zone = None
    return {"zone": zone or DEFAULT_ZONE}
