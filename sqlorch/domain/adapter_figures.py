"""Figures that adapters tell about a query, each by a name of its own (dbt's ``adapter_response``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# dbt-bigquery and dbt-athena; DuckDB and PostgreSQL tell no bytes.
_BYTES = ("bytes_processed", "data_scanned_in_bytes")
# dbt-snowflake, where the server told them. Where it did not, one row may be the one that says "done".
_BY_KIND = ("rows_inserted", "rows_updated", "rows_deleted")
_DONE = ("SUCCESS", 1)


def bytes_read(response: Mapping[str, Any]) -> int | None:
    """Bytes the warehouse read for a query, None where its adapter does not tell."""
    told = (response.get(name) for name in _BYTES)
    return next((value for value in told if type(value) is int and value >= 0), None)


def rows_written(response: Mapping[str, Any], materialized: str) -> int | None:
    """Rows a node wrote, None where that is not known or it writes none.

    Args:
        response: what the adapter said of the node's last statement.
        materialized: the node's materialization.
    """
    if materialized == "view":
        return None
    figures = [value for name in _BY_KIND if type(value := response.get(name)) is int]
    if figures:
        return sum(figures)
    rows = response.get("rows_affected")
    if (response.get("code"), rows) == _DONE:
        return None
    return rows if type(rows) is int and rows >= 0 else None
