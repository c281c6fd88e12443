"""What is expected of a model's rows, and what was found.

An expectation carries a name and arguments of Great Expectations; nothing here knows that library. The
expectations of one model are one node of the graph, executed after the model and its dbt tests, so that
gating, retries and records are those of every other node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlorch.domain.dag import EXPECTATIONS, Dag, Node

NO_ROWS = "there were no rows to look at"
_EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One expectation.

    Attributes:
        type: its name, ``expect_column_values_to_not_be_null``.
        arguments: what it is told, ``column``, ``mostly`` ...; plain data.
        severity: ``error`` blocks what is downstream of the model, ``warn`` is only told.
        origin: where it is written, ``file:line``.
    """

    type: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)
    severity: str = "error"
    origin: str = ""

    @property
    def column(self) -> str:
        """The column it is about, ``""`` when it is about several or the whole table."""
        return str(self.arguments.get("column", ""))

    def __str__(self) -> str:
        return f"{self.type}({self.column})" if self.column else self.type


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """What is expected of one model.

    Attributes:
        model: unique id of the model, seed or snapshot.
        expectations: in the order they are written.
        event_time: column by which the interval's rows are found, ``""`` to look at the whole table.
        where: a SQL condition instead, with ``{{ ds }}`` and the other interval variables filled in.
        mask: whether values of unexpected rows are kept out of every record.
        origin: the file it is written in, relative to the project.
    """

    model: str
    expectations: tuple[Expectation, ...]
    event_time: str = ""
    where: str = ""
    mask: bool = False
    origin: str = ""

    @property
    def unique_id(self) -> str:
        """Of the node that checks them, ``expectations.shop.orders``."""
        return f"{EXPECTATIONS}.{self.model.partition('.')[2]}"

    @property
    def severity(self) -> str:
        """``error`` when at least one of them blocks."""
        return "error" if any(one.severity == "error" for one in self.expectations) else "warn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationResult:
    """What was found of one expectation.

    Attributes:
        expectation: what was expected.
        ok: whether it holds.
        observed: the value that was measured, where there is one (a count, a mean, a list of columns).
        checked: rows looked at, None where rows are not counted.
        unexpected: rows that are not as expected, None where rows are not counted.
        samples: a few of the unexpected values; empty when masked.
        error: why it could not be checked, in one line; such a one does not hold.
    """

    expectation: Expectation
    ok: bool
    observed: Any = None
    checked: int | None = None
    unexpected: int | None = None
    samples: tuple[Any, ...] = ()
    error: str = ""

    def __str__(self) -> str:
        """One line: ``expect_column_values_to_be_unique(id): 12 of 9,240 rows, such as 7, 9``."""
        return f"{self.expectation}: {self._found()}"

    def _found(self) -> str:
        if self.error:
            return self.error
        if self.unexpected is not None and not self.ok:
            of = f" of {self.checked:,}" if self.checked else ""
            such = f", such as {', '.join(map(repr, self.samples[:3]))}" if self.samples else ""
            return f"{self.unexpected:,}{of} rows{such}"
        if self.observed is not None:
            return f"observed {self.observed!r}"
        if not self.ok:
            return "fails"
        return "holds" if self.checked != 0 else f"holds: {NO_ROWS}"


def without_rows(results: Iterable[ExpectationResult]) -> bool:
    """Whether there were no rows to look at: of those that count them, none has seen any."""
    counted = [result.checked for result in results if result.checked is not None]
    return bool(counted) and not any(counted)


def with_expectations(dag: Dag, suites: Iterable[Suite]) -> Dag:
    """The project's graph with a node for the expectations of each model that has any."""
    nodes, edges = dict(dag.nodes), list(dag.edges)
    for suite in suites:
        nodes[suite.unique_id] = _node(dag[suite.model], suite)
        edges.append((suite.model, suite.unique_id))
    return Dag(nodes.values(), edges, project=dag.project)


def _node(model: Node, suite: Suite) -> Node:
    return replace(
        Node(unique_id=suite.unique_id, kind=EXPECTATIONS, name=f"{model.name} expectations"),
        fqn=(*model.fqn, EXPECTATIONS),
        package=model.package,
        path=suite.origin or model.path,
        tags=model.tags,
        config=MappingProxyType({"severity": suite.severity}),
        attached_to=model.unique_id,
        description=f"{len(suite.expectations)} expectations of {model.name}",
    )
