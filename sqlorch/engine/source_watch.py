"""Before the first node of a run: how fresh are the sources it reads?

dbt's ``build`` does not ask; ``dbt source freshness`` does, and leaves a file nobody looks at. Here every run
leaves it with its other figures, people are told of sources that are too old, and where the project wants it
nothing is built on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.domain.alerts import BY_HAND
from sqlorch.domain.describe import compact
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness, SourceReading
from sqlorch.domain.scheduling import RunKind
from sqlorch.domain.sla import CATCHUP

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.run import RunSpec
    from sqlorch.engine.ports import FreshnessStore
    from sqlorch.engine.schedule_ports import AlertStore

STALE = "freshness_stale"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWatch:
    """Keeps and tells what was measured, and says what must not be built.

    Attributes:
        store: where it is kept.
        alerts: where people are told of sources that are too old.
        block: whether nodes that read a source with the status ``error`` are not to be built.
    """

    store: FreshnessStore
    alerts: AlertStore
    block: bool = False

    def heed(
        self, spec: RunSpec, gen: int, readings: Sequence[SourceReading], *, now: datetime
    ) -> dict[str, str]:
        """Take in what was measured for a run.

        Returns:
            Nodes that must not start, with the reason.
        """
        if readings:
            self.store.keep(spec.run_id, gen, [reading.found for reading in readings])
        if _told_of(spec, gen):
            for reading in readings:
                if reading.found.stale:
                    self._tell(spec, reading.found, now)
        if not self.block:
            return {}
        return {
            uid: f"source {reading.found}"
            for reading in readings
            if reading.found.status is FreshnessStatus.ERROR
            for uid in reading.readers
        }

    def _tell(self, spec: RunSpec, found: SourceFreshness, now: datetime) -> None:
        """Once for a run, as when it waits for the source (:mod:`sqlorch.engine.watchdog`)."""
        facts = {
            "run_id": spec.run_id,
            "group": spec.group,
            "interval": compact(spec.interval, spec.timezone),
            "source": found.source,
            "reason": str(found),
        }
        self.alerts.raise_alert(f"{STALE}:{spec.run_id}:{found.source}", STALE, facts, now=now)


def _told_of(spec: RunSpec, gen: int) -> bool:
    """Whether people are told of it: not by a run that makes up for the past, or that somebody watches."""
    if spec.kind == RunKind.MANUAL:
        return bool(spec.invocation.get(BY_HAND))
    return gen == 1 and spec.kind != RunKind.BACKFILL and CATCHUP not in spec.invocation
