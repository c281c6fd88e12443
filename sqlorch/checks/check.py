"""The expectations of a project as nodes of a run; implements :class:`sqlorch.engine.ports.Check`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.domain.dag import EXPECTATIONS, Dag
from sqlorch.domain.errors import ConfigError, TransientError
from sqlorch.domain.expectations import (
    NO_ROWS,
    ExpectationResult,
    Suite,
    with_expectations,
    without_rows,
)
from sqlorch.domain.interval import Interval, format_instant
from sqlorch.domain.masking import replace_texts
from sqlorch.domain.run import ErrorClass, NodeResult, Outcome
from sqlorch.domain.template import fill as fill_template
from sqlorch.engine.ports import Relation

if TYPE_CHECKING:
    from sqlorch.checks.great_expectations import Rows

_DIALECTS = {"duckdb": "sqlorch_duckdb", "postgres": "postgresql+psycopg2"}
_TOLD = 3  # failed expectations that a message says; the log and the report have all


class Expectations:
    """Checks suites of expectations by Great Expectations.

    Args:
        read: gives the suites of a graph; raises ConfigError for what cannot be used.
        adapter: dbt's name of the warehouse, known when the first graph is.
        mask: takes secrets out of a text.
    """

    def __init__(
        self,
        read: Callable[[Dag], Sequence[Suite]],
        *,
        adapter: Callable[[], str],
        mask: Callable[[str], str] = str,
    ) -> None:
        self._read = read
        self._adapter = adapter
        self._mask = mask
        self._suites: dict[str, Suite] = {}

    def extend(self, dag: Dag) -> Dag:
        """See the port."""
        suites = self._read(dag)
        if not suites:
            return dag
        if self._adapter() not in _DIALECTS:
            raise ConfigError(
                f"{suites[0].origin}: expectations are checked on {' and '.join(sorted(_DIALECTS))}, "
                f"and this project's adapter is {self._adapter()}"
            )
        if find_spec("great_expectations") is None:
            raise ConfigError(
                f"{suites[0].origin}: Great Expectations is not installed; "
                "install it with: pip install 'sqlorch[expectations]'"
            )
        self._suites |= {suite.unique_id: suite for suite in suites}
        return with_expectations(dag, suites)

    def owns(self, unique_id: str) -> bool:
        """See the port."""
        return unique_id.startswith(f"{EXPECTATIONS}.")

    def begin(self, unique_ids: Iterable[str]) -> None:
        """Import the library in the background, while the models before them are built."""
        from sqlorch.checks.great_expectations import warm_up  # noqa: PLC0415 - only with expectations

        warm_up()

    def execute(
        self,
        unique_id: str,
        relation: Relation,
        connection: Any,
        *,
        interval: Interval,
        variables: Mapping[str, Any],
        log: Callable[[str], None],
        record: Path,
    ) -> NodeResult:
        """See the port."""
        from sqlorch.checks.great_expectations import Rows, check  # noqa: PLC0415 - takes seconds

        started, suite = datetime.now(UTC), self._suites[unique_id]
        query = rows_of(suite, relation, interval, variables)
        log(f"checking {len(suite.expectations)} expectations of: {query}")
        rows = Rows(schema=relation.schema, table=relation.name, query=query)
        results, documents = self._check(check, suite, rows, connection)
        _keep(replace_texts(documents, self._mask), record)
        for result in results:
            log(f"[{'ok' if result.ok else result.expectation.severity}] {result}")
        return _node_result(suite, results, started)

    def _check(
        self, check: Any, suite: Suite, rows: Rows, connection: Any
    ) -> tuple[list[ExpectationResult], list[Mapping[str, Any]]]:
        if self._adapter() == "duckdb":
            from sqlorch.checks import duckdb_dialect  # noqa: F401, PLC0415 - registers itself
            from sqlorch.checks.buffered import BufferedConnection  # noqa: PLC0415 - likewise

            connection = BufferedConnection(connection)
        found: tuple[list[ExpectationResult], list[Mapping[str, Any]]] = check(
            suite, rows, lambda: connection, dialect=_DIALECTS[self._adapter()], mask=self._mask
        )
        if getattr(connection, "closed", 0):  # of psycopg2: what was found says nothing of the data
            raise TransientError("the connection to the warehouse broke off while expectations were checked")
        return found


def _keep(documents: Sequence[Mapping[str, Any]], record: Path) -> None:
    """For Data Docs; a full disk never fails a node."""
    with suppress(OSError):
        record.write_text(json.dumps(documents, default=str), encoding="utf-8")


def rows_of(suite: Suite, relation: Relation, interval: Interval, variables: Mapping[str, Any]) -> str:
    """SELECT of the rows a suite is about.

    The interval's are those whose event time lies in it, compared as dbt does it for microbatches: with
    instants in UTC, so a column without a zone has to hold UTC.
    """
    query = f"SELECT * FROM {relation.quoted}"
    if suite.where:
        return f"{query} WHERE {fill(suite.where, variables)}"
    if not suite.event_time or interval.start == interval.end:
        return query
    start, end = (format_instant(instant) for instant in (interval.start, interval.end))
    return f"{query} WHERE {suite.event_time} >= '{start}' AND {suite.event_time} < '{end}'"


def fill(condition: str, variables: Mapping[str, Any]) -> str:
    """``{{ ds }}`` and the other interval variables replaced by their values, which hold no quotes."""
    return fill_template(condition, {name: str(value) for name, value in variables.items()})


def _node_result(suite: Suite, results: Sequence[ExpectationResult], started: datetime) -> NodeResult:
    failed = [result for result in results if not result.ok]
    blocking = [result for result in failed if result.expectation.severity == "error"]
    worst = blocking + [result for result in failed if result.expectation.severity != "error"]
    outcome = Outcome.FAIL if blocking else Outcome.WARN if failed else Outcome.SUCCESS
    empty = f" ({NO_ROWS})" if without_rows(results) else ""
    message = f"{'1 expectation holds' if len(results) == 1 else f'{len(results)} expectations hold'}{empty}"
    if worst:
        told = "; ".join(map(str, worst[:_TOLD]))
        more = f"; and {len(worst) - _TOLD} more" if len(worst) > _TOLD else ""
        message = f"{len(failed)} of {len(results)} expectations failed{empty}; {told}{more}"
    file, _, line = worst[0].expectation.origin.rpartition(":") if worst else ("", "", "")
    return NodeResult(
        unique_id=suite.unique_id,
        outcome=outcome,
        started_at=started,
        finished_at=datetime.now(UTC),
        message=message,
        error_class=ErrorClass.PERMANENT if blocking else None,
        failures=len(failed),
        file=file or suite.origin,
        line=int(line) if line.isdigit() else None,
        checks=tuple(results),
    )
