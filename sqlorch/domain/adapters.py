"""What must be known of a warehouse from the name of dbt's adapter alone."""

from __future__ import annotations

IN_A_FILE = frozenset({"duckdb", "sqlite"})
"""Adapters whose warehouse is a file, or in memory: one host, and one process at a time, can drive it."""
