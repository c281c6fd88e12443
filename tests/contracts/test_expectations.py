"""Every expectation of the catalogue, on both databases: one use that holds and one that does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import psycopg2
import pytest

from sqlorch.checks import duckdb_dialect
from sqlorch.checks.buffered import BufferedConnection
from sqlorch.checks.catalogue import argument_fault, catalogue, missing_arguments
from sqlorch.checks.great_expectations import Rows, check
from sqlorch.domain.expectations import Expectation, ExpectationResult, Suite
from tests.support.gx_catalogue import installed
from tests.support.postgres import running_postgres

# id, code, amount, limit, note, day; ten rows, of which one has no note
_TABLE = """
CREATE TABLE mart.orders AS
SELECT i AS id, 'C' || i AS code, i * 10.0 AS amount, 100.0 AS cap, i + 1 AS next_id,
       CASE WHEN i = 7 THEN NULL ELSE 'n' END AS note, CAST('2013-01-03' AS date) AS day
FROM generate_series(0, 9) AS series(i)
"""
_QUARTILES = {"quantiles": [0.5], "value_ranges": [[3, 6]]}
_WRONG_QUARTILES = {"quantiles": [0.5], "value_ranges": [[90, 91]]}
_EVEN = {"values": ["n"], "weights": [1.0]}
_ODD = {"values": ["n", "m"], "weights": [0.5, 0.5]}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "expect_column_distinct_values_to_be_in_set": (
        {"column": "note", "value_set": ["n", "m"]},
        {"column": "note", "value_set": ["m"]},
    ),
    "expect_column_distinct_values_to_contain_set": (
        {"column": "code", "value_set": ["C1", "C2"]},
        {"column": "code", "value_set": ["X"]},
    ),
    "expect_column_distinct_values_to_equal_set": (
        {"column": "note", "value_set": ["n"]},
        {"column": "note", "value_set": ["n", "m"]},
    ),
    "expect_column_kl_divergence_to_be_less_than": (
        {"column": "note", "partition_object": _EVEN, "threshold": 0.1},
        {"column": "note", "partition_object": _ODD, "threshold": 0.1},
    ),
    "expect_column_max_to_be_between": (
        {"column": "id", "max_value": 9},
        {"column": "id", "max_value": 8},
    ),
    "expect_column_mean_to_be_between": (
        {"column": "id", "min_value": 4, "max_value": 5},
        {"column": "id", "min_value": 5},
    ),
    "expect_column_median_to_be_between": (
        {"column": "id", "min_value": 4, "max_value": 5},
        {"column": "id", "min_value": 6},
    ),
    "expect_column_min_to_be_between": (
        {"column": "id", "min_value": 0},
        {"column": "id", "min_value": 1},
    ),
    "expect_column_most_common_value_to_be_in_set": (
        {"column": "note", "value_set": ["n"]},
        {"column": "note", "value_set": ["m"]},
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": (
        {"column_A": "cap", "column_B": "amount"},
        {"column_A": "amount", "column_B": "cap"},
    ),
    "expect_column_pair_values_to_be_equal": (
        {"column_A": "id", "column_B": "id"},
        {"column_A": "id", "column_B": "next_id"},
    ),
    "expect_column_pair_values_to_be_in_set": (
        {"column_A": "id", "column_B": "next_id", "value_pairs_set": [[i, i + 1] for i in range(10)]},
        {"column_A": "id", "column_B": "next_id", "value_pairs_set": [[0, 1]]},
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": (
        {"column": "note", "min_value": 0.9},
        {"column": "note", "min_value": 0.95},
    ),
    "expect_column_proportion_of_unique_values_to_be_between": (
        {"column": "id", "min_value": 1.0},
        {"column": "note", "min_value": 0.5},
    ),
    "expect_column_quantile_values_to_be_between": (
        {"column": "id", "quantile_ranges": _QUARTILES},
        {"column": "id", "quantile_ranges": _WRONG_QUARTILES},
    ),
    "expect_column_stdev_to_be_between": (
        {"column": "id", "min_value": 3, "max_value": 3.1},
        {"column": "id", "max_value": 1},
    ),
    "expect_column_sum_to_be_between": (
        {"column": "id", "min_value": 45, "max_value": 45},
        {"column": "id", "max_value": 44},
    ),
    "expect_column_to_exist": ({"column": "day"}, {"column": "month"}),
    "expect_column_type_to_be": (
        {"column": "day", "type_": "DATE"},
        {"column": "day", "type_": "INTEGER"},
    ),
    "expect_column_unique_value_count_to_be_between": (
        {"column": "id", "min_value": 10, "max_value": 10},
        {"column": "id", "max_value": 9},
    ),
    "expect_column_value_lengths_to_be_between": (
        {"column": "code", "min_value": 2, "max_value": 2},
        {"column": "code", "min_value": 3},
    ),
    "expect_column_value_lengths_to_equal": (
        {"column": "code", "value": 2},
        {"column": "code", "value": 3},
    ),
    "expect_column_value_z_scores_to_be_less_than": (
        {"column": "id", "threshold": 3, "double_sided": True},
        {"column": "id", "threshold": 0.5, "double_sided": True},
    ),
    "expect_column_values_to_be_between": (
        {"column": "day", "min_value": "2013-01-01", "max_value": "2013-01-31"},
        {"column": "id", "min_value": 1},
    ),
    "expect_column_values_to_be_in_set": (
        {"column": "note", "value_set": ["n"]},
        {"column": "code", "value_set": ["C1"]},
    ),
    "expect_column_values_to_be_in_type_list": (
        {"column": "day", "type_list": ["DATE", "TIMESTAMP"]},
        {"column": "day", "type_list": ["INTEGER"]},
    ),
    "expect_column_values_to_be_null": (
        {"column": "note", "mostly": 0.1},
        {"column": "note"},
    ),
    "expect_column_values_to_be_of_type": (
        {"column": "day", "type_": "DATE"},
        {"column": "day", "type_": "INTEGER"},
    ),
    "expect_column_values_to_be_unique": ({"column": "id"}, {"column": "note"}),
    "expect_column_values_to_match_like_pattern": (
        {"column": "code", "like_pattern": "C%"},
        {"column": "code", "like_pattern": "D%"},
    ),
    "expect_column_values_to_match_like_pattern_list": (
        {"column": "code", "like_pattern_list": ["C%", "D%"], "match_on": "any"},
        {"column": "code", "like_pattern_list": ["C%", "D%"], "match_on": "all"},
    ),
    "expect_column_values_to_match_regex": (
        {"column": "code", "regex": "[0-9]"},  # a part of the value is enough
        {"column": "code", "regex": "^[0-9]"},
    ),
    "expect_column_values_to_match_regex_list": (
        {"column": "code", "regex_list": ["C", "[0-9]"], "match_on": "all"},
        {"column": "code", "regex_list": ["C", "D"], "match_on": "all"},
    ),
    "expect_column_values_to_not_be_in_set": (
        {"column": "code", "value_set": ["X"]},
        {"column": "code", "value_set": ["C1"]},
    ),
    "expect_column_values_to_not_be_null": ({"column": "id"}, {"column": "note"}),
    "expect_column_values_to_not_be_outliers": (
        {"column": "id", "method": "std", "multiplier": 3},
        {"column": "id", "method": "std", "multiplier": 0.1},
    ),
    "expect_column_values_to_not_match_like_pattern": (
        {"column": "code", "like_pattern": "D%"},
        {"column": "code", "like_pattern": "C%"},
    ),
    "expect_column_values_to_not_match_like_pattern_list": (
        {"column": "code", "like_pattern_list": ["D%", "E%"]},
        {"column": "code", "like_pattern_list": ["C%", "E%"]},
    ),
    "expect_column_values_to_not_match_regex": (
        {"column": "code", "regex": "D"},
        {"column": "code", "regex": "C"},
    ),
    "expect_column_values_to_not_match_regex_list": (
        {"column": "code", "regex_list": ["D", "E"]},
        {"column": "code", "regex_list": ["C", "E"]},
    ),
    "expect_compound_columns_to_be_unique": (
        {"column_list": ["id", "day"]},
        {"column_list": ["cap", "day"]},
    ),
    "expect_multicolumn_sum_to_equal": (
        {"column_list": ["cap", "cap"], "sum_total": 200},
        {"column_list": ["cap", "amount"], "sum_total": 200},
    ),
    "expect_multicolumn_values_to_be_equal": (
        {"column_list": ["id", "id"]},
        {"column_list": ["id", "next_id"]},
    ),
    "expect_select_column_values_to_be_unique_within_record": (
        {"column_list": ["id", "next_id"]},
        {"column_list": ["id", "amount"]},  # both are 0 once
    ),
    "expect_table_column_count_to_be_between": (
        {"min_value": 7, "max_value": 7},
        {"max_value": 3},
    ),
    "expect_table_column_count_to_equal": ({"value": 7}, {"value": 6}),
    "expect_table_columns_to_match_ordered_list": (
        {"column_list": ["id", "code", "amount", "cap", "next_id", "note", "day"]},
        {"column_list": ["code", "id"]},
    ),
    "expect_table_columns_to_match_set": (
        {"column_set": ["id", "code"], "exact_match": False},
        {"column_set": ["id", "code"]},
    ),
    "expect_table_row_count_to_be_between": ({"min_value": 1}, {"max_value": 9}),
    "expect_table_row_count_to_equal": ({"value": 10}, {"value": 9}),
    "expect_table_row_count_to_equal_other_table": (
        {"other_table_name": "same"},
        {"other_table_name": "fewer"},
    ),
}
_OTHERS = "CREATE TABLE mart.{0} AS SELECT * FROM mart.orders WHERE id < {1}"
_SETUP = ["CREATE SCHEMA mart", _TABLE, _OTHERS.format("same", 10), _OTHERS.format("fewer", 5)]
_Check = Callable[..., list[ExpectationResult]]


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def checked(request: pytest.FixtureRequest) -> Iterator[_Check]:
    """Checks a suite on the table of one of the databases."""
    if request.param == "duckdb":
        with duckdb.connect() as connection:
            for statement in _SETUP:
                connection.execute(statement)
            yield _checker(lambda: BufferedConnection(connection.cursor()), duckdb_dialect.NAME)
        return
    with running_postgres() as server:
        for statement in _SETUP:
            server.query(statement)
        connections: list[Any] = []

        def connect() -> Any:
            connections.append(psycopg2.connect(server.uri))
            return connections[-1]

        yield _checker(connect, "postgresql+psycopg2")
        for connection in connections:
            connection.close()


def _checker(connect: Callable[[], Any], dialect: str) -> _Check:
    def checker(suite: Suite, query: str = "SELECT * FROM mart.orders") -> list[ExpectationResult]:
        rows = Rows(schema="mart", table="orders", query=query)
        results, documents = check(suite, rows, connect, dialect=dialect)
        told = [result["success"] for document in documents for result in document["results"]]
        assert sum(document["statistics"]["successful_expectations"] for document in documents) == sum(told)
        return results

    return checker


def _suite(which: int, **more: Any) -> Suite:
    expectations = [Expectation(type=name, arguments=uses[which]) for name, uses in CASES.items()]
    return Suite(model="model.shop.orders", expectations=tuple(expectations), **more)


def test_the_catalogue_is_that_of_the_installed_library() -> None:
    assert catalogue() == installed()


def test_every_expectation_of_the_catalogue_has_a_case() -> None:
    assert CASES.keys() == catalogue().keys()


@pytest.mark.parametrize("name", CASES)
def test_the_arguments_of_the_cases_pass_our_own_check(name: str) -> None:
    for arguments in CASES[name]:
        assert missing_arguments(name, arguments) == []
        assert [argument_fault(name, key, value) for key, value in arguments.items()] == [""] * len(arguments)


def test_what_holds_holds(checked: _Check) -> None:
    wrong = [str(result) for result in checked(_suite(0)) if not result.ok]
    assert wrong == []


def test_what_does_not_hold_is_found_and_computed(checked: _Check) -> None:
    results = checked(_suite(1))
    assert [str(result) for result in results if result.ok] == []
    assert [str(result) for result in results if result.error] == []


def test_unexpected_rows_are_counted_and_shown(checked: _Check) -> None:
    (result,) = checked(_one("expect_column_values_to_be_between", column="id", min_value=8))
    assert (result.checked, result.unexpected) == (10, 8)
    assert set(result.samples) <= set(range(8))
    assert str(result).startswith("expect_column_values_to_be_between(id): 8 of 10 rows, such as ")


def test_what_cannot_be_computed_takes_nothing_with_it(checked: _Check) -> None:
    suite = Suite(
        model="model.shop.orders",
        expectations=(
            Expectation(type="expect_column_values_to_be_unique", arguments={"column": "id"}),
            Expectation(type="expect_column_values_to_be_between", arguments={"column": "n", "min_value": 0}),
            Expectation(type="expect_column_values_to_not_be_null", arguments={"column": "note"}),
            Expectation(type="expect_table_row_count_to_equal", arguments={"value": 10}),
        ),
    )
    # the names begin with a letter: nothing that reads n can be computed, be it only to learn the columns
    query = (
        "SELECT id, note, CAST(code AS integer) AS n FROM mart.orders WHERE note IS NULL OR note LIKE 'n%'"
    )
    unique, numbers, notes, count = checked(suite, query)
    assert (unique.ok, unique.checked, count.ok, count.observed) == (True, 10, True, 10)
    assert (notes.ok, notes.unexpected) == (False, 1)
    assert not numbers.ok
    assert "'C" in numbers.error or '"C' in numbers.error
    assert not numbers.error.startswith("(")


def test_masked_samples_are_nowhere(checked: _Check) -> None:
    (result,) = checked(_one("expect_column_values_to_be_null", mask=True, column="code"))
    assert result.samples == ()
    assert "C1" not in str(result)


def test_one_that_cannot_be_computed_does_not_take_the_others_with_it(checked: _Check) -> None:
    suite = Suite(
        model="model.shop.orders",
        expectations=(
            Expectation(type="expect_column_values_to_be_unique", arguments={"column": "nowhere"}),
            Expectation(type="expect_column_sum_to_be_between", arguments={"column": "code", "min_value": 1}),
            Expectation(type="expect_table_row_count_to_equal", arguments={"value": 10}),
        ),
    )
    unknown, text, count = checked(suite)
    assert (unknown.ok, unknown.error) == (False, 'The column "nowhere" in BatchData does not exist.')
    assert not text.ok
    assert text.error
    assert count.ok


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (
            "expect_column_kl_divergence_to_be_less_than",
            {"column": "note", "partition_object": {}, "threshold": 0.1},
            "it cannot be checked: ValueError: Invalid partition_object provided",
        ),
        (
            "expect_column_values_to_match_regex_list",
            {"column": "code", "regex_list": []},
            "ExpectColumnValuesToMatchRegexList regex_list regex_list must not be empty",
        ),
    ],
)
def test_what_the_library_refuses_is_told_on_one_line(
    checked: _Check, name: str, arguments: dict[str, Any], said: str
) -> None:
    """Our own check knows types; what is in a list or a mapping is the library's."""
    assert [argument_fault(name, key, value) for key, value in arguments.items()] == [""] * len(arguments)
    suite = Suite(
        model="model.shop.orders",
        expectations=(
            Expectation(type=name, arguments=arguments),
            Expectation(type="expect_table_row_count_to_equal", arguments={"value": 10}),
        ),
    )
    refused, count = checked(suite)
    assert not refused.ok
    assert said in refused.error
    assert "\n" not in refused.error
    assert count.ok, "it takes no other with it"


def _one(name: str, *, mask: bool = False, **arguments: Any) -> Suite:
    expectation = Expectation(type=name, arguments=arguments)
    return Suite(model="model.shop.orders", expectations=(expectation,), mask=mask)
