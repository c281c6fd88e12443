"""Whatever a file holds, a load ends, soon, and without an exception nobody documented."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.lineage_files import write_files

from sqlorch.domain.errors import ProjectError, SqlorchError
from sqlorch.lineage import load_project
from sqlorch.lineage.jinja.blocks import find_blocks
from sqlorch.lineage.jinja.limits import Limits
from sqlorch.lineage.jinja.macros import MACRO_TAGS, MacroIndex, read_macros
from sqlorch.lineage.jinja.renderer import Renderer
from sqlorch.lineage.jinja.state import State, Subject, Target
from sqlorch.lineage.python_model import read_python_model
from sqlorch.lineage.yaml_io import load_yaml

TARGET = Target(adapter="duckdb", database="db", schema="main", values={"name": "dev"})
NODE = Subject(unique_id="model.p.m", kind="model", name="m", package="p")
LIMITS = Limits(steps=2_000, text=20_000, items=1_000, source=100_000)
MACROS = read_macros(
    "p",
    "m.sql",
    "{% macro m(a, b=1) %}{{ a }}{% if b %}{{ ref(a) }}{% endif %}{% endmacro %}"
    "{% macro r(x) %}{{ return([x]) }}{% endmacro %}{% macro loops(x) %}{{ loops(x) }}{% endmacro %}",
)

atoms = st.sampled_from(
    [
        "1",
        "0",
        "'a'",
        '"b"',
        "none",
        "true",
        "x",
        "y",
        "[1, 'a']",
        "{'k': [1]}",
        "'a' ~ x",
        "ref('t')",
        "loop.index",
        "var('v')",
        "m('a')",
        "r(x)",
        "loops(1)",
        "source('s', 't')",
        "config(tags=x)",
        "target.name",
        "range(3)",
        "x | default('d')",
        "'%s' % x",
        "[x, y] | join(',')",
        "x if y else 2",
        "x is defined",
        "not x",
        "ns.a",
        "this",
        "dict(a=1)",
        "namespace(a=1)",
        "(1, 2)",
        "'}}'",
        "'%}'",
        "x[0]",
        "x.k",
        "-1",
        "x * 3",
        "1 / 0",
        "env_var('N', 1)",
    ]
)
expressions = st.builds(
    lambda left, sign, right: f"{left} {sign} {right}" if sign else left,
    atoms,
    st.sampled_from(["", "", "", "+", "-", "*", "//", "%", "==", "<", "in", "and", "or", "~"]),
    atoms,
)
dash = st.sampled_from(["", "", "-"])
texts = st.sampled_from(
    [" ", "select 1 ", "\n", "  \n  ", "-- x\n", "}} ", "{ ", "% ", "'", '"', "#", "é\U0001f642"]
)


def tag(opening: str, closing: str) -> st.SearchStrategy[str]:
    return st.builds(lambda a, e, b: f"{opening}{a} {e} {b}{closing}", dash, expressions, dash)


leaves = st.one_of(
    texts,
    tag("{{", "}}"),
    st.builds(lambda e: "{% set x = " + e + " %}", expressions),
    st.builds(lambda e: "{% do " + e + " %}", expressions),
    st.builds(lambda e: "{% set ns.a = " + e + " %}", expressions),
    st.just("{# comment #}"),
    st.just("{% set ns = namespace(a=1) %}"),
)


def nest(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    bodies = st.lists(children, max_size=3).map("".join)
    return st.one_of(
        bodies,
        st.builds(
            lambda e, a, b: f"{{% if {e} %}}{a}{{%- else -%}}{b}{{% endif %}}", expressions, bodies, bodies
        ),
        st.builds(
            lambda e, a, f, b: f"{{% if {e} %}}{a}{{% elif {f} %}}{b}{{% endif %}}",
            expressions,
            bodies,
            expressions,
            bodies,
        ),
        st.builds(
            lambda e, a: f"{{%- for x in {e} -%}}{a}{{{{ loop.last }}}}{{% endfor %}}", expressions, bodies
        ),
        st.builds(
            lambda e, a, b: f"{{% for x, y in {e} %}}{a}{{% else %}}{b}{{% endfor %}}",
            expressions,
            bodies,
            bodies,
        ),
        st.builds(lambda a: f"{{% set y %}}{a}{{% endset %}}", bodies),
    )


templates = st.recursive(leaves, nest, max_leaves=8)
soup = st.lists(
    st.sampled_from(
        [
            "{{",
            "}}",
            "{%",
            "%}",
            "{#",
            "#}",
            "-",
            "'",
            '"',
            "(",
            ")",
            "[",
            "]",
            "{",
            "}",
            "if ",
            "endif",
            "for ",
        ]
    )
    | st.sampled_from(
        [
            "x ",
            "in ",
            "set ",
            "=",
            "macro ",
            "m(",
            "endmacro",
            "raw ",
            "endraw",
            "\n",
            "ref(",
            "'a'",
            "\\",
            "do ",
        ]
    )
    | st.text(max_size=3),
    max_size=25,
).map("".join)


def make_renderer() -> Renderer:
    state = State(target=TARGET, root="p", variables={"p": {"v": "{{ ref('from_var') }}", "l": [1]}})
    index = MacroIndex(MACROS, root="p", adapter="duckdb", search_orders={}, packages=["p"])
    return Renderer(state, index, LIMITS)


WALKED, COMPILED = make_renderer(), make_renderer()
COMPILED._quick.read = lambda _source: None  # type: ignore[method-assign]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(templates)
def test_walking_and_compiling_agree(source: str) -> None:
    walked, compiled = WALKED.render(NODE, source), COMPILED.render(NODE, source)
    # How an error is worded is the interpreter's business; whether there is one is not.
    assert bool(walked.problem) == bool(compiled.problem), (walked.problem, compiled.problem)
    if not walked.problem:
        assert walked.sql == compiled.sql
        assert walked.references == compiled.references
        assert str(walked.config) == str(compiled.config)
        assert walked.variables == compiled.variables


@settings(max_examples=300, deadline=None)
@given(soup)
def test_anything_renders_or_says_why(source: str) -> None:
    walked, compiled = WALKED.render(NODE, source), COMPILED.render(NODE, source)
    assert bool(walked.problem) == bool(compiled.problem), (walked.problem, compiled.problem)
    if not walked.problem:
        assert walked.sql == compiled.sql
    assert "\n" not in walked.problem


@settings(max_examples=200, deadline=None)
@given(soup)
def test_anything_has_blocks_or_not(source: str) -> None:
    for block in find_blocks(source, MACRO_TAGS):
        assert block.full in source
        assert block.body in block.full


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | soup | st.binary(max_size=30).map(lambda b: b.decode("latin-1")))
def test_any_text_is_yaml_or_says_why(text: str) -> None:
    try:
        load_yaml(text, "f.yml")
    except ProjectError as error:
        said = str(error)
    else:
        return
    assert said.startswith("f.yml")
    assert "\n" not in said


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80) | soup)
def test_any_text_is_python_or_says_why(text: str) -> None:
    assert isinstance(read_python_model(text).problem, str)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.dates()
    | st.text(max_size=6)
    | st.sampled_from(
        ["a", "ref('a')", "{{ var('x') }}", "{{ ref('a') }}", "{{ 1 / 0 }}", "not_null", "unique", "enabled"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "name",
                    "columns",
                    "tests",
                    "data_tests",
                    "config",
                    "versions",
                    "v",
                    "tables",
                    "model",
                    "tags",
                ]
            )
            | st.sampled_from(
                [
                    "relation",
                    "depends_on",
                    "measures",
                    "type_params",
                    "meta",
                    "quoting",
                    "arguments",
                    "include",
                ]
            )
            | st.integers(0, 2)
            | st.booleans(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KEYS = ["models", "seeds", "snapshots", "sources", "exposures", "metrics", "semantic_models", "saved_queries"]
KEYS += ["unit_tests", "data_tests", "analyses", "groups", "functions", "macros", "version"]
named: st.SearchStrategy[Any] = st.dictionaries(
    st.sampled_from(
        ["columns", "tests", "config", "versions", "tables", "tags", "description", "relation", "depends_on"]
    ),
    values,
    max_size=4,
).map(lambda data: {"name": "a", **data})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(KEYS), st.lists(named | values, max_size=3) | values, max_size=4),
    st.dictionaries(
        st.sampled_from(["models", "seeds", "vars", "dispatch", "flags", "data_tests", "on-run-end"]), values
    ),
)
def test_any_properties_load_or_say_why(
    properties: dict[str, Any], settings_of_project: dict[str, Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = write_files(
            Path(folder),
            {
                "models/a.sql": "select * from {{ source('a', 'a') }}",
                "seeds/b.csv": "id\n1",
                "models/p.yml": yaml.safe_dump(properties),
                "dbt_project.yml": yaml.safe_dump(
                    {"name": "probe", "profile": "probe", **settings_of_project}
                ),
            },
        )
        try:
            warm = load_project(root, profiles_dir=root, cache_dir=root / "cache")
        except SqlorchError as error:
            said = str(error)
        else:
            said = ""
        assert "\n" not in said
        if said:
            return
        assert load_project(root, profiles_dir=root, cache_dir=root / "cache").dag.edges == warm.dag.edges


@pytest.mark.parametrize(
    "files",
    [
        {"models/big.sql": "select 1 -- " + "x" * 10_000_000},
        {"models/big.sql": "{{ 1 }}" * 200_000},
        {"models/big.yml": "models:\n" + "  - name: a\n" * 50_000},
        {"models/deep.yml": "models: " + "[" * 50_000},
        {
            "macros/deep.sql": "{% macro a() %}"
            + "{% if true %}" * 5_000
            + "{% endif %}" * 5_000
            + "{% endmacro %}"
        },
        {"models/loop.sql": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"},
        {"models/bytes.sql": "\x00\x01\x7f{{ ref('\x00') }}"},
        {"models/a.py": "x = " + "(" * 10_000 + ")" * 10_000},
    ],
)
def test_large_and_deep_files(tmp_path: Path, files: dict[str, str]) -> None:
    root = write_files(tmp_path, files)
    project = load_project(root, profiles_dir=root)
    assert len(str(project.warnings)) < 2_000_000


def test_bytes_that_are_not_text(tmp_path: Path) -> None:
    root = write_files(
        tmp_path, {"models/a.sql": "x", "models/b.yml": "x", "seeds/c.csv": "x", "models/d.md": "x"}
    )
    for name in ("models/a.sql", "models/b.yml", "seeds/c.csv", "models/d.md"):
        (root / name).write_bytes(b"\xff\xfe{{ ref('x') }}\x80")
    project = load_project(root, profiles_dir=root)
    assert "model.probe.a" in project.dag
