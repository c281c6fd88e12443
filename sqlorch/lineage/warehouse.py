"""Where the tables of a project are, named as OpenLineage names data sources.

Source of the names: "Naming Conventions" of the OpenLineage documentation (2026-08), and for adapters it does
not list the names that OpenLineage's own integration of dbt gives, so that both speak of the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Values = Mapping[str, Any]


def namespace_of(adapter: str, values: Values) -> str:
    """The namespace of a target's tables; the bare adapter where no place of it is known.

    Args:
        adapter: dbt's adapter type.
        values: what the profile says of the target.
    """
    name = _NAMES.get(adapter)
    return (name(values) if name is not None else "") or adapter


def _host(scheme: str, key: str = "host", port: str = "") -> Callable[[Values], str]:
    def name(values: Values) -> str:
        host, found = values.get(key), values.get("port") or port
        return f"{scheme}://{host}{f':{found}' if found else ''}" if host else ""

    return name


def _part(before: str, key: str, after: str = "") -> Callable[[Values], str]:
    return lambda values: f"{before}{values[key]}{after}" if values.get(key) else ""


_NAMES: dict[str, Callable[[Values], str]] = {
    "athena": _part("awsathena://athena.", "region_name", ".amazonaws.com"),
    "bigquery": lambda _: "bigquery",
    "clickhouse": _host("clickhouse"),
    "databricks": _part("databricks://", "host"),
    "dremio": _host("dremio", "software_host"),
    "duckdb": _part("duckdb://", "path"),
    "fabric": _host("fabric-warehouse", "server"),
    "mysql": _host("mysql", "server", "3306"),
    "oracle": _host("oracle", port="1521"),
    "postgres": _host("postgres", port="5432"),
    "redshift": _host("redshift", port="5439"),
    "snowflake": _part("snowflake://", "account"),
    "spark": _host("spark"),
    "sqlserver": _host("mssql", "server", "1433"),
    "teradata": _host("teradata", port="1025"),
    "trino": _host("trino", port="8080"),
}
