"""Loads the Parquet files of the demo into PostgreSQL, as the tables of schema ``raw``.

    python project/load_postgres.py                      # where the profile's target `postgres` connects to
    python project/load_postgres.py --dsn "host=... dbname=..."

Every table is emptied and filled again in one transaction: run it as often as you like. Views that dbt has
built on the tables survive. Needs ``pyarrow`` and ``psycopg2``.
"""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg2
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from psycopg2 import sql

TABLES = ("airlines", "airports", "planes", "weather", "flights")
# Runs read the long tables interval by interval.
INDEXES = {"weather": "time_hour", "flights": "time_hour"}
SCHEMA = "raw"


def main(argv: Sequence[str] | None = None) -> int:
    """Loads every table and says how many rows it has; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        with psycopg2.connect(options.dsn or _dsn_of_profile()) as connection:
            _load(connection, options.data_dir)
    except psycopg2.OperationalError as error:
        return _fail(
            f"PostgreSQL cannot be reached: {str(error).strip()}\n"
            "Check --dsn, or FLIGHTS_PG_HOST, FLIGHTS_PG_PORT, FLIGHTS_PG_USER, FLIGHTS_PG_DATABASE "
            "and DBT_ENV_SECRET_FLIGHTS_PG_PASSWORD."
        )
    except (psycopg2.Error, OSError, pa.ArrowException) as error:
        return _fail(f"The data could not be loaded, nothing was changed: {str(error).strip()}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Load the demo's Parquet files into PostgreSQL.")
    parser.add_argument(
        "--dsn", help="libpq connection string or URL (default: as the profile's target postgres)"
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=Path(__file__).resolve().parent / "data",
        help="folder with the Parquet files (default: data/ beside this script)",
    )
    return parser


def _dsn_of_profile() -> str:
    """The connection that profiles.yml describes, from the same environment variables."""
    return psycopg2.extensions.make_dsn(
        host=os.environ.get("FLIGHTS_PG_HOST", "localhost"),
        port=os.environ.get("FLIGHTS_PG_PORT", "5432"),
        user=os.environ.get("FLIGHTS_PG_USER", "flights"),
        password=os.environ.get("DBT_ENV_SECRET_FLIGHTS_PG_PASSWORD"),
        dbname=os.environ.get("FLIGHTS_PG_DATABASE", "flights"),
    )


def _load(connection: psycopg2.extensions.connection, data_dir: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(SCHEMA)))
        for name in TABLES:
            table = pyarrow.parquet.read_table(data_dir / f"{name}.parquet")
            _create(cursor, name, table.schema)
            _fill(cursor, name, table)
            sys.stdout.write(f"{SCHEMA}.{name}: {table.num_rows:,} rows\n")


def _create(cursor: psycopg2.extensions.cursor, name: str, schema: pa.Schema) -> None:
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_postgres_type(field.type)))
        for field in schema
    )
    table = sql.Identifier(SCHEMA, name)
    cursor.execute(sql.SQL("create table if not exists {} ({})").format(table, columns))
    if column := INDEXES.get(name):
        cursor.execute(
            sql.SQL("create index if not exists {} on {} ({})").format(
                sql.Identifier(f"{name}_{column}"), table, sql.Identifier(column)
            )
        )


def _postgres_type(type_: pa.DataType) -> str:
    if pa.types.is_integer(type_):
        return "bigint"
    if pa.types.is_floating(type_):
        return "double precision"
    if pa.types.is_timestamp(type_):
        return "timestamp with time zone" if type_.tz else "timestamp"
    return "text"


def _fill(cursor: psycopg2.extensions.cursor, name: str, table: pa.Table) -> None:
    target = sql.Identifier(SCHEMA, name)
    cursor.execute(sql.SQL("truncate {}").format(target))
    # Arrow writes null as nothing and the empty string as "", which is how COPY tells them apart.
    rows = io.BytesIO()
    pyarrow.csv.write_csv(table, rows, pyarrow.csv.WriteOptions(include_header=False))
    rows.seek(0)
    cursor.copy_expert(sql.SQL("copy {} from stdin (format csv)").format(target), rows)


def _fail(message: str) -> int:
    sys.stderr.write(f"{message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
