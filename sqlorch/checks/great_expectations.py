"""Expectations checked by Great Expectations, on a connection that is open already.

Everything is computed by SQL in the warehouse; rows never come here, but for a few samples.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlorch.checks.economies import look_up_once, never_saved
from sqlorch.checks.passing import Passing
from sqlorch.checks.words import brief, first_line, raised_in
from sqlorch.domain.errors import TransientError
from sqlorch.domain.expectations import Expectation, ExpectationResult, Suite

_SAMPLES = 10
_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": _SAMPLES}
_OURS = "sqlorch"
_WHY_MASKED = "it could not be computed; why is masked"
# These name tables: the database's catalogue knows no queries. They look at the whole table.
_OF_TABLE = frozenset(
    {
        "expect_column_type_to_be",
        "expect_column_values_to_be_in_type_list",
        "expect_column_values_to_be_of_type",
        "expect_table_row_count_to_equal_other_table",
    }
)
# The library keeps its current context in a global variable, and its modules import each other in circles,
# so that two threads importing it at once find it half made.
_TURN = threading.RLock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What a suite is checked on.

    Attributes:
        schema, table: where the rows are, unquoted.
        query: SELECT of those to look at.
    """

    schema: str
    table: str
    query: str


def warm_up() -> threading.Thread:
    """Import the library in the background, which takes seconds, while the first models run."""
    thread = threading.Thread(target=library, name="import great_expectations", daemon=True)
    thread.start()
    return thread


def check(
    suite: Suite, rows: Rows, connect: Callable[[], Any], *, dialect: str, mask: Callable[[str], str] = str
) -> tuple[list[ExpectationResult], list[Mapping[str, Any]]]:
    """Check a suite on some rows.

    Args:
        suite: what is expected.
        rows: where to look.
        connect: gives the DBAPI connection to use; it is not closed.
        dialect: SQLAlchemy's name of the database, ``duckdb`` or ``postgresql+psycopg2``.
        mask: takes secrets out of a message, before it is shortened.

    Returns:
        A result for each expectation, in their order, and the library's own documents of the validation, none
        of a masked suite, since they hold values.
        What cannot be checked is a result with its error.

    Raises:
        TransientError: the database raised something that may pass, so that nothing is known of the data.
    """
    library()
    wanted, found = _expectations(suite, mask)
    passing = Passing(lambda said: "why is masked" if suite.mask else first_line(said, mask))
    with _TURN, warnings.catch_warnings(), passing.heeded():
        warnings.simplefilter("ignore")  # of its own future, and that there is a class for PostgreSQL
        with _source(suite.unique_id, connect, dialect) as (source, engine):
            _ask_for_columns_alone(engine, rows.query)
            passing.watch(engine)
            documents, raised = _validate(source, suite.unique_id, rows, wanted, passing)
    for document in documents:
        found |= _results(suite, document, mask)
    for number, said in raised.items():
        error = _WHY_MASKED if suite.mask else brief(said, mask)
        found[number] = ExpectationResult(expectation=suite.expectations[number], ok=False, error=error)
    lost = "Great Expectations returned nothing for it"
    return [
        found.get(number) or ExpectationResult(expectation=one, ok=False, error=lost)
        for number, one in enumerate(suite.expectations)
    ], [] if suite.mask else documents


def library() -> Any:
    """The imported library, quiet; the first call takes seconds."""
    with _TURN:
        return _import()


@cache
def _import() -> Any:
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations  # noqa: PLC0415 - takes seconds
    from great_expectations.expectations.expectation import Expectation as Base  # noqa: PLC0415 - likewise

    _quiet()
    look_up_once(Base)
    return great_expectations


def _quiet() -> None:
    """It logs to the terminal by itself, and some of its modules set their own levels.

    What it logs of an error, with SQL that nobody has masked, is in the results too.
    """
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "great_expectations":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@cache
def _context() -> Any:
    """A context that keeps nothing."""
    from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415 - likewise

    context = library().get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return never_saved(context)


def _expectations(suite: Suite, mask: Callable[[str], str]) -> tuple[list[Any], dict[int, ExpectationResult]]:
    """The library's objects, and results for those it refuses to make."""
    from great_expectations.expectations.registry import get_expectation_impl  # noqa: PLC0415 - likewise

    made: list[Any] = []
    refused: dict[int, ExpectationResult] = {}
    for number, one in enumerate(suite.expectations):
        try:
            made.append(get_expectation_impl(one.type)(**_arguments(one), meta={_OURS: number}))
        except Exception as error:  # noqa: BLE001 - whatever its validators raise, the others are checked
            refused[number] = ExpectationResult(expectation=one, ok=False, error=brief(str(error), mask))
    return made, refused


def _arguments(one: Expectation) -> dict[str, Any]:
    arguments = dict(one.arguments)
    if "row_condition" in arguments:
        arguments["condition_parser"] = "great_expectations"
    return arguments


@contextmanager
def _source(name: str, connect: Callable[[], Any], dialect: str) -> Iterator[tuple[Any, Any]]:
    """The library's data source on a connection, and SQLAlchemy's engine behind it; gone at the end."""
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415 - only with expectations

    sources = _context().data_sources
    settings = {"creator": connect, "poolclass": StaticPool}
    source = sources.add_or_update_sql(name, connection_string=f"{dialect}://", kwargs=settings)
    try:
        yield source, source.get_execution_engine().engine
    finally:
        sources.delete(name)


def _validate(
    source: Any, name: str, rows: Rows, wanted: Sequence[Any], passing: Passing
) -> tuple[list[Mapping[str, Any]], dict[int, str]]:
    """The library's documents, and what was raised by expectations that are in none."""
    great_expectations = library()
    documents: list[Mapping[str, Any]] = []
    raised: dict[int, str] = {}
    for asset, expectations in _assets(source, rows, name, wanted):
        batch = asset.add_batch_definition_whole_table(name).get_batch()

        def validate(some: list[Any], batch: Any = batch) -> dict[str, Any]:
            suite_of = great_expectations.ExpectationSuite(name=name, expectations=some)
            with passing.heeded():
                return dict(batch.validate(suite_of, result_format=_FORMAT).to_json_dict())

        document = _each_for_itself(validate, expectations, raised)
        documents += [] if document is None else [document]
    return documents, raised


def _ask_for_columns_alone(engine: Any, query: str) -> None:
    """Keep the library from fetching every row of the query, which it does to learn its columns.

    That would bring the whole table here, and would fail where a column that nothing is expected of cannot be
    computed.
    """
    from sqlalchemy import event  # noqa: PLC0415 - only with expectations

    wanted = _unescaped(query)

    def columns_alone(_1: Any, _2: Any, statement: str, parameters: Any, *_more: Any) -> tuple[str, Any]:
        if _unescaped(statement) == wanted:
            statement = f"SELECT * FROM (\n{statement}\n) AS {_OURS}_columns LIMIT 0"
        return statement, parameters

    event.listen(engine, "before_cursor_execute", columns_alone, retval=True)


def _unescaped(statement: str) -> str:
    """Drivers with parameters like ``%s`` have per cent signs doubled, by the library and by SQLAlchemy."""
    return re.sub("%+", "%", statement.strip())


def _each_for_itself(
    validate: Callable[[list[Any]], dict[str, Any]], wanted: list[Any], raised: dict[int, str]
) -> Mapping[str, Any] | None:
    """Validate together; then, one by one, those that could not be computed.

    The library asks for many figures in one query. When one of them cannot be computed, the query fails, and
    with it every expectation that has a figure in it. Where an argument cannot be used it raises something,
    and nothing of the suite is there; ``raised`` learns then what became of those that raise by themselves.

    Returns:
        The library's document, None when each of them raised.
    """
    try:
        document = validate(wanted)
    except TransientError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever its code trips over, the others are checked
        if len(wanted) == 1:
            raised[wanted[0].meta[_OURS]] = f"it cannot be checked: {type(error).__name__}: {error}"
            return None
        alone = [_each_for_itself(validate, [one], raised) for one in wanted]
        sound = [document for document in alone if document is not None]
        return _with_results(sound[0], [told for one in sound for told in one["results"]]) if sound else None
    lost = {_number(told) for told in document["results"] if raised_in(told.get("exception_info") or {})}
    if not lost or len(wanted) == 1:
        return document
    again = {one.meta[_OURS]: validate([one])["results"][0] for one in wanted if one.meta[_OURS] in lost}
    return _with_results(document, [again.get(_number(told), told) for told in document["results"]])


def _with_results(document: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A document of other results, with the figures that go with them."""
    held = sum(bool(told["success"]) for told in results)
    statistics = {
        "evaluated_expectations": len(results),
        "successful_expectations": held,
        "unsuccessful_expectations": len(results) - held,
        "success_percent": 100.0 * held / len(results),
    }
    whole = {"results": list(results), "success": held == len(results), "statistics": statistics}
    return {**document, **whole}


def _number(told: Mapping[str, Any]) -> int:
    return int(told["expectation_config"]["meta"][_OURS])


def _assets(source: Any, rows: Rows, name: str, wanted: Sequence[Any]) -> Iterator[tuple[Any, list[Any]]]:
    of_table = [one for one in wanted if one.expectation_type in _OF_TABLE]
    of_rows = [one for one in wanted if one.expectation_type not in _OF_TABLE]
    if of_rows:
        yield source.add_query_asset(name, query=rows.query), of_rows
    if of_table:
        table = source.add_table_asset(f"{name} table", table_name=rows.table, schema_name=rows.schema)
        yield table, of_table


def _results(
    suite: Suite, document: Mapping[str, Any], secrets: Callable[[str], str]
) -> dict[int, ExpectationResult]:
    found = {}
    for told in document.get("results", ()):
        number = _number(told)
        error = first_line(raised_in(told.get("exception_info") or {}), secrets)
        found[number] = _result(suite.expectations[number], told, error, mask=suite.mask)
    return found


def _result(one: Expectation, told: Mapping[str, Any], error: str, *, mask: bool) -> ExpectationResult:
    values = told.get("result") or {}
    observed = values.get("observed_value")
    samples = tuple(values.get("partial_unexpected_list") or ())[:_SAMPLES]
    if mask:  # a list of distinct values or a database's message may quote the rows; a count does not
        observed = observed if isinstance(observed, int | float) else None
        samples, error = (), error and _WHY_MASKED
    return ExpectationResult(
        expectation=one,
        ok=bool(told["success"]),
        observed=observed,
        checked=values.get("element_count"),
        unexpected=values.get("unexpected_count"),
        samples=samples,
        error=error,
    )
