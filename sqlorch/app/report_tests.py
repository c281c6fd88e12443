"""Tests in the lineage report: which node and column each belongs to, and how it last ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from sqlorch.reports.model import ReportTest

if TYPE_CHECKING:
    from sqlorch.app.report_runs import Memory
    from sqlorch.domain.dag import Dag, Node

_QUOTES = '"`[]'  # of whatever warehouse


def tested_nodes(dag: Dag) -> dict[str, tuple[str, ...]]:
    """The nodes each test looks at: the one it is declared on, else all it reads, in lineage order."""
    place = {uid: number for number, uid in enumerate(dag.order)}
    found = {}
    for uid, node in dag.nodes.items():
        if node.is_test:
            parents = sorted(dag.parents(uid), key=place.__getitem__)
            found[uid] = (node.attached_to,) if node.attached_to in dag else tuple(parents)
    return {uid: tuple(name for name in names if name is not None) for uid, names in found.items()}


def report_tests(
    dag: Dag,
    tested: Mapping[str, tuple[str, ...]],
    columns: Mapping[str, Iterable[str]],
    memory: Memory,
) -> dict[str, tuple[ReportTest, ...]]:
    """The tests of each node, those of the whole node first, then by column and name.

    Args:
        dag: the project.
        tested: what :func:`tested_nodes` found.
        columns: names of each node's columns.
        memory: how tests ended.
    """
    found: dict[str, list[ReportTest]] = defaultdict(list)
    for uid, nodes in tested.items():
        for on in nodes:
            found[on].append(_test(dag[uid], tuple(columns.get(on, ())), memory))
    order = {on: {name: place for place, name in enumerate(columns.get(on, ()))} for on in found}
    return {
        on: tuple(sorted(tests, key=lambda test: (order[on].get(test.column or "", -1), test.name)))
        for on, tests in found.items()
    }


def _test(test: Node, columns: tuple[str, ...], memory: Memory) -> ReportTest:
    attempt = memory.newest.get(test.unique_id)
    return ReportTest(
        name=test.name,
        column=tested_column(test, columns),
        severity=str(test.config.get("severity") or "error").lower(),
        state=memory.state(test.unique_id),
        failures=attempt.failures if attempt else None,
        message=attempt.message if attempt else "",
        at=(attempt.finished_at or attempt.started_at) if attempt else None,
    )


def tested_column(test: Node, columns: Iterable[str]) -> str | None:
    """The column a test is declared on, as the node spells it; None when on the whole node."""
    if test.test_column is None:
        return None
    written = test.test_column.strip(_QUOTES)
    return next((name for name in columns if name.casefold() == written.casefold()), written)
