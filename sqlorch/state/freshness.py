"""How fresh sources were, by run. Implements :class:`sqlorch.engine.ports.FreshnessStore`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, bindparam, func, select

from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness
from sqlorch.state.codec import clean_text, from_micros, from_micros_or_none, to_micros, to_micros_or_none
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import run, source_freshness

_KNOWN = select(run.c.run_id).where(run.c.run_id == bindparam("run"))
_OLD = source_freshness.delete().where(
    source_freshness.c.run_id == bindparam("run"),
    source_freshness.c.gen == bindparam("generation"),
    source_freshness.c.unique_id == bindparam("source"),
)
_NEWEST = (
    select(source_freshness)
    .where(source_freshness.c.run_id == bindparam("run"))
    .where(
        source_freshness.c.gen
        == select(func.max(source_freshness.c.gen))
        .where(source_freshness.c.run_id == bindparam("run"))
        .scalar_subquery()
    )
    .order_by(source_freshness.c.source)
)


@repeating
class SqlFreshness:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, run_id: str, gen: int, found: Sequence[SourceFreshness]) -> None:
        """See :meth:`sqlorch.engine.ports.FreshnessStore.keep`."""
        if not found:
            return
        newest = {one.unique_id: one for one in found}
        with self._database.write() as connection:
            if connection.scalar(_KNOWN, {"run": run_id}) is None:
                return
            keys = [{"run": run_id, "generation": gen, "source": unique_id} for unique_id in newest]
            connection.execute(_OLD, keys)
            rows = [{"run_id": run_id, "gen": gen} | _values(one) for one in newest.values()]
            connection.execute(source_freshness.insert(), rows)

    def of_run(self, run_id: str) -> list[SourceFreshness]:
        """See :meth:`sqlorch.engine.ports.FreshnessStore.of_run`."""
        with self._database.read() as connection:
            return [_found(row) for row in connection.execute(_NEWEST, {"run": run_id})]


def _values(found: SourceFreshness) -> dict[str, Any]:
    return {
        "unique_id": clean_text(found.unique_id),
        "source": clean_text(found.source),
        "status": found.status,
        "snapshotted_at": to_micros(found.snapshotted_at),
        "max_loaded_at": to_micros_or_none(found.max_loaded_at),
        "warn_after": None if found.warn_after is None else int(found.warn_after),
        "error_after": None if found.error_after is None else int(found.error_after),
        "message": clean_text(found.message),
    }


def _found(row: Row[Any]) -> SourceFreshness:
    return SourceFreshness(
        unique_id=row.unique_id,
        source=row.source,
        status=FreshnessStatus(row.status),
        snapshotted_at=from_micros(row.snapshotted_at),
        max_loaded_at=from_micros_or_none(row.max_loaded_at),
        warn_after=row.warn_after,
        error_after=row.error_after,
        message=row.message,
    )
