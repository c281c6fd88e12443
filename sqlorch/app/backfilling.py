"""``sqlorch backfill``: from what a person typed to a plan, and from a plan to a backfill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sqlorch.app.operating import Desk
from sqlorch.domain.backfill import Order
from sqlorch.domain.coverage import Changed
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.periods import parse_bounds
from sqlorch.engine.backfill import Backfills
from sqlorch.engine.backfill_plan import BackfillPlan, BackfillPlanner, BackfillRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of ``sqlorch backfill``, as typed."""

    group: str
    start: str
    end: str
    reprocess: str
    order: str
    parallel: int
    cascade: bool


def plan(desk: Desk, asked: Asked) -> BackfillPlan:
    """What a backfill would do; nothing is written.

    Raises:
        SqlorchError: no such group, no such range, or the group's rules forbid it.
    """
    group = desk.snapshot.group(asked.group)
    request = BackfillRequest(
        group=asked.group,
        span=parse_bounds(asked.start, asked.end, group.timezone),
        reprocess=Reprocess(asked.reprocess),
        order=Order(asked.order),
        parallel=asked.parallel,
        cascade=asked.cascade,
    )
    changed = _changes(desk, request) if request.reprocess is Reprocess.CHANGED else None
    return BackfillPlanner(desk.store, desk.snapshot, changed).plan(request, now=desk.now)


def _changes(desk: Desk, request: BackfillRequest) -> Callable[[str], Changed]:
    """What has changed in the nodes a plan may ask about; formatting is no change."""
    from sqlorch.app.code_changes import CodeChanges  # noqa: PLC0415 - only --reprocess changed needs it
    from sqlorch.lineage.code.book import read_code  # noqa: PLC0415 - likewise

    groups = [request.group, *(desk.snapshot.downstream(request.group) if request.cascade else ())]
    members = [uid for name in groups for uid in desk.snapshot.members(name)]
    ledger, project = desk.store.ledger, desk.project
    changes = CodeChanges(read_code(project), project.adapter, ledger, ledger.entries(members))
    return lambda uid: partial(changes, uid)


def put_forward(desk: Desk, made: BackfillPlan) -> list[str]:
    """Submit a plan; returns the ids of its backfills, none when there is nothing to do.

    Raises:
        StateError: another backfill of the group is under way over the same time.
    """
    return backfills(desk).submit(made, who=desk.who, now=desk.now)


def backfills(desk: Desk) -> Backfills:
    """What people do with backfills."""
    return Backfills(desk.store)
