"""Lineage as OpenLineage events without runs: one JobEvent for each node that builds or shows something."""

from sqlorch.lineage.openlineage.events import events

__all__ = ["events"]
