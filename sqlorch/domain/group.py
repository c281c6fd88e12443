"""Groups of nodes that run together, and what a node's own SQL may say about its group."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlorch.domain.catchup import CATCHUP_MAX, CatchupPolicy
from sqlorch.domain.run import RetryPolicy
from sqlorch.domain.sensor import SensorSpec
from sqlorch.domain.timetable import Mode, Timetable, make_timetable

DEFAULT_GROUP = "default"
QUEUE_TIMEOUT = 600.0
GROUP_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z", re.ASCII)
ANY_NUMBER = "none"
_UNSET: Mapping[str, Any] = {"schedule": (), "every": None, "interval": "window", "batch": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleKeys:
    """The keys that decide a group's intervals, as written; None is "not said".

    Attributes:
        schedule: crons or presets (``@daily``); their union.
        every: elapsed length of an interval (``6h``), instead of a schedule.
        timezone: IANA name.
        start: first instant wanted; naive means the group's zone.
        end: instant no interval may pass; naive means the group's zone.
        interval: ``window`` (an interval lies between two fires) or ``point`` (it is one fire).
        batch: how many consecutive intervals one run may cover.
    """

    schedule: tuple[str, ...] | None = None
    every: str | None = None
    timezone: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    interval: Mode | None = None
    batch: int | None = None

    @property
    def given(self) -> Mapping[str, Any]:
        """What was said, by key."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None}

    @property
    def scheduled(self) -> bool:
        """Whether they say when to run."""
        return bool(self.schedule or self.every)

    def resolved(self, default_zone: str) -> Mapping[str, Any]:
        """All keys with what holds where nothing was said, so that two ways to say the same are equal."""
        everything: dict[str, Any] = dict.fromkeys(field.name for field in fields(self))
        return {**everything, **_UNSET, "timezone": default_zone, **self.given}

    def timetable(self, default_zone: str) -> Timetable:
        """The timetable they describe, in ``default_zone`` when they name no zone.

        Raises:
            ConfigError: they describe none; the message is one line without a place.
        """
        schedule = self.schedule or None
        return make_timetable(
            schedule=schedule[0] if schedule and len(schedule) == 1 else schedule,
            every=self.every,
            timezone=self.timezone or default_zone,
            start=self.start,
            end=self.end,
            mode=self.interval or "window",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleKeys:
    """The keys of a group's :class:`RunRules` as written; None is "not said".

    ``catchup_max`` is ``none`` for any number; ``after`` holds names as written. The others are those of
    :class:`RunRules`, and ``owner`` is that of :class:`Group`.
    """

    catchup: str | None = None
    catchup_max: int | str | None = None
    upstream: str | None = None
    upstream_timeout: float | None = None
    max_active_runs: int | None = None
    depends_on_past: bool | None = None
    finish_within: float | None = None
    start_within: float | None = None
    run_timeout: float | None = None
    queue_timeout: float | None = None
    after: tuple[str, ...] | None = None
    after_all: bool | None = None
    owner: str | None = None

    @property
    def given(self) -> Mapping[str, Any]:
        """What was said, by key."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in said.items() if value is not None}

    def over(self, base: RunRules) -> RunRules:
        """``base`` with what was said instead."""
        said = dict(self.given)
        said.pop("owner", None)
        if "catchup" in said:
            said["catchup"] = CatchupPolicy(said["catchup"])
        if said.get("catchup_max") == ANY_NUMBER:
            said["catchup_max"] = None
        return replace(base, **said)


_NO_KEYS = ScheduleKeys()
_NO_RULE_KEYS = RuleKeys()
_RETRY = RetryPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRules:
    """How the daemon schedules a group's runs (scheduling specification 2.3 and 2.6).

    Attributes:
        catchup: what becomes of slots that were missed.
        catchup_max: how many due slots are decided without asking; None for any number.
        upstream: ``wait`` for the intervals of other groups that a run reads, only for the ``latest`` of
            each, or ``ignore`` them.
        upstream_timeout: seconds a queued run waits for them before it fails; None for ever.
        max_active_runs: runs of the group under way at once.
        depends_on_past: a run waits until the slot before it has succeeded or was skipped.
        finish_within, start_within: seconds after the interval's end by which a run must have ended or
            started; missing one is an alert.
        run_timeout: seconds a run may take before it is stopped and fails.
        queue_timeout: seconds a run may wait for a worker once nothing else holds it back, before an alert.
        after: groups (by name) and models (by unique id once the project is known) whose finished intervals
            trigger a run, instead of a schedule.
        after_all: wait for an event of every one of them, not of any.
    """

    catchup: CatchupPolicy = CatchupPolicy.ALL
    catchup_max: int | None = CATCHUP_MAX
    upstream: str = "wait"
    upstream_timeout: float | None = None
    max_active_runs: int = 1
    depends_on_past: bool = False
    finish_within: float | None = None
    start_within: float | None = None
    run_timeout: float | None = None
    queue_timeout: float = QUEUE_TIMEOUT
    after: tuple[str, ...] = ()
    after_all: bool = True


_RULES = RunRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Models, seeds and snapshots that run together over the same intervals.

    Attributes:
        name: 1 to 64 letters, digits, ``_`` and ``-``.
        timetable: its intervals and its zone; one without fires when it has no schedule.
        select: dbt selection syntax for its nodes; ``""`` when only the nodes' own SQL names it.
        exclude: dbt selection syntax for what ``select`` must leave out.
        keys: the schedule keys as written.
        batch: how many consecutive intervals one run may cover, at least 1.
        retry: retry policy of its nodes.
        timeout: seconds an attempt at one of its nodes may take, or None.
        description: what its author says of it.
        origin: where it is defined, ``file:line`` or a model's file.
        rules: how its runs are scheduled.
        rule_keys: the keys of these rules as written for the group itself.
        owner: who is told when it fails, ``""`` for nobody in particular.
        wait_for: what its runs wait for, those of its nodes included once the project is known.
    """

    name: str
    timetable: Timetable
    select: str = ""
    exclude: str | None = None
    keys: ScheduleKeys = _NO_KEYS
    batch: int = 1
    retry: RetryPolicy = _RETRY
    timeout: float | None = None
    description: str = ""
    origin: str = ""
    rules: RunRules = _RULES
    rule_keys: RuleKeys = _NO_RULE_KEYS
    owner: str = ""
    wait_for: tuple[SensorSpec, ...] = ()

    @property
    def timezone(self) -> str:
        """IANA name of its zone."""
        return self.timetable.timezone


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What one node says for itself under ``meta.sqlorch``; None is "not said".

    Attributes:
        origin: the file it is said in.
        group: the group it belongs to.
        keys: schedule keys, which define its group.
        rules: rules of the group that ``keys`` or ``rules.after`` define.
        retries: further attempts after a transient error.
        retry_delay: seconds before the first of them.
        timeout: seconds an attempt may take.
        export: whether its table is published with the metrics.
        wait_for: what runs of its group wait for.
        pool, trigger_rule, run_if, expected_runtime, on_lost: as on :class:`sqlorch.domain.run.NodeSpec`.
    """

    origin: str = ""
    group: str | None = None
    keys: ScheduleKeys = _NO_KEYS
    rules: RuleKeys = _NO_RULE_KEYS
    retries: int | None = None
    retry_delay: float | None = None
    timeout: float | None = None
    export: bool = False
    wait_for: tuple[SensorSpec, ...] = ()
    pool: str | None = None
    trigger_rule: str | None = None
    run_if: str | None = None
    expected_runtime: float | None = None
    on_lost: str | None = None


def retry_policy(retries: int | None, delay: float | None, base: RetryPolicy) -> RetryPolicy:
    """``base`` with what was said instead; a delay longer than the usual bound raises the bound."""
    chosen = base.delay if delay is None else delay
    return RetryPolicy(
        retries=base.retries if retries is None else retries,
        delay=chosen,
        max_delay=max(base.max_delay, chosen),
    )
