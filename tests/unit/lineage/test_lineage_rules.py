"""dbt's rules, one by one: names, merging, versions, blocks, relations, comparison."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

import pytest

from sqlorch.domain.dag import Dag, Node
from sqlorch.lineage import versions as version_rules
from sqlorch.lineage.configuration import final, is_enabled, plain
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.external import external_location
from sqlorch.lineage.generic_test_names import short_name, synthetic_name, unique_hash
from sqlorch.lineage.jinja.blocks import find_blocks
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.macros import MacroIndex, read_macros
from sqlorch.lineage.jinja.relation import mark, replace_marks
from sqlorch.lineage.merge import merge_calls, merge_config
from sqlorch.lineage.names import Missing, Names
from sqlorch.lineage.patches import read_call
from sqlorch.lineage.python_model import read_python_model
from sqlorch.lineage.text import skip_in_project, skip_in_properties, skip_in_sources
from sqlorch.lineage.verify import Score, verify
from sqlorch.lineage.versions import columns_for, versions_of


def draft(kind: str, name: str, package: str = "root", **more: Any) -> Draft:
    uid = more.pop("unique_id", f"{kind}.{package}.{name}")
    return Draft(
        unique_id=uid, kind=kind, name=name, package=package, path="x.sql", fqn=[package, name], **more
    )


class TestTestNames:
    """The figures are dbt-core 1.11's, read from manifests."""

    def test_a_name_is_made_of_the_arguments_in_the_order_of_their_keys(self) -> None:
        kwargs = {"values": ["a b", "c/d"], "column_name": "id", "model": "m", "map": {"x": 1}}
        assert synthetic_name("accepted_values", "t", kwargs) == "accepted_values_t_id__1__a_b__c_d"

    def test_a_long_name_is_shortened_with_its_digest(self) -> None:
        full = synthetic_name("not_null", "a" * 30, {"column_name": "b" * 40})
        short = short_name("not_null", "a" * 30, full)
        assert short.startswith("not_null_" + "a" * 21 + "_")
        assert len(short) == 30 + 1 + 32
        assert short_name("unique", "t", "unique_t_id") == "unique_t_id"

    def test_the_end_of_the_id_is_dbt_s(self) -> None:
        # As in the manifest of dbt-labs' jaffle_shop_duckdb.
        kwargs = {"column_name": "customer_id", "model": "{{ get_where_subquery(ref('customers')) }}"}
        name = synthetic_name("unique", "customers", kwargs)
        assert name == "unique_customers_customer_id"
        assert unique_hash(name, namespace=None, test="unique", kwargs=kwargs) == "c5af1ff4b1"


class TestNamesOfNodes:
    @pytest.fixture
    def names(self) -> Names:
        names = Names("root")
        names.add(
            [
                (draft("model", "both"), True),
                (draft("model", "both", "pkg"), True),
                (draft("model", "only_there", "pkg"), True),
                (draft("model", "off"), False),
                (draft("seed", "seeded", "pkg"), True),
                (draft("model", "v", version="1", latest="2", unique_id="model.root.v.v1"), True),
                (draft("model", "v", version="2", latest="2", unique_id="model.root.v.v2"), True),
                (draft("source", "t", source_name="s"), True),
                (draft("source", "t", "pkg", source_name="s"), True),
                (draft("analysis", "looked"), True),
            ]
        )
        return names

    @pytest.mark.parametrize(
        ("reference", "package", "found"),
        [
            (Reference("ref", "both"), "root", "model.root.both"),
            (Reference("ref", "both"), "pkg", "model.root.both"),
            (Reference("ref", "both", "pkg"), "root", "model.pkg.both"),
            (Reference("ref", "only_there"), "root", "model.pkg.only_there"),
            (Reference("ref", "seeded"), "other", "seed.pkg.seeded"),
            (Reference("ref", "v"), "root", "model.root.v.v2"),
            (Reference("ref", "v", None, "1"), "root", "model.root.v.v1"),
            (Reference("source", "t", "s"), "root", "source.root.t"),
            (Reference("source", "t", "s"), "pkg", "source.root.t"),
        ],
    )
    def test_search_order(self, names: Names, reference: Reference, package: str, found: str) -> None:
        assert names.find(reference, package) == found

    def test_the_own_package_first_when_the_flag_says_so(self) -> None:
        names = Names("root", node_package_first=True)
        names.add([(draft("model", "both"), True), (draft("model", "both", "pkg"), True)])
        assert names.find(Reference("ref", "both"), "pkg") == "model.pkg.both"

    def test_what_is_missing_says_why(self, names: Names) -> None:
        assert names.find(Reference("ref", "off"), "root") == Missing(reason="disabled")
        assert names.find(Reference("ref", "bothe"), "root") == Missing(reason="unknown", nearest=("both",))
        assert names.find(Reference("ref", "both", "absent"), "root") == Missing(
            reason="unknown", nearest=("both",)
        )
        assert names.find(Reference("ref", "v", None, "3"), "root").reason == "unknown"  # type: ignore[union-attr]
        assert names.find(Reference("ref", "looked"), "root").reason == "unknown"  # type: ignore[union-attr]


class TestMerging:
    def test_levels_of_configuration(self) -> None:
        config: dict[str, Any] = {"tags": ["a"], "meta": {"x": 1}, "materialized": "view"}
        merge_config(config, {"tags": "b", "meta": {"y": 2}, "pre_hook": "one", "grants": {"select": "ann"}})
        merge_config(config, {"pre-hook": ["two"], "grants": {"+select": ["bob"], "insert": "cat"}})
        merge_config(config, {"grants": {"insert": "dan"}, "materialized": "table"})
        assert config == {
            "tags": ["a", "b"],
            "meta": {"x": 1, "y": 2},
            "materialized": "table",
            "pre-hook": ["one", "two"],
            "grants": {"select": ["ann", "bob"], "insert": ["dan"]},
        }

    def test_a_call_keeps_the_sign_of_grants_for_the_levels_above(self) -> None:
        calls: dict[str, Any] = {}
        merge_calls(calls, {"grants": {"+select": "ann"}})
        merge_calls(calls, {"grants": {"insert": "bob"}})
        assert calls == {"grants": {"+select": "ann", "insert": "bob"}}

    @pytest.mark.parametrize(
        ("value", "enabled"),
        [
            (True, True),
            (False, False),
            ("true", True),
            ("False", False),
            (None, False),
            (0, False),
            ("no", False),
        ],
    )
    def test_enabled(self, value: Any, enabled: bool) -> None:
        assert is_enabled({"enabled": value}) is enabled
        assert final({"enabled": value})["enabled"] is enabled

    def test_plain_values(self) -> None:
        value = {1: date(2020, 1, 2), "s": {3, 1}, "t": (1,), "o": Reference("ref", "x"), "f": 1.5}
        assert plain(value) == {"1": "2020-01-02", "s": [1, 3], "t": [1], "o": "ref('x')", "f": 1.5}


class TestVersions:
    def test_the_latest_is_the_greatest_unless_it_is_said(self) -> None:
        assert [v.label for v in versions_of({"versions": [{"v": 9}, {"v": 10}]}) if v.latest] == ["10"]
        assert [v.label for v in versions_of({"versions": [{"v": "a"}, {"v": "b"}]}) if v.latest] == ["b"]
        said = versions_of({"latest_version": 1, "versions": [{"v": 1}, {"v": 2}]})
        assert [v.label for v in said if v.latest] == ["1"]
        assert versions_of({"versions": None}) == []

    def test_columns_and_tests(self) -> None:
        data: dict[str, Any] = {
            "columns": [{"name": "a"}, {"name": "b"}],
            "tests": ["model_test"],
            "versions": [
                {"v": 1, "columns": [{"include": "all", "exclude": ["b"]}, {"name": "c"}]},
                {"v": 2, "columns": [{"include": ["b"]}], "data_tests": []},
                {"v": 3, "tests": ["own"]},
            ],
        }
        one, two, three = versions_of(data)
        assert [c["name"] for c in columns_for(data, one)] == ["a", "c"]
        assert [c["name"] for c in columns_for(data, two)] == ["b"]
        assert [c["name"] for c in columns_for(data, three)] == ["a", "b"]
        assert [version_rules.tests_for(data, v) for v in (one, two, three)] == [["model_test"], [], ["own"]]


class TestBlocks:
    def find(self, text: str) -> list[tuple[str, str]]:
        return [(b.name, b.body) for b in find_blocks(text, frozenset({"macro", "test"}))]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            (
                "x {% macro a() %}1{% endmacro %} y {%- test b(model) -%}2{%- endtest -%}",
                [("a", "1"), ("b", "2")],
            ),
            ("{# {% macro a() %}{% endmacro %} #}{% macro b() %}2{% endmacro %}", [("b", "2")]),
            ("{% raw %}{% macro a() %}{% endraw %}{% macro b() %}2{% endmacro %}", [("b", "2")]),
            ("{{ '{% macro a() %}' }}{% macro b() %}2{% endmacro %}", [("b", "2")]),
            ("{% set x = '%}' %}{% macro b(x='%}') %}{{ '}}' }}{% endmacro %}", [("b", "{{ '}}' }}")]),
            ("{% if x %}{% macro b() %}2{% endmacro %}{% endif %}", [("b", "2")]),
            ("{% macro never_closed() %}", []),
            ("{# never closed {% macro a() %}{% endmacro %}", []),
            ("{{ never closed", []),
            (
                "{% macro a() %}{% call b() %}c{% endcall %}{% endmacro %}",
                [("a", "{% call b() %}c{% endcall %}")],
            ),
        ],
    )
    def test_blocks(self, text: str, found: list[tuple[str, str]]) -> None:
        assert self.find(text) == found

    def test_where_a_block_begins(self) -> None:
        (block,) = find_blocks("\n\n  {% macro a() %}{% endmacro %}", frozenset({"macro"}))
        assert block.line == 3


class TestMacroIndex:
    def index(self, **orders: list[str]) -> MacroIndex:
        macros = [
            *read_macros("root", "m.sql", "{% macro a() %}{% endmacro %}"),
            *read_macros("pkg", "m.sql", "{% macro a() %}x{% endmacro %}{% test t(model) %}{% endtest %}"),
        ]
        return MacroIndex(
            macros, root="root", adapter="redshift", search_orders=orders, packages=["root", "pkg"]
        )

    def test_where_dispatch_looks(self) -> None:
        index = self.index(tools=["one", "two"])
        assert index.prefixes == ["redshift", "postgres", "default"]
        assert index.search_order(None) == [None]
        assert index.search_order("tools") == ["one", "two"]
        assert index.search_order("pkg") == ["root", "pkg"]
        assert index.search_order("absent") == [None]

    def test_the_fingerprint_is_of_names_not_of_texts(self) -> None:
        changed = MacroIndex(
            [
                *read_macros("root", "m.sql", "{% macro a() %}other{% endmacro %}"),
                *read_macros(
                    "pkg", "m.sql", "{% macro a() %}y{% endmacro %}{% test t(model) %}{% endtest %}"
                ),
            ],
            root="root",
            adapter="redshift",
            search_orders={},
            packages=["root", "pkg"],
        )
        assert changed.fingerprint() == self.index().fingerprint()
        assert changed.digests() != self.index().digests()
        assert self.index(pkg=["pkg"]).fingerprint() != self.index().fingerprint()


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("ref('a')", "ref('a')"),
        (' ref( "p" , "a", v=2 ) ', "ref('p', 'a', v=2)"),
        ("ref('a', version='2b')", "ref('a', v=2b)"),
        ("source('s', 't')", "source('s', 't')"),
        ("source('s')", "None"),
        ("ref(a)", "None"),
        ("select 1", "None"),
    ],
)
def test_calls_written_in_yaml(text: str, call: str) -> None:
    assert str(read_call(text)) == call


def test_python_models() -> None:
    finding = read_python_model(
        "def model(dbt, session):\n"
        "    dbt.config(materialized='incremental', tags=['x'])\n"
        "    if dbt.is_incremental: pass\n"
        "    names = {'k': [dbt.ref('p', 'a'), f'{dbt.ref(\"b\", version=3)}']}\n"
        "    other.ref('c'); dbt.ref(computed); dbt.source('s', 't'); dbt.source('s')\n"
        "    return dbt.ref('b').join(dbt.ref('d'))\n"
    )
    assert sorted(map(str, finding.references)) == [
        "ref('b')",
        "ref('b', v=3)",
        "ref('d')",
        "ref('p', 'a')",
        "source('s', 't')",
    ]
    assert finding.config == {"materialized": "incremental", "tags": ["x"]}
    assert finding.problem == "line 5: the arguments of dbt.ref() must be written out"
    assert read_python_model("def (").problem.startswith("line 1: it is not Python")
    assert read_python_model("").config == {"materialized": "table"}


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        (("description",), True),
        (("columns", 0, "description"), True),
        (("columns", 0, "tests"), True),
        (("columns", 0, "name"), False),
        (("config", "post_hook"), True),
        (("config", "tags"), False),
        (("versions", 0, "data_tests"), False),
        (("versions", 0, "columns", 1, "description"), True),
        (("data_tests",), True),
        (("arguments", "description"), True),
    ],
)
def test_what_properties_leave_unrendered(path: tuple[Any, ...], skipped: bool) -> None:
    assert skip_in_properties(path) is skipped


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        (("description",), True),
        (("tables",), False),
        (("tables", 0, "description"), True),
        (("tables", 0, "columns", 0, "tests"), True),
        (("tables", 0, "identifier"), False),
        (("schema",), False),
    ],
)
def test_what_sources_leave_unrendered(path: tuple[Any, ...], skipped: bool) -> None:
    assert skip_in_sources(path) is skipped


@pytest.mark.parametrize(
    ("path", "skipped"),
    [
        (("vars", "x"), True),
        (("on-run-end",), True),
        (("models", "p", "+post-hook"), True),
        (("models", "p", "+tags"), False),
        (("name",), False),
    ],
)
def test_what_dbt_project_leaves_unrendered(path: tuple[Any, ...], skipped: bool) -> None:
    assert skip_in_project(path) is skipped


def test_marks_are_replaced_by_names() -> None:
    assert replace_marks(f"{mark(0)} {mark(12)} {mark(0)}", lambda index: f"t{index}") == "t0 t12 t0"


@pytest.mark.parametrize(
    ("meta", "place"),
    [
        ({"external_location": "data/{name}.csv"}, "'data/t.csv'"),
        ({"external_location": "read_csv('{identifier}')"}, "read_csv('i')"),
        ({"external_location": "d/%(name)s", "formatter": "oldstyle"}, "'d/t'"),
        ({"external_location": "d/$name/$x", "formatter": "template", "x": "y"}, "'d/t/y'"),
        ({"external_location": "d/{unknown}"}, "'d/{unknown}'"),
        ({"external_location": 3}, None),
        ({}, None),
    ],
)
def test_sources_that_are_files(meta: dict[str, Any], place: str | None) -> None:
    table = draft("source", "t", identifier="i", schema="s", config={"meta": meta})
    assert external_location(table, "db") == place


class TestVerify:
    MANIFEST: ClassVar[dict[str, Any]] = {
        "nodes": {
            "model.p.a": {"config": {"enabled": True}},
            "model.p.b": {"config": {}},
            "test.p.one": {"config": {}},
            "test.p.unique_a_id.0123456789": {"config": {}},
            "test.p.dead.0123456789": {"config": {"enabled": False}},
            "operation.p.hook": {"config": {}},
        },
        "sources": {"source.p.s.t": {"config": {}}},
        "parent_map": {"model.p.b": ["model.p.a", "source.p.s.t"], "test.p.dead.0123456789": ["model.p.a"]},
    }

    def dag(self, *uids: str, edges: tuple[tuple[str, str], ...] = ()) -> Dag:
        return Dag([Node(unique_id=uid, kind=uid.split(".")[0], name=uid) for uid in uids], edges)

    def test_the_same(self) -> None:
        dag = self.dag(
            "model.p.a",
            "model.p.b",
            "test.p.one",
            "test.p.unique_a_id.0123456789",
            "source.p.s.t",
            edges=(("model.p.a", "model.p.b"), ("source.p.s.t", "model.p.b"), ("model.p.a", "source.p.s.t")),
        )
        result = verify(dag, self.MANIFEST, inferred=[("model.p.a", "source.p.s.t")])
        assert result.exact
        assert result.warnings() == []
        assert set(result.nodes) == {"model", "singular_test", "generic_test", "source"}
        assert result.edges["model"] == Score(right=2)

    def test_differences_are_counted_and_named(self) -> None:
        dag = self.dag(
            "model.p.a",
            "model.p.b",
            "model.p.c",
            edges=(("model.p.a", "model.p.b"), ("model.p.a", "model.p.c")),
        )
        result = verify(dag, self.MANIFEST)
        assert not result.exact
        assert result.nodes["model"].precision == pytest.approx(2 / 3)
        assert result.nodes["model"].recall == 1
        assert result.edges["model"].recall == 0.5
        assert result.edges["model"].precision == 0.5
        assert result.union == (("source.p.s.t", "model.p.b"),)
        said = result.warnings()
        assert "model.p.c (model) was found and is not in dbt's manifest" in said
        assert "source.p.s.t (source) is in dbt's manifest and was not found" in said
        assert "the edge source.p.s.t -> model.p.b is in dbt's manifest and was not found" in said
        assert "the edge model.p.a -> model.p.c was found and is not in dbt's manifest" in said

    def test_nothing_agrees_with_nothing(self) -> None:
        assert Score(right=0).precision == Score(right=0).recall == 1
        assert Score(right=0, extra=("x",)).precision == 0
