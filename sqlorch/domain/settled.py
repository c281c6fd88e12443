"""Slots that need no run, because all of their group was made for them by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlorch.domain.coverage import SlotAxis, Standing, timeline
from sqlorch.domain.reprocess import INTERVAL_FREE_KINDS

if TYPE_CHECKING:
    from sqlorch.domain.interval import Interval
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.domain.snapshot import SnapshotNode

_DONE = frozenset({Standing.DONE, Standing.CHANGED})  # code that changed since is for a person to reprocess


def made_by_hand(
    slots: Sequence[Interval],
    members: Iterable[SnapshotNode],
    entries: Mapping[str, Sequence[LedgerEntry]],
) -> dict[Interval, str]:
    """The slots over which every node of a group is done, with the reason to record: ``done by manual-…``.

    Nodes that are the same whatever the interval (seeds) say nothing about a slot; a group of nothing else
    has no slot done by hand.

    Args:
        slots: disjoint, oldest first.
        members: the group's nodes.
        entries: their ledger entries that touch the slots.
    """
    bound = [node.unique_id for node in members if node.kind not in INTERVAL_FREE_KINDS]
    if not bound or not all(entries.get(uid) for uid in bound):
        return {}
    axis = SlotAxis(slots)
    left = set(range(len(slots)))
    for uid in bound:
        for stretch in axis.stretches(timeline(entries[uid])):
            if stretch.verdict.standing not in _DONE:
                left.difference_update(range(stretch.first, stretch.last + 1))
    return {slots[place]: _reason(slots[place], entries[bound[0]]) for place in sorted(left)}


def _reason(slot: Interval, entries: Iterable[LedgerEntry]) -> str:
    touching = [entry for entry in entries if entry.interval.overlaps(slot) or entry.interval.contains(slot)]
    newest = max(touching, key=lambda entry: (entry.at, entry.gen))
    return f"done by {newest.run_id}" if newest.run_id else "marked as done by hand"
