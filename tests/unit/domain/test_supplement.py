"""Edges dbt does not know: found by relation, added where they fit."""

from __future__ import annotations

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.domain.inference import built_sources, match_builders, relation_key, without_circles
from sqlorch.domain.supplement import Refusal, supplement


def dag_of(*edges: tuple[str, str], more: tuple[str, ...] = (), **relations: str) -> Dag:
    uids = dict.fromkeys([*more, *(end for edge in edges for end in edge)])
    nodes = [
        Node(unique_id=uid, kind=uid.split(".")[0], name=uid, relation=relations.get(uid.replace(".", "_")))
        for uid in uids
    ]
    return Dag(nodes, edges)


@pytest.mark.parametrize("text", ['"Db"."raw"."T"', "`db`.`RAW`.t", "db.raw.t", "[db].[raw].[t]"])
def test_relations_are_the_same_whatever_their_quotes_and_case(text: str) -> None:
    assert relation_key(text) == "db.raw.t"


def test_a_source_is_built_by_what_has_its_relation() -> None:
    dag = dag_of(
        ("source.a", "model.m"),
        ("source.other", "model.m"),
        more=("seed.t", "seed.elsewhere"),
        source_a='"db"."raw"."t"',
        source_other='"db"."raw"."x"',
        seed_t="DB.raw.T",
        seed_elsewhere="db.raw2.t",
    )
    assert built_sources(dag) == [("seed.t", "source.a")]


def test_of_two_builders_the_first_by_name_counts() -> None:
    assert match_builders({"source.a": "t"}, {"seed.b": "t", "model.z": "t"}) == [("model.z", "source.a")]


def test_pairs_that_would_close_a_circle_are_left_out() -> None:
    edges = [("source.a", "model.x"), ("model.x", "model.m"), ("source.b", "model.n")]
    pairs = [("model.m", "source.a"), ("model.m", "source.b"), ("model.n", "source.a")]
    assert without_circles(pairs, edges) == [("model.m", "source.b")]


class TestSupplement:
    def test_what_reads_a_source_gets_an_edge_from_its_builder(self) -> None:
        dag = dag_of(("source.a", "model.m"), ("source.a", "test.t"), more=("seed.s",))
        found = supplement(dag, [], [("seed.s", "source.a")], {})
        assert set(found.dag.edges) - set(dag.edges) == {("seed.s", "source.a"), ("seed.s", "model.m")}
        assert found.refused == ()
        assert found.dag.order.index("seed.s") < found.dag.order.index("test.t")

    def test_a_source_only_tests_read(self) -> None:
        dag = dag_of(("source.a", "test.t"), more=("seed.s",))
        found = supplement(dag, [], [("seed.s", "source.a")], {})
        assert ("seed.s", "test.t") in found.dag.edges

    def test_without_anything_new_it_is_the_same_graph(self) -> None:
        dag = dag_of(("model.a", "model.b"))
        assert supplement(dag, [("model.a", "model.b"), ("model.gone", "model.b")], [], {}).dag is dag

    def test_found_edges_are_added(self) -> None:
        dag = dag_of(more=("model.a", "model.b"))
        assert supplement(dag, [("model.b", "model.a")], [], {}).dag.order == ("model.b", "model.a")

    @pytest.mark.parametrize("edge", [("model.b", "source.a"), ("model.b", "model.b")])
    def test_a_circle_of_nodes_is_refused(self, edge: tuple[str, str]) -> None:
        dag = dag_of(("source.a", "model.a"), ("model.a", "model.b"))
        found = supplement(dag, [], [edge], {})
        assert found.dag is dag
        assert found.refused == (Refusal(edge=edge),)

    def test_a_circle_of_groups_is_refused(self) -> None:
        dag = dag_of(("source.a", "model.a"), ("model.a", "model.b"), more=("seed.s",))
        groups = {"model.a": "daily", "model.b": "rest", "seed.s": "rest"}
        found = supplement(dag, [], [("seed.s", "source.a")], groups)
        assert found.dag is dag
        assert found.refused == (Refusal(edge=("seed.s", "source.a"), groups=("rest", "daily")),)

    def test_a_test_of_two_groups_makes_no_circle(self) -> None:
        dag = dag_of(("source.a", "model.a"), ("model.a", "test.t"), ("seed.s", "test.t"))
        groups = {"model.a": "daily", "seed.s": "rest", "test.t": "rest"}
        found = supplement(dag, [], [("seed.s", "source.a")], groups)
        assert ("seed.s", "model.a") in found.dag.edges
