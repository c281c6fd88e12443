"""The warehouse for those who only look: one query, or how fresh sources are."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from sqlorch.domain.errors import IntegrationError, SqlorchError
from sqlorch.domain.freshness import FreshnessStatus, SourceFreshness

if TYPE_CHECKING:
    from sqlorch.dbt.session import WarmSession

_LONGEST = 300


class LookedAtWarehouse:
    """A :class:`sqlorch.engine.sensor_ports.Warehouse` on an open session."""

    def __init__(self, session: WarmSession) -> None:
        self._session = session

    def first_row(self, sql: str) -> tuple[Any, ...] | None:
        """See the port. As a subquery it can only be one statement that reads, whatever it says."""
        try:
            with self._session.driver_connection() as connection, closing(connection.cursor()) as cursor:
                try:
                    # the line break ends a comment in the query's last line
                    cursor.execute(f"select * from (\n{sql}\n) as sqlorch_sensor limit 1")
                    row = cursor.fetchone()
                finally:
                    _undo(connection, self._session.adapter_type)
        except SqlorchError:
            raise
        except Exception as error:
            raise IntegrationError(self._told(error)) from error
        # the profile's secrets are known here alone
        mask = self._session.mask
        return None if row is None else tuple(mask(cell) if isinstance(cell, str) else cell for cell in row)

    def freshness(self, source: str) -> Sequence[SourceFreshness]:
        """See the port."""
        with self._session.runners() as (config, manifest, adapter):
            name, _, table = source.partition(".")
            tables = [
                node
                for node in manifest.sources.values()
                if node.source_name == name and (not table or node.name == table)
            ]
            if not tables:
                known = ", ".join(sorted({node.source_name for node in manifest.sources.values()})) or "none"
                raise IntegrationError(f"the project has no source {source}; its sources are: {known}")
            measured = [node for node in tables if node.has_freshness]
            if not measured:
                raise IntegrationError(f"no table of {source} says how fresh it must be; add freshness to it")
            found = [self._session.gauge.measure(node, config, manifest, adapter) for node in measured]
        for one in found:
            if one.status is FreshnessStatus.UNKNOWN:
                raise IntegrationError(f"{one.source.partition('.')[2]}: {one.message}")
        return found

    def _told(self, error: Exception) -> str:
        """In a line, without secrets; these go before it is shortened."""
        text = " ".join(self._session.mask(str(error)).split())
        return text[:_LONGEST] or type(error).__name__


def _undo(connection: Any, adapter_type: str) -> None:
    """End the transaction that the query began; DuckDB is left in none."""
    if adapter_type != "duckdb":
        connection.rollback()
