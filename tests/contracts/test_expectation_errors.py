"""What the database or the library raises while expectations are checked: what may pass is no finding."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import psycopg2
import pytest
from support.daemons import until
from support.postgres import Postgres, running_postgres

from sqlorch.checks import duckdb_dialect, great_expectations
from sqlorch.checks.buffered import BufferedConnection
from sqlorch.checks.great_expectations import Rows, check
from sqlorch.domain.errors import TransientError
from sqlorch.domain.expectations import Expectation, ExpectationResult, Suite
from sqlorch.domain.masking import Masker

_TABLE = "CREATE TABLE mart.orders AS SELECT i AS id FROM generate_series(0, 9) AS series(i)"
_FAILS = """
CREATE FUNCTION fails(state text) RETURNS boolean LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no % today', current_setting('shop.word', true) USING ERRCODE = state; END $$
"""
_ALL = "SELECT * FROM mart.orders"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with running_postgres(durable=False) as running:
        for statement in ("CREATE SCHEMA mart", _TABLE, _FAILS):
            running.query(statement)
        yield running


@pytest.fixture
def connection(server: Postgres) -> Iterator[Any]:
    made = psycopg2.connect(server.uri)
    yield made
    made.close()


def _suite(*names: str, mask: bool = False, **arguments: Any) -> Suite:
    expectations = tuple(
        Expectation(type=name, arguments=arguments or {"column": "id"})
        for name in names or ("expect_column_values_to_be_unique",)
    )
    return Suite(model="model.shop.orders", expectations=expectations, mask=mask)


def _checked(
    connection: Any,
    query: str = _ALL,
    suite: Suite | None = None,
    *,
    dialect: str = "postgresql+psycopg2",
    mask: Callable[[str], str] = str,
) -> list[ExpectationResult]:
    rows = Rows(schema="mart", table="orders", query=query)
    return check(suite or _suite(), rows, lambda: connection, dialect=dialect, mask=mask)[0]


@pytest.mark.postgres
@pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "53200", "57P01", "08006"])
def test_what_may_pass_is_raised(connection: Any, state: str) -> None:
    query = f"{_ALL} WHERE fails('{state}')"
    with pytest.raises(TransientError) as caught:
        _checked(connection, query, _suite("expect_column_values_to_be_unique", "expect_column_to_exist"))
    assert str(caught.value) == (
        "the database could not answer while expectations were checked: no <NULL> today"
    )


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"{_ALL} WHERE fails('22012')", "no <NULL> today"),
        (f"{_ALL} WHERE fails('57014')", "no <NULL> today"),
        ("SELECT id, nowhere FROM mart.orders", 'column "nowhere" does not exist'),
        (
            f"{_ALL} WHERE unheard_of(id)",
            "function unheard_of(integer) does not exist",
        ),
    ],
)
def test_what_would_come_again_is_told_of_the_expectation(connection: Any, query: str, said: str) -> None:
    (result,) = _checked(connection, query)
    assert not result.ok
    assert said in result.error


@pytest.mark.postgres
def test_a_lock_that_is_not_to_be_had_in_time_is_waited_for_once(server: Postgres, connection: Any) -> None:
    """Not once for each expectation, which would be asked for by itself if the data were at fault."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
    connection.commit()
    holder = server.connect()
    try:
        with holder.cursor() as cursor:
            cursor.execute("LOCK TABLE mart.orders IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TransientError, match=r"canceling statement due to lock timeout$"):
            _checked(
                connection,
                suite=_suite("expect_column_values_to_be_unique", "expect_column_values_to_not_be_null"),
            )
    finally:
        holder.close()
    connection.rollback()
    assert [result.ok for result in _checked(connection)] == [True]


@pytest.mark.postgres
def test_a_deadlock_may_pass(server: Postgres, connection: Any) -> None:
    """Only ours looks for the circle, so that it is the one that gives in."""
    other = server.connect()
    with connection.cursor() as ours, other.cursor() as theirs:
        theirs.execute("SET deadlock_timeout = '1h'")
        ours.execute("SET deadlock_timeout = '100ms'")
        ours.execute("SELECT pg_advisory_lock(1)")
        connection.commit()
        theirs.execute("SELECT pg_advisory_lock(2)")
        waits = threading.Thread(target=theirs.execute, args=("SELECT pg_advisory_lock(1)",), daemon=True)
        waits.start()
        until(lambda: server.query("SELECT 1 FROM pg_locks WHERE NOT granted"), "the other to wait")
        try:
            with pytest.raises(TransientError, match=r"deadlock detected$"):
                _checked(connection, f"{_ALL} WHERE (SELECT pg_advisory_lock(2)) IS NOT NULL")
        finally:
            connection.rollback()
            ours.execute("SELECT pg_advisory_unlock_all()")
            waits.join(timeout=60)
    other.close()
    assert not waits.is_alive()


@pytest.mark.postgres
def test_of_a_masked_suite_the_words_are_not_told(connection: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET shop.word = 'Miller'")
    connection.commit()
    query = f"{_ALL} WHERE fails('55P03')"
    with pytest.raises(TransientError) as told:
        _checked(connection, query, mask=lambda text: text.replace("Miller", "*****"))
    assert str(told.value).endswith(": no ***** today")
    with pytest.raises(TransientError) as kept:
        _checked(connection, query, _suite(mask=True))
    assert str(kept.value).endswith(": why is masked")


class _InConflict:
    """A cursor of DuckDB which, when rows are counted, writes what another transaction has written."""

    def __init__(self, cursor: Any, other: Any) -> None:
        self._cursor = cursor
        self._other = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, statement: str, parameters: Any = None) -> Any:
        if "count" in statement.lower():
            self._other.begin()
            self._other.execute("UPDATE mart.orders SET id = id + 1")
            try:
                self._cursor.execute("UPDATE mart.orders SET id = id + 2")
            finally:
                self._other.rollback()
        return self._cursor.execute(statement, parameters)


def test_a_conflict_of_transactions_in_duckdb_may_pass() -> None:
    with duckdb.connect() as warehouse:
        warehouse.execute("CREATE SCHEMA mart")
        warehouse.execute(_TABLE)
        cursor = _InConflict(warehouse.cursor(), warehouse.cursor())
        with pytest.raises(TransientError, match=r"while expectations were checked: .*Conflict on update!$"):
            _checked(BufferedConnection(cursor), dialect=duckdb_dialect.NAME)
        plain = BufferedConnection(warehouse.cursor())
        assert [result.ok for result in _checked(plain, dialect=duckdb_dialect.NAME)] == [True]
        (result,) = _checked(plain, f"{_ALL} WHERE unheard_of(id)", dialect=duckdb_dialect.NAME)
        assert "unheard_of does not exist" in result.error


# --- what is said of the others


@pytest.fixture
def warehouse() -> Iterator[Any]:
    with duckdb.connect() as made:
        made.execute("CREATE SCHEMA mart")
        made.execute(_TABLE)
        yield BufferedConnection(made.cursor())


class _CannotReadError(Exception):
    """What a library might raise: several lines, and a password among them."""


def _raise(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Have Great Expectations raise, as it does where its code trips over an argument."""
    from great_expectations.datasource.fluent.interfaces import Batch  # noqa: PLC0415 - takes seconds

    def validate(*_arguments: Any, **_named: Any) -> Any:
        raise _CannotReadError(words)

    monkeypatch.setattr(Batch, "validate", validate)


def test_what_the_library_raises_is_told_on_one_line(warehouse: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    great_expectations.library()
    _raise(monkeypatch, "no table\n  in the\tbatch\n\nof s3cr3t-w0rd")
    (result,) = _checked(warehouse, dialect=duckdb_dialect.NAME, mask=Masker(["s3cr3t-w0rd"]))
    assert result.error == "it cannot be checked: _CannotReadError: no table in the batch of *****"


@pytest.mark.parametrize("shift", range(0, 12, 3))
def test_a_secret_that_lies_across_the_end_of_a_message_is_not_told_in_part(
    warehouse: Any, monkeypatch: pytest.MonkeyPatch, shift: int
) -> None:
    great_expectations.library()
    head = "it cannot be checked: _CannotReadError: "
    words = "x" * (500 - len(head) - shift)
    _raise(monkeypatch, f"{words}s3cr3t-w0rd and more")
    (result,) = _checked(warehouse, dialect=duckdb_dialect.NAME, mask=Masker(["s3cr3t-w0rd"]))
    assert result.error == f"{head}{words}***** and more"[:500]
    assert len(result.error) == 500


def test_a_secret_across_the_end_of_what_the_database_says_is_not_told_in_part(warehouse: Any) -> None:
    """It quotes the value that it cannot cast."""
    for length in range(380, 500, 4):
        value = f"'{'x' * length}s3cr3t-w0rd'"
        query = f"SELECT CAST(CASE WHEN id >= 0 THEN {value} END AS integer) AS id FROM mart.orders"
        (result,) = _checked(warehouse, query, dialect=duckdb_dialect.NAME, mask=Masker(["s3cr3t-w0rd"]))
        assert "xxx" in result.error
        assert len(result.error) <= 500
        assert "s3c" not in result.error
