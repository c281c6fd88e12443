"""``dbt build`` itself, in this process, as the reference for what `sqlorch run` must leave."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import chdir
from datetime import datetime
from pathlib import Path

import duckdb
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

Rows = dict[str, list[tuple[object, ...]]]
_SNAPSHOT_TIMES = {"dbt_valid_from", "dbt_updated_at", "dbt_scd_id"}


def dbt_build(
    project_dir: Path,
    profiles_dir: Path,
    variables: Mapping[str, str],
    *options: str,
    environment: Mapping[str, str],
    target_path: Path,
) -> bool:
    """One ``dbt build`` with an interval's variables and event-time window; True when all went well."""
    start, end = (datetime.fromisoformat(variables[f"data_interval_{side}"]) for side in ("start", "end"))
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with chdir(project_dir):  # where dbt goes by itself, and stays
            done = dbtRunner().invoke(
                [
                    *("build", "--quiet", "--project-dir", str(project_dir)),
                    *("--profiles-dir", str(profiles_dir)),
                    *("--target-path", str(target_path), "--log-path", str(target_path)),
                    *("--vars", json.dumps(dict(variables))),
                    *("--event-time-start", f"{start:%FT%T}", "--event-time-end", f"{end:%FT%T}"),
                    *options,
                ]
            )
        assert done.exception is None, done.exception
        return done.success
    finally:
        DuckDBConnectionManager.close_all_connections()
        os.environ.clear()
        os.environ.update(before)


def relations(database: Path, *, without: Sequence[str] = ()) -> Rows:
    """Every table and view of a DuckDB file with its columns, their types, and its rows in a fixed order.

    The columns of a snapshot that say when it was taken are left out: they are the wall clock.
    """
    found: Rows = {}
    with duckdb.connect(str(database), read_only=True) as connection:
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables order by all"
        ).fetchall():
            if name in without:
                continue
            cursor = connection.execute(f'select * from "{schema}"."{name}" limit 0')
            columns = [(c[0], str(c[1])) for c in cursor.description or () if c[0] not in _SNAPSHOT_TIMES]
            listed = ", ".join(f'"{column}"' for column, _ in columns)
            rows = connection.execute(f'select {listed} from "{schema}"."{name}" order by all').fetchall()
            found[f"{schema}.{name}"] = [tuple(columns), *rows]
    return found


def difference(ours: Rows, theirs: Rows) -> dict[str, str]:
    """What differs between two warehouses, one line a relation; empty when they are equal."""
    told = {}
    for name in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(name), theirs.get(name)
        if here is None or there is None:
            told[name] = "is missing " + ("here" if here is None else "there")
        elif here != there:
            row = next((pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]), None)
            told[name] = f"{len(here) - 1} rows here, {len(there) - 1} there; first difference: {row}"
    return told
