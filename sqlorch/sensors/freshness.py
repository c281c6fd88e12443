"""Waits for a source to be fresh, as dbt measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlorch.domain.freshness import FreshnessStatus
from sqlorch.domain.sensor import Look

if TYPE_CHECKING:
    from sqlorch.engine.sensor_ports import Occasion


class FreshnessSensor:
    """True when every table of the source that says how fresh it must be passes (``warn`` does not)."""

    def __init__(self, occasion: Occasion) -> None:
        self._source = occasion.target
        self._warehouse = occasion.warehouse

    def look(self) -> Look:
        """See :meth:`sqlorch.engine.sensor_ports.Sensor.look`."""
        with self._warehouse() as warehouse:
            found = warehouse.freshness(self._source)
        stale = sorted(
            f"{one.source.partition('.')[2]}: {one.status}"
            for one in found
            if one.status is not FreshnessStatus.PASS
        )
        return Look(met=not stale, said=", ".join(stale) or "fresh", measured=tuple(found))
