"""The shape of ``sqlorch.yml`` and of ``meta.sqlorch``: every key, what it is for, what it may be.

These models check and explain; what leaves this room are the values of :mod:`sqlorch.domain.group` and
:class:`sqlorch.config.settings.Settings`. The JSON Schema that editors complete from is made of them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    ValidationInfo,
    model_validator,
)

from sqlorch.config.fields import (
    AnyGroupName,
    Batch,
    Delay,
    Every,
    ExportPaths,
    GroupName,
    Moment,
    Retries,
    Schedule,
    Selection,
    StatePath,
    Timeout,
    VariableName,
    Zone,
    refusal,
)
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import DEFAULT_GROUP, ScheduleKeys

DEFAULT_ZONE = "UTC"


class _Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RunKeys(_Keys):
    """How nodes are run."""

    timezone: Zone | None = Field(
        default=None,
        description="IANA time zone of the intervals; naive times are read in it. UTC when not set.",
        examples=["America/New_York", "UTC"],
    )
    retries: Retries | None = Field(
        default=None,
        description="Further attempts after an error that may pass, such as a lost connection.",
        examples=[2],
    )
    retry_delay: Delay | None = Field(
        default=None,
        description="Wait before the first retry, in seconds or as text; doubled for each one after it.",
        examples=["30s", "5m", 10],
    )
    timeout: Timeout | None = Field(
        default=None, description="Longest an attempt at one node may take.", examples=["15m", "1h30m", 600]
    )


class ScheduleFields(RunKeys):
    """When a group is due and over which intervals."""

    schedule: Schedule | None = Field(
        default=None,
        description=(
            "Cron of five fields, or @hourly @daily @weekly @monthly @quarterly @yearly @once; a list means "
            "their union. Always in quotes: YAML does not read * and @ otherwise."
        ),
        examples=["@daily", "0 6 * * 1-5", ["0 6 * * *", "0 18 * * *"]],
    )
    every: Every | None = Field(
        default=None,
        description="Elapsed length of an interval, counted from start, instead of a schedule; 60s or more.",
        examples=["6h", "36h"],
    )
    start: Moment | None = Field(
        default=None,
        description="No interval starts before this date or time (the group's zone unless it has an offset).",
        examples=["2013-01-01", "2013-01-01T06:00"],
    )
    end: Moment | None = Field(
        default=None, description="No interval ends after this date or time.", examples=["2014-01-01"]
    )
    interval: Literal["window", "point"] | None = Field(
        default=None,
        description="window (default): a run covers the time between two fires; point: it is one fire.",
        examples=["window"],
    )
    batch: Batch | None = Field(
        default=None,
        description="How many consecutive intervals one run may cover; 1, the default, is right for models "
        "that read ds.",
        examples=[24],
    )

    def keys(self) -> ScheduleKeys:
        """The schedule keys as the domain has them."""
        return ScheduleKeys(
            schedule=tuple(self.schedule) if self.schedule else None,
            every=self.every,
            timezone=self.timezone,
            start=self.start,
            end=self.end,
            interval=self.interval,
            batch=self.batch,
        )

    @model_validator(mode="after")
    def _describe_a_timetable(self, info: ValidationInfo) -> ScheduleFields:
        keys = self.keys()
        if not keys.given:
            return self
        try:
            keys.timetable(zone_of(info.context))
        except ConfigError as error:
            about = next((key for key in ("every", "end", "start", "schedule") if key in keys.given), None)
            raise refusal(str(error), key=about) from error
        return self


class GroupKeys(ScheduleFields):
    """A group: models, seeds and snapshots that run together over the same intervals."""

    select: Selection | None = Field(
        default=None,
        description="Its nodes in dbt's selection syntax; a list means their union. Without it the group has "
        "the nodes that name it in their own SQL.",
        examples=["tag:daily", "path:models/weather", ["staging+", "tag:metrics,config.materialized:table"]],
    )
    exclude: Selection | None = Field(
        default=None, description="Nodes to leave out of select, in the same syntax.", examples=["tag:slow"]
    )
    description: StrictStr | None = Field(
        default=None, description="What the group is for.", examples=["Flights, day by day"]
    )

    @model_validator(mode="after")
    def _exclude_from_something(self) -> GroupKeys:
        if self.exclude and not self.select:
            raise refusal("exclude without select leaves nothing out; add select", key="exclude")
        return self


class NodeKeys(ScheduleFields):
    """What a node says for itself in ``config(meta={"sqlorch": {...}})``."""

    group: AnyGroupName | None = Field(
        default=None, description="The group it belongs to.", examples=["flights_daily"]
    )
    export: StrictBool | None = Field(
        default=None, description="Publish its table with the metrics.", examples=[True]
    )
    expectations: Any = Field(
        default=None,
        description="What Great Expectations checks on it, as in expectations/MODEL.yml.",
        examples=[[{"expect_column_values_to_be_unique": {"column": "id"}}]],
    )


class TestKeys(_Keys):
    """What a data test or unit test says for itself: it runs with the group of what it tests."""

    retries: Retries | None = None
    retry_delay: Delay | None = None
    timeout: Timeout | None = None


class ExportKeys(_Keys):
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


class VariableKeys(_Keys):
    """The variables each run gives to the project."""

    skip: list[VariableName] = Field(
        default_factory=list,
        description="Variables not to set, for a project that has its own of the same name.",
        examples=[["group"]],
    )


class StateKeys(_Keys):
    """Where sqlorch remembers its runs."""

    path: StatePath = Field(
        default=".sqlorch", description="Folder, relative to the project's.", examples=[".sqlorch"]
    )


def _nothing_is_empty(value: object) -> object:
    """A section whose lines are all commented out is a section that says nothing."""
    return {} if value is None else value


_Empty = BeforeValidator(_nothing_is_empty)


class File(_Keys):
    """Settings of sqlorch, in sqlorch.yml beside dbt_project.yml. Every key may be left out."""

    groups: Annotated[dict[GroupName, Annotated[GroupKeys, _Empty]], _Empty] = Field(
        default_factory=dict,
        description="Groups by name: letters, digits, _ and -. Models no group has are in the group default.",
        json_schema_extra={
            "propertyNames": {"pattern": "^[A-Za-z0-9_-]{1,64}$", "not": {"const": DEFAULT_GROUP}}
        },
    )
    defaults: Annotated[RunKeys, _Empty] = Field(
        default_factory=RunKeys, description="What holds for every group that does not say otherwise."
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


def zone_of(context: Any) -> str:
    """The project's default zone from a validation context (see :func:`context_for`)."""
    return context["zone"] if context else DEFAULT_ZONE


def context_for(data: object) -> dict[str, str]:
    """What the check of one group must know of the rest of the file: the default zone."""
    defaults = data.get("defaults") if isinstance(data, dict) else None
    try:
        zone = RunKeys.model_validate({"timezone": defaults["timezone"]}).timezone  # type: ignore[index]
    except (KeyError, TypeError, ValueError):
        zone = None
    return {"zone": zone or DEFAULT_ZONE}
