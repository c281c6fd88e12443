"""``sqlorch plan`` and ``sqlorch intervals``: the project, the state and the clock, put together. No dbt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlorch.app.clock import SystemClock
from sqlorch.app.code_changes import CodeChanges
from sqlorch.app.lineage import LineageView, open_view
from sqlorch.app.own_target import require_target
from sqlorch.app.snapshot import take_snapshot
from sqlorch.app.workspace import Choices, Workspace
from sqlorch.domain.errors import ConfigError
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.periods import parse_bounds, parse_instant, parse_period
from sqlorch.domain.selector import select
from sqlorch.engine.forecast import Asked, GroupForecast, Known, forecast
from sqlorch.lineage.code.book import read_code

if TYPE_CHECKING:
    from sqlorch.domain.group import Group
    from sqlorch.domain.interval import Interval
    from sqlorch.state.store import SqlStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person asks of the plan.

    Attributes:
        groups: names of groups; all when empty.
        select, exclude: dbt selection syntax.
        interval: text of ``--interval``, or None.
        bounds: texts of the two ends of a time, or None.
        reprocess: which decided intervals count as work.
        at: text of the instant to answer for; None for now.
    """

    groups: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    interval: str | None = None
    bounds: tuple[str, str] | None = None
    reprocess: Reprocess = Reprocess.MISSING
    at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The answer.

    Attributes:
        view: the project.
        now: the instant it holds for.
        groups: what there is to say of each group that was asked about.
    """

    view: LineageView
    now: datetime
    groups: Sequence[GroupForecast]


def plan(choices: Choices, question: Question) -> Planned:
    """Say what would run and why; nothing is written and dbt is not imported.

    Raises:
        SqlorchError: the project or the question cannot be read, or the state cannot be opened.
    """
    now = SystemClock().now() if question.at is None else parse_instant(question.at)
    span = partial(_span, question)
    view = open_view(choices)
    names = frozenset(view.grouping.group(name).name for name in question.groups)
    for name in names or (group.name for group in view.grouping.groups):
        span(view.grouping.group(name))  # a wrong interval is told before anything is computed
    nodes = None
    if question.select or question.exclude:
        nodes = select(view.project.dag, question.select, question.exclude)
    asked = Asked(groups=names, nodes=nodes, span=span, reprocess=question.reprocess)
    snapshot = take_snapshot(view, {})
    with remembered(view.workspace) as store:
        if store is not None:
            require_target(store, view.project.target)
        known = Known() if store is None else _known(store)
        ledger = None if store is None else store.ledger
        changed = CodeChanges(read_code(view.project), view.project.adapter, ledger, known.entries)
    found = forecast(snapshot, view.project.dag, known, asked, now=now, changed=changed)
    return Planned(view=view, now=now, groups=tuple(found))


@contextmanager
def remembered(workspace: Workspace) -> Iterator[SqlStore | None]:
    """The state as it is, for reading; None where nothing has run yet, and nothing is made then."""
    if not workspace.has_state:
        yield None
        return
    from sqlorch.state.store import SqlStore  # noqa: PLC0415 - help must not wait for SQLAlchemy

    with SqlStore.open(workspace.state_file, url=workspace.state_url) as store:
        yield store


def _known(store: SqlStore) -> Known:
    states = store.schedule.groups()
    return Known(
        states=states,
        slots={name: store.schedule.slots(name) for name in states},
        entries=store.ledger.entries(merged=True),
        open_runs=store.queue.open_runs(),
    )


def _span(question: Question, group: Group) -> Interval | None:
    if question.bounds is not None:
        if question.interval is not None:
            raise ConfigError("--interval says both ends; leave out --from and --to")
        return parse_bounds(*question.bounds, group.timezone)
    return None if question.interval is None else parse_period(question.interval, group.timezone)
