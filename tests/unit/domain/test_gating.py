from __future__ import annotations

from collections.abc import Mapping

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.errors import ProjectError
from sqlorch.domain.expectations import Expectation, Suite, with_expectations
from sqlorch.domain.gating import execution_edges

KINDS = {"s": "source", "m": "model", "t": "test", "u": "unit_test", "x": "exposure", "c": "seed"}


def dag_of(parents: Mapping[str, str], attached: Mapping[str, str] | None = None) -> Dag:
    """A dag of one-letter kinds: ``{"m1": "", "t1": "m1"}``; parents are separated by spaces."""
    nodes = [
        Node(unique_id=uid, kind=KINDS[uid[0]], name=uid, attached_to=(attached or {}).get(uid))
        for uid in parents
    ]
    return Dag(nodes, [(parent, uid) for uid, before in parents.items() for parent in before.split()])


def edges(dag: Dag, selected: str | None = None) -> dict[str, set[str]]:
    chosen = frozenset(selected.split()) if selected is not None else frozenset(dag.nodes)
    return {uid: set(before) for uid, before in execution_edges(dag, chosen).items()}


def test_lineage_orders_and_what_is_not_executed_passes_it_on() -> None:
    dag = dag_of({"s1": "", "c1": "", "m1": "s1 c1", "m2": "m1", "x1": "m2"})
    assert edges(dag) == {"c1": set(), "m1": {"c1"}, "m2": {"m1"}}


def test_a_node_that_is_not_selected_still_orders_those_around_it() -> None:
    dag = dag_of({"m1": "", "m2": "m1", "m3": "m2", "m4": "m3 m1"})
    assert edges(dag, "m1 m4") == {"m1": set(), "m4": {"m1"}}
    assert edges(dag, "m2 m4") == {"m2": set(), "m4": {"m2"}}
    assert edges(dag, "m4") == {"m4": set()}


def test_what_builds_on_a_node_waits_for_its_tests() -> None:
    dag = dag_of({"m1": "", "t1": "m1", "t2": "m1", "m2": "m1", "m3": "m2"})
    assert edges(dag) == {"m1": set(), "t1": {"m1"}, "t2": {"m1"}, "m2": {"t1", "t2"}, "m3": {"m2"}}


def test_a_test_gates_across_nodes_that_are_not_selected() -> None:
    dag = dag_of({"m1": "", "t1": "m1", "m2": "m1", "m3": "m2"})
    assert edges(dag, "t1 m3") == {"t1": set(), "m3": {"t1"}}


def test_a_test_that_is_not_selected_gates_nothing() -> None:
    dag = dag_of({"m1": "", "t1": "m1", "m2": "m1"})
    assert edges(dag, "m1 m2") == {"m1": set(), "m2": {"m1"}}


def test_a_test_of_a_source_gates_what_reads_the_source() -> None:
    dag = dag_of({"s1": "", "t1": "s1", "m1": "s1", "m2": ""})
    assert edges(dag) == {"t1": set(), "m1": {"t1"}, "m2": set()}


def test_a_test_of_several_nodes_gates_only_what_is_below_all_of_them() -> None:
    dag = dag_of({"m1": "", "m2": "", "t1": "m1 m2", "m3": "m1", "m4": "m2", "m5": "m3 m4", "m6": "m5"})
    assert edges(dag) == {
        "m1": set(),
        "m2": set(),
        "t1": {"m1", "m2"},
        "m3": {"m1"},
        "m4": {"m2"},
        "m5": {"t1", "m3", "m4"},
        "m6": {"m5"},
    }


def test_a_test_that_reads_a_node_and_its_child_does_not_gate_the_child() -> None:
    dag = dag_of({"m1": "", "m2": "m1", "t1": "m1 m2", "m3": "m2"})
    assert edges(dag) == {"m1": set(), "m2": {"m1"}, "t1": {"m2"}, "m3": {"t1"}}


def test_a_test_that_reads_nothing_gates_nothing() -> None:
    assert edges(dag_of({"t1": "", "m1": "", "m2": "m1"})) == {"t1": set(), "m1": set(), "m2": {"m1"}}


def test_a_unit_test_runs_when_its_models_parents_are_ready_and_before_the_model() -> None:
    dag = dag_of({"m1": "", "t1": "m1", "m2": "m1", "u1": "m2", "u2": "m2", "m3": "m2"})
    assert edges(dag) == {
        "m1": set(),
        "t1": {"m1"},
        "u1": {"t1"},
        "u2": {"t1"},
        "m2": {"u1", "u2"},
        "m3": {"m2"},
    }


def test_a_unit_test_of_a_model_that_is_not_selected_waits_for_that_models_parents() -> None:
    dag = dag_of({"m1": "", "m2": "m1", "u1": "m2", "m3": "m2"})
    assert edges(dag, "m1 u1 m3") == {"m1": set(), "u1": {"m1"}, "m3": {"u1"}}


def test_a_unit_test_that_also_names_its_inputs_belongs_to_its_model() -> None:
    parents = {"m1": "", "m2": "m1", "u1": "m1 m2"}
    assert edges(dag_of(parents)) == {"m1": set(), "u1": {"m1"}, "m2": {"u1"}}
    assert edges(dag_of(parents, {"u1": "m1"})) == {"u1": set(), "m1": {"u1"}, "m2": {"m1"}}


def test_a_unit_test_without_a_model_waits_for_nothing() -> None:
    assert edges(dag_of({"m1": "", "u1": ""})) == {"m1": set(), "u1": set()}


def test_a_selected_node_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ProjectError, match="m9 is not in the project"):
        edges(dag_of({"m1": ""}), "m1 m9")


def test_thousands_of_nodes_do_not_name_every_pair() -> None:
    parents = {f"m{i}": f"m{i * 7 // 11} m{max(0, i - 1 - i % 5)}" for i in range(1, 2000)}
    parents |= {"m0": ""} | {f"t{i}": f"m{i} m{i * 31 % 2000}" for i in range(2000)}
    dag = dag_of(parents)
    assert sum(map(len, edges(dag).values())) < 20_000
    # Here nearly every test is before every other one, by way of models that are not selected.
    assert sum(map(len, edges(dag, " ".join(f"t{i}" for i in range(2000))).values())) < 20_000


def test_whole_sets_name_what_the_last_ones_do_not_speak_for() -> None:
    dag = dag_of({"m1": "", "t1": "m1", "m2": "m1", "m3": "m1 m2", "m4": "m3"})
    every = execution_edges(dag, frozenset(dag.nodes), whole=True)
    assert {uid: set(before) for uid, before in every.items()} == {
        "m1": set(),
        "t1": {"m1"},
        "m2": {"m1", "t1"},
        "m3": {"m1", "t1", "m2"},
        "m4": {"m3"},
    }
    across = execution_edges(dag, frozenset({"m1", "t1", "m3"}), whole=True)
    assert across["m3"] == {"m1", "t1"}


def test_expectations_wait_for_the_tests_of_their_model_alone_and_gate_what_reads_it() -> None:
    suite = Suite(model="m.shop.1", expectations=(Expectation(type="expect_x"),))
    plain = dag_of({"m.shop.1": "", "m2": "m.shop.1", "t1": "m.shop.1", "t2": "m.shop.1 m2"})
    found = edges(with_expectations(plain, [suite]))
    assert found[suite.unique_id] == {"t1"}
    assert found["m2"] == {suite.unique_id}
    assert found["t2"] == {"m2"}
