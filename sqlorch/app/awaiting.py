"""``sqlorch run`` and sensors: looked at before anything runs, and again and again when asked to wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from sqlorch.app.clock import SystemClock
from sqlorch.app.lineage import open_view
from sqlorch.app.looking import Looker, Seen, session_warehouse
from sqlorch.app.manual_alerts import tells_by_hand
from sqlorch.app.snapshot import take_snapshot
from sqlorch.domain.describe import name_slot
from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.sensor import FRESHNESS, LEDGER_KINDS
from sqlorch.state.lock import LockedError

if TYPE_CHECKING:
    from sqlorch.app.workspace import Workspace
    from sqlorch.dbt.session import WarmSession
    from sqlorch.engine.planner import Plan, PlannedRun
    from sqlorch.state.store import SqlStore

_TOLD = 5
_BUSY = 1.0
_T = TypeVar("_T")


class UnmetError(IntegrationError):
    """What groups wait for is not there, so nothing was run.

    Attributes:
        lacking: what was found of it.
    """

    def __init__(self, message: str, lacking: Sequence[Seen]) -> None:
        super().__init__(message)
        self.lacking = lacking


def require_sensors(workspace: Workspace, plan: Plan, session: WarmSession, store: SqlStore) -> None:
    """Look once at everything that the runs of a plan wait for.

    What a run waits for in another group is there when an earlier run of the same plan makes it.

    Raises:
        UnmetError: something is not there, or could not be looked at.
    """
    runs = [planned for planned in plan.runs if planned.group.wait_for]
    if not runs:
        return
    looker = Looker(
        workspace=workspace,
        snapshot=take_snapshot(open_view(workspace.choices), {}),
        store=store,
        warehouse=session_warehouse(session),
    )
    found = [(planned, seen) for planned in runs for seen in looker.look(planned.group, planned.interval)]
    made = {planned.group.name for planned in plan.runs} | {uid for run in plan.runs for uid in run.nodes}
    lacking = [
        (planned, seen)
        for planned, seen in found
        if not seen.look.met and not (seen.spec.kind in LEDGER_KINDS and seen.spec.target in made)
    ]
    if lacking:
        if tells_by_hand(workspace):
            _tell_stale(store, lacking)
        raise UnmetError(_sentence(lacking), [seen for _, seen in lacking])


def _tell_stale(store: SqlStore, lacking: Sequence[tuple[PlannedRun, Seen]]) -> None:
    """Put sources that are too old into the outbox: once a day for an interval, however often one looks."""
    now = SystemClock().now()
    for planned, seen in lacking:
        if seen.spec.kind != FRESHNESS or not seen.look.denied:
            continue
        group, source = planned.group, seen.spec.target
        slot = name_slot(planned.interval, group.timezone)
        payload = {
            "group": group.name,
            "interval": slot,
            "owner": group.owner,
            "source": source,
            "reason": f"{source} ({seen.look.said})",
        }
        dedupe = f"freshness_stale:{group.name}:{slot}:{source}:{now:%Y-%m-%d}"
        store.alerts.raise_alert(dedupe, "freshness_stale", payload, now=now)


def with_patience(work: Callable[[], _T], *, wait: bool, tell: Callable[[str], None]) -> _T:
    """Do the work, once what it waits for is there when asked to wait; nothing is held between two looks.

    Args:
        work: raises :class:`UnmetError` when something is lacking.
        wait: look again instead of giving up, as often and as long as the sensors say.
        tell: told what is waited for whenever that changes.

    Raises:
        UnmetError: something is lacking, and nobody waits or its ``timeout`` is over.
        LockedError: another process drives runs, and did so from the beginning.
    """
    began, told = time.monotonic(), ""
    while True:
        try:
            return work()
        except UnmetError as error:
            limits = [seen.spec.timeout for seen in error.lacking if seen.spec.timeout is not None]
            waited = time.monotonic() - began
            if not wait or waited >= min(limits, default=waited + 1):
                raise
            said = "; ".join(f"{seen.what}: {seen.look.said}" for seen in error.lacking[:_TOLD])
            if said != told:
                tell(f"waiting for {said}")
                told = said
            pause = min(seen.spec.every for seen in error.lacking)
            time.sleep(min([pause, *(limit - waited for limit in limits)]))
        except LockedError:
            if not told:
                raise
            time.sleep(_BUSY)  # somebody else works meanwhile, as was offered


def _sentence(lacking: Sequence[tuple[PlannedRun, Seen]]) -> str:
    lines = [
        f"  {planned.group.name} {name_slot(planned.interval, planned.group.timezone)} waits for "
        f"{seen.what}: {seen.look.said}"
        for planned, seen in lacking[:_TOLD]
    ]
    if len(lacking) > _TOLD:
        lines.append(f"  and {len(lacking) - _TOLD} more")
    return "\n".join(
        [
            "nothing was run, because what it waits for is not there:",
            *lines,
            "wait with --wait-for-sensors, or run all the same with --ignore-sensors",
        ]
    )
