"""The demo on PostgreSQL: loaded by its script, built by the same project, equal to DuckDB row for row."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import parse_dsn
from support.postgres import running_postgres

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
    with running_postgres(durable=False) as running:
        yield running.uri


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


def environment(dsn: str, **more: str) -> dict[str, str]:
    where = parse_dsn(dsn)
    return {
        "FLIGHTS_PG_HOST": where["host"],
        "FLIGHTS_PG_PORT": where.get("port", "5432"),
        "FLIGHTS_PG_USER": where["user"],
        "FLIGHTS_PG_DATABASE": where["dbname"],
        "DBT_ENV_SECRET_FLIGHTS_PG_PASSWORD": where.get("password") or "none is asked for",
        **more,
    }


def assert_same(demo, dsn: str, schema: str) -> None:
    """Every relation of the demo's DuckDB file is in the schema, row for row."""
    names = list(demo.tables())
    assert len(names) > 10
    for name in names:
        columns = demo.columns(name)
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        found = rows(dsn, sql.Identifier(schema, name), listed)
        expected = demo.query(f"select {', '.join(columns)} from {name}")
        assert comparable(found) == comparable(expected), name


def test_postgres_and_duckdb_agree_on_every_relation(loaded, january):
    january.environment.update(environment(loaded))
    january.build("2013-01-01", "2013-02-01", "--target", "postgres")
    assert_same(january, loaded, "analytics")


def test_two_processes_on_postgres_leave_what_one_leaves_on_duckdb(loaded, unbuilt):
    unbuilt.environment.update(environment(loaded, FLIGHTS_PG_SCHEMA="orchestrated"))
    days = ("--interval", "2013-01-01/2013-01-03")
    unbuilt.orchestrate(*days)
    assert not (unbuilt.project / ".sqlorch" / "pool.log").exists()
    unbuilt.environment["SQLORCH__STATE__PATH"] = ".sqlorch-postgres"
    unbuilt.orchestrate(*days, "--target", "postgres", "--processes", "2")
    assert (unbuilt.project / ".sqlorch-postgres" / "pool.log").exists()  # the workers' own
    assert_same(unbuilt, loaded, "orchestrated")


def comparable(found: list[tuple]) -> list[tuple]:
    """Rows in an order of their own, since databases order text and nulls in different ways."""
    plain = (tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in found)
    return sorted(plain, key=lambda row: [(v is not None, str(v)) for v in row])
