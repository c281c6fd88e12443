"""Dataset events for their consumers. Implements :class:`sqlorch.engine.schedule_ports.DatasetStore`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Row, and_, or_, select

from sqlorch.domain.interval import Interval
from sqlorch.domain.scheduling import DatasetEvent
from sqlorch.state.codec import from_micros
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import dataset_cursor, dataset_event

_CHUNK = 400  # two bound values each, and SQLite limits the depth of a condition to 1,000


@repeating
class SqlDatasets:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def events(self, datasets: Iterable[str], after: Mapping[str, int]) -> list[DatasetEvent]:
        """See :meth:`sqlorch.engine.schedule_ports.DatasetStore.events`.

        All of a dataset that is not in ``after``.
        """
        wanted = list(dict.fromkeys(datasets))
        found: list[DatasetEvent] = []
        with self._database.read() as connection:
            for start in range(0, len(wanted), _CHUNK):
                newer = [
                    and_(dataset_event.c.dataset == name, dataset_event.c.id > after.get(name, 0))
                    for name in wanted[start : start + _CHUNK]
                ]
                found += map(_event, connection.execute(select(dataset_event).where(or_(*newer))))
        return sorted(found, key=lambda event: event.event_id)

    def consumed(self, group: str) -> Mapping[str, int]:
        """See :meth:`sqlorch.engine.schedule_ports.DatasetStore.consumed`."""
        statement = select(dataset_cursor).where(dataset_cursor.c.group_name == group)
        with self._database.read() as connection:
            return {row.dataset: row.event_id for row in connection.execute(statement)}


def _event(row: Row[Any]) -> DatasetEvent:
    return DatasetEvent(
        event_id=row.id,
        dataset=row.dataset,
        run_id=row.run_id,
        gen=row.gen,
        interval=Interval(from_micros(row.interval_start), from_micros(row.interval_end)),
        at=from_micros(row.at),
    )
