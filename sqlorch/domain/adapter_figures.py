"""Figures that adapters tell about a query, each by a name of its own (dbt's ``adapter_response``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# dbt-bigquery and dbt-athena; DuckDB and PostgreSQL tell no bytes.
_BYTES = ("bytes_processed", "data_scanned_in_bytes")


def bytes_read(response: Mapping[str, Any]) -> int | None:
    """Bytes the warehouse read for a query, None where its adapter does not tell."""
    told = (response.get(name) for name in _BYTES)
    return next((value for value in told if type(value) is int and value >= 0), None)
