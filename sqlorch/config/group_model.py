"""What ``sqlorch.yml`` says of groups and ``meta.sqlorch`` of nodes: every key and what it may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictStr, ValidationInfo, model_validator

from sqlorch.config.fields import (
    ActiveRuns,
    After,
    AnyGroupName,
    Batch,
    CatchupMax,
    Condition,
    Delay,
    Every,
    Moment,
    Owner,
    PoolName,
    Retries,
    Schedule,
    Selection,
    Timeout,
    Zone,
    refusal,
)
from sqlorch.config.keys import Keys
from sqlorch.config.sensors import WaitFor
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.group import RuleKeys, ScheduleKeys

DEFAULT_ZONE = "UTC"


def zone_of(context: Any) -> str:
    """The project's default zone from a validation context (see :func:`context_for`)."""
    return context["zone"] if context else DEFAULT_ZONE


class RunKeys(Keys):
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


class RuleFields(RunKeys):
    """How the daemon schedules runs."""

    catchup: Literal["all", "latest", "coalesce", "none"] | None = Field(
        default=None,
        description="Intervals that fell due while nobody watched: run all (default) oldest first, the "
        "latest only, one run over them together, or none. What is not run is recorded as skipped.",
        examples=["latest"],
    )
    catchup_max: CatchupMax | None = Field(
        default=None,
        description="More due intervals than this hold the group until a person decides; none for any.",
        examples=[24, "none"],
    )
    upstream: Literal["wait", "latest", "ignore"] | None = Field(
        default=None,
        description="Wait for the intervals of other groups that a run reads (default), only for the latest "
        "of each, or ignore them.",
        examples=["wait"],
    )
    upstream_timeout: Timeout | None = Field(
        default=None, description="Longest a run waits for them; then it fails.", examples=["6h"]
    )
    max_active_runs: ActiveRuns | None = Field(
        default=None, description="Runs of the group under way at once; 1 when not set.", examples=[1]
    )
    depends_on_past: StrictBool | None = Field(
        default=None,
        description="A run waits until the interval before it has succeeded or was skipped.",
        examples=[True],
    )
    finish_within: Timeout | None = Field(
        default=None,
        description="Alert when a run has not ended this long after its interval did.",
        examples=["2h"],
    )
    start_within: Timeout | None = Field(
        default=None,
        description="Alert when a run has not started this long after its interval ended.",
        examples=["15m"],
    )
    run_timeout: Timeout | None = Field(
        default=None, description="Longest a run may take; then it is stopped and fails.", examples=["3h"]
    )
    queue_timeout: Timeout | None = Field(
        default=None,
        description="Alert when a run that nothing holds back waits this long for a worker; 10m by default.",
        examples=["10m"],
    )
    owner: Owner | None = Field(
        default=None, description="Who is told when its runs fail.", examples=["data-team@example.org"]
    )

    def rule_keys(self) -> RuleKeys:
        """The rules as the domain has them."""
        given = {name: getattr(self, name) for name in RuleFields.own_fields()}
        after: dict[str, list[str]] = getattr(self, "after", None) or {}
        for how, names in after.items():
            given |= {"after": tuple(names), "after_all": how == "all"}
        return RuleKeys(**given)

    @classmethod
    def own_fields(cls) -> set[str]:
        """Names of the keys that are rules."""
        return set(RuleFields.model_fields) - set(RunKeys.model_fields)


def _by_hand(value: object) -> object:
    """``schedule: None``, as Python writes what YAML calls null."""
    return None if value == "None" else value


class ScheduleFields(RuleFields):
    """When a group is due and over which intervals."""

    schedule: Annotated[Schedule | None, BeforeValidator(_by_hand)] = Field(
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

    after: After | None = Field(
        default=None,
        description="Run when these groups or models have finished an interval, instead of by a schedule; a "
        "list means all of them, {any: [...]} any.",
        examples=[["weather_hourly"], {"any": ["flights_daily", "stg_airports"]}],
    )
    wait_for: WaitFor = Field(
        default_factory=list,
        description="What its runs wait for before they start; all of it.",
        examples=[[{"file": "incoming/{{ ds }}.csv", "timeout": "6h"}]],
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
        if self.after and (keys.scheduled or self.start or self.end or self.interval or self.batch):
            other = next(key for key in keys.given if key != "timezone")
            raise refusal(
                f"a group that runs after others has no schedule of its own; leave out {other}", key="after"
            )
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


class ExecutionKeys(Keys):
    """When and beside what a node is executed within its run."""

    pool: PoolName | None = Field(
        default=None, description="The pool it counts against, one of pools:.", examples=["warehouse"]
    )
    trigger_rule: (
        Literal[
            "all_success",
            "none_failed",
            "none_failed_min_one_success",
            "all_done",
            "one_failed",
            "one_success",
            "always",
        ]
        | None
    ) = Field(
        default=None,
        description="How its upstreams must have ended; all_success when not set.",
        examples=["none_failed"],
    )
    run_if: Condition | None = Field(
        default=None,
        description="Condition on the interval; where it is false the node is skipped.",
        examples=["day == 1", "weekday in [6, 7]"],
    )
    expected_runtime: Timeout | None = Field(
        default=None, description="Warn when an attempt takes longer.", examples=["5m"]
    )


class NodeKeys(ScheduleFields, ExecutionKeys):
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
    on_lost: Literal["retry", "fail"] | None = Field(
        default=None,
        description="What becomes of it when its process died without an answer. fail is the default for "
        "snapshots and incremental models that append, retry for all others.",
        examples=["retry"],
    )


class TestKeys(ExecutionKeys):
    """What a data test or unit test says for itself: it runs with the group of what it tests."""

    retries: Retries | None = None
    retry_delay: Delay | None = None
    timeout: Timeout | None = None
