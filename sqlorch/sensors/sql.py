"""Waits for a query on the warehouse to say yes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlorch.domain.sensor import Look
from sqlorch.sensors.words import brief

if TYPE_CHECKING:
    from sqlorch.engine.sensor_ports import Occasion

_LONGEST = 40


class SqlSensor:
    """True when the query returns a row whose first value is true, not 0, or text that is not empty."""

    def __init__(self, occasion: Occasion) -> None:
        self._sql = occasion.target.strip().rstrip(";").rstrip()
        self._warehouse = occasion.warehouse

    def look(self) -> Look:
        """See :meth:`sqlorch.engine.sensor_ports.Sensor.look`."""
        with self._warehouse() as warehouse:
            row = warehouse.first_row(self._sql)
        if row is None:
            return Look(met=False, said="no row")
        value = "null" if row[0] is None else brief(str(row[0]), _LONGEST)
        return Look(met=bool(row[0]), said=f"its first value is {value or 'empty'}")
