"""Which nodes a claim makes again because a check of them failed."""

from __future__ import annotations

from typing import Any

from sqlorch.domain.coverage import Standing
from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.ledger import Reprocess
from sqlorch.domain.reprocess import examined, nodes_to_run

EDGES = [("raw", "a"), ("a", "b"), ("a", "t"), ("b", "u"), ("a", "e"), ("b", "below"), ("log", "v")]


def project(**of_log: Any) -> Dag:
    """``t`` and the expectations ``e`` look at ``a``, the unit test ``u`` at ``b``, ``v`` at ``log``."""
    kinds = {"t": "test", "u": "unit_test", "v": "test", "e": "expectations", "raw": "source"}
    names = ("raw", "a", "b", "below", "t", "u", "v", "e", "log")
    nodes = [
        Node(unique_id=name, kind=kinds.get(name, "model"), name=name, config=of_log if name == "log" else {})
        for name in names
    ]
    return Dag(nodes, EDGES)


def chosen(dag: Dag, failed: str, reprocess: Reprocess = Reprocess.MISSING) -> dict[str, str]:
    members = [uid for uid in dag.order if uid != "raw"]
    return nodes_to_run(
        dag, members, dict.fromkeys(members, Standing.DONE) | {failed: Standing.FAILED}, reprocess
    )


def test_what_a_failed_test_looked_at_is_made_again_with_all_below_it() -> None:
    made = chosen(project(), "t")
    assert made == {"a": "t", "b": "t", "below": "t", "t": "t", "u": "t", "e": "t"}
    assert next(iter(made)) == "a"
    assert chosen(project(), "t", Reprocess.FAILED) == made
    assert chosen(project(), "e")["a"] == "e"


def test_a_unit_test_reads_no_data() -> None:
    assert chosen(project(), "u") == {"u": "u"}


def test_what_appends_is_left_as_it_is() -> None:
    assert chosen(project(materialized="incremental", incremental_strategy="append"), "v") == {"v": "v"}
    assert set(chosen(project(materialized="incremental", unique_key="id"), "v")) == {"log", "v"}


def test_only_what_the_run_holds_is_made_again() -> None:
    assert examined(project(), ["t", "e", "a"], frozenset({"b", "t"})) == {}
    assert examined(project(), ["t", "e"], frozenset({"a", "b"})) == {"a": "e"}
