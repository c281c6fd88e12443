"""Before the first node of a run: does it take away what earlier runs have made?

An incremental model adds its interval to what its table holds. A full refresh begins the table anew, and so
does any run after somebody has dropped it or deleted the file of the warehouse: it holds this interval alone
then, while the ledger goes on saying that the others are done. Nothing is made again by itself: a model may
well load all there is when its table is new.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlorch.domain.alerts import BY_HAND
from sqlorch.domain.describe import compact
from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry, LedgerMark
from sqlorch.domain.scheduling import RunKind

if TYPE_CHECKING:
    from datetime import datetime

    from sqlorch.domain.run import NodeSpec, RunSpec
    from sqlorch.engine.schedule_ports import AlertStore, LedgerStore

GONE = "table_gone"
_ADDS = "incremental"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableWatch:
    """Tells of incremental models whose table begins anew, with intervals the ledger has as done.

    Attributes:
        ledger: knows them.
        alerts: where people are told.
        span: what lies in it is made by this invocation anyway, so nobody need be told of it.
    """

    ledger: LedgerStore
    alerts: AlertStore
    span: Interval | None = None

    @staticmethod
    def asks_about(spec: RunSpec) -> list[str]:
        """The nodes of a run whose tables hold more than its own interval."""
        return [node.unique_id for node in spec.nodes if node.materialized == _ADDS]

    def heed(self, spec: RunSpec, anew: Collection[str], *, now: datetime) -> list[tuple[str, str]]:
        """Take in which tables begin anew; returns node and sentence of each that lacks something then."""
        if not anew:
            return []
        entries = self.ledger.entries(anew, merged=True)
        told = []
        for node in spec.nodes:
            lost = self._lost(spec, entries.get(node.unique_id, ()))
            if node.unique_id in anew and lost is not None:
                sentence = _sentence(spec, node, lost)
                told.append((node.unique_id, sentence))
                if spec.kind != RunKind.MANUAL or spec.invocation.get(BY_HAND):  # else a person is watching
                    self._tell(spec, node, sentence, now)
        return told

    def _lost(self, spec: RunSpec, entries: Sequence[LedgerEntry]) -> Interval | None:
        """From the first to the last of the intervals that are done and will not be in the new table."""
        made = [spec.interval] if self.span is None else [spec.interval, self.span]
        done = [entry.interval for entry in entries if entry.mark is LedgerMark.DONE]
        gone = [
            one for one in done if not any(span.start <= one.start and one.end <= span.end for span in made)
        ]
        return Interval(min(one.start for one in gone), max(one.end for one in gone)) if gone else None

    def _tell(self, spec: RunSpec, node: NodeSpec, sentence: str, now: datetime) -> None:
        facts = {
            "run_id": spec.run_id,
            "group": spec.group,
            "interval": compact(spec.interval, spec.timezone),
            "node": node.unique_id,
            "reason": f"{node.name} {sentence}",
        }
        self.alerts.raise_alert(f"{GONE}:{spec.run_id}:{node.unique_id}", GONE, facts, now=now)


def _sentence(spec: RunSpec, node: NodeSpec, lost: Interval) -> str:
    span = compact(lost, spec.timezone)
    why = "is refreshed" if spec.invocation.get("full_refresh") else "is not in the warehouse"
    return (
        f"{why}, although {span} of it is recorded as made; unless its SQL loads all of that when the table "
        f"is new, make it again: sqlorch run --interval {span} --select {node.name}"
    )
