"""Rendering templates: what is found, what is refused, and that walking and compiling agree."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from sqlorch.lineage.jinja.capture import Capture, Reference
from sqlorch.lineage.jinja.limits import Limits
from sqlorch.lineage.jinja.macros import MacroIndex, read_macros
from sqlorch.lineage.jinja.renderer import Renderer
from sqlorch.lineage.jinja.state import State, Subject, Target
from sqlorch.lineage.jinja.view import MacroPool

TARGET = Target(adapter="duckdb", database="db", schema="main", values={"name": "dev", "type": "duckdb"})
NODE = Subject(unique_id="model.p.m", kind="model", name="m", package="p", path="models/m.sql")
SMALL = Limits(steps=20_000, text=100_000, items=10_000, source=200_000)


def make_renderer(macros: str = "", variables: Mapping[str, Any] | None = None) -> Renderer:
    state = State(target=TARGET, root="p", variables={"p": dict(variables or {})})
    index = MacroIndex(
        read_macros("p", "macros/m.sql", macros), root="p", adapter="duckdb", search_orders={}, packages=["p"]
    )
    return Renderer(state, index, SMALL)


def render(source: str, macros: str = "", **variables: Any) -> Capture:
    return make_renderer(macros, variables).render(NODE, source)


def refs(capture: Capture) -> list[str]:
    return [str(reference) for reference in capture.references]


SAME_BOTH_WAYS = [
    "plain text",
    "a {{ 1 + 2 * 3 }} {{ 'x' ~ 1 ~ none }} {{ 7 // 2 }} {{ 2 ** 3 }} {{ -4 % 3 }} {{ 5 / 2 }}",
    "{%- if 1 < 2 <= 2 and not false -%} yes {%- else -%} no {%- endif %} z",
    "{% for a, b in {'x': 1, 'y': 2}.items() %}{{ loop.index }}{{ a }}{{ b }}{% else %}none{% endfor %}",
    "{% for x in [] %}{{ x }}{% else %}empty{% endfor %}",
    "{% set x = 1 %}{% for i in range(3) %}{% set x = i %}{{ x }}{% endfor %}{{ x }}",
    "{% if true %}{% set y = 2 %}{% endif %}{{ y }}{{ z }}",
    "{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "{% set l = [] %}{% do l.append(1) %}{% do l.extend([2, 3]) %}{{ l[1:] }} {{ l[-1] }} {{ l | length }}",
    "{{ 'a,b'.split(',') | map('upper') | join('-') }} {{ [3, 1] | sort | first }} {{ none is none }}",
    "{{ {'a': {'b': [1, {'c': 2}]}}['a'].b[1]['c'] }}}} {{ '}}' }} {{ \"%}\" }}",
    "{{ ('a' if false) }}|{{ 'a' if 1 in [1, 2] else 'b' }}|{{ 3 not in [1] }}",
    "{# a {{ comment }} #} x {#- y -#} z",
    "{% set q %}select {{ 1 }}{% endset %}[{{ q }}]",
    "{% for i in [1] %}{% for j in [3, 4] %}{{ loop.index }}{{ i }}{% endfor %}{{ loop.last }}{% endfor %}",
    "{{ undefined_name }}{{ undefined_name.a.b(1)['x'] }}{% for x in nothing %}{% endfor %}{{ missing + 1 }}",
    "{{ ref('a') }} {{ ref('p', 'b', v=2) }} {{ source('s', 't') }} {{ config(tags=['x'], meta={'a': 1}) }}",
    "{{ var('x', 'd') }}{{ var('known') }}{{ target.name }}{{ this }}{{ model.name }}{{ is_incremental() }}",
    "a\n\n{% if true %}\n  b\n{% endif %}\n\nc\n",
    "{{ dbt.type_string() }} {{ dbt.concat(['a', 'b']) }} {{ dbt.dateadd('day', 1, 'x') }} {{ hash('a') }}",
    "{{ [1, 2] == [1, 2] }}{{ 1 != 2 }}{{ 'b' > 'a' }}{{ true and 0 }}{{ none or 'x' }}{{ not 0 }}",
    "{%+ if true +%} kept {%+ endif +%} {{- ' trimmed ' -}} end",
]


@pytest.mark.parametrize("source", SAME_BOTH_WAYS)
def test_walking_a_template_gives_what_compiling_gives(source: str) -> None:
    walked, compiled = make_renderer(variables={"known": 5}), make_renderer(variables={"known": 5})
    assert walked._quick.read(source) is not None, "this template is meant to be walked"
    compiled._quick.read = lambda _source: None  # type: ignore[method-assign]
    ours, theirs = walked.render(NODE, source), compiled.render(NODE, source)
    assert ours.problem == theirs.problem == ""
    assert ours.sql == theirs.sql
    assert ours.references == theirs.references
    assert ours.config == theirs.config
    assert ours.variables == theirs.variables


@pytest.mark.parametrize(
    "source",
    [
        "{% macro m() %}x{% endmacro %}{{ m() }}",
        "{% call f() %}{% endcall %}",
        "{% raw %}{{ x }}{% endraw %}",
        "{% for x in y if x %}{% endfor %}",
        "{% for x in y recursive %}{% endfor %}",
        "{% set a, b = 1, 2 %}",
        "{% filter upper %}x{% endfilter %}",
        "{% with a = 1 %}{{ a }}{% endwith %}",
        "{% if x %}",
        "{{ x",
        "{{ }}",
        "{% for x in y %}{% break %}{% endfor %}",
    ],
)
def test_what_is_not_everyday_is_left_to_jinja(source: str) -> None:
    assert make_renderer()._quick.read(source) is None


MACROS = """
{% macro plain(a, b=2, c=b) %} {{ a }}/{{ b }}/{{ c }} {% endmacro %}
{%- macro trimmed(x) -%}  {{ x }}  {%- endmacro -%}
{% macro returns(x) %}{% if x %}{{ return([x, x]) }}{% endif %}text{% endmacro %}
{% macro nested(x) %}{{ plain(x) }}{{ trimmed(returns(x)) }}{% endmacro %}
{% macro typed(a: string, b: dict[str, int] = {'x': 1}) %}{{ a }}{{ b }}{% endmacro %}
{% macro local(x) %}{% set y = x * 2 %}{% for i in range(y) %}{{ i }}{% endfor %}{% endmacro %}
{% macro sees_caller() %}[{{ caller(1) }}]{% endmacro %}
{% macro takes_rest() %}{{ varargs }}{{ kwargs }}{% endmacro %}
{% macro endless() %}{{ endless() }}{% endmacro %}
{% macro duckdb__pick() %}duck{% endmacro %}
{% macro default__pick() %}default{% endmacro %}
{% macro default__only() %}fallback{% endmacro %}
{% macro default__type_int() %}own_int{% endmacro %}
"""
CALLS = [
    "{{ plain(1) }}{{ plain(1, c=3) }}{{ plain(a=0, b=1) }}{{ plain() }}",
    "{{ trimmed(' x ') }}|",
    "{{ returns(1) }}{{ returns(0) }}{% for x in returns(2) %}{{ x }}{% endfor %}",
    "{{ nested(3) }}",
    "{{ typed('a') }}",
    "{{ local(2) }}{{ y }}",
    "{{ p.plain(9) }}",
]


@pytest.mark.parametrize("source", CALLS)
def test_walking_a_macro_gives_what_compiling_gives(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    walked = render(source, MACROS)
    monkeypatch.setattr(MacroPool, "walk", lambda _self, _macro, _names: None)
    compiled = render(source, MACROS)
    assert (walked.sql, walked.problem) == (compiled.sql, "")
    assert walked.macros == compiled.macros


@pytest.mark.parametrize("source", ["{{ plain(1, 2, 3, 4) }}", "{{ plain(d=1) }}", "{{ plain(1, a=2) }}"])
def test_a_wrong_call_is_wrong_both_ways(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert render(source, MACROS).problem
    monkeypatch.setattr(MacroPool, "walk", lambda _self, _macro, _names: None)
    assert render(source, MACROS).problem


@pytest.mark.parametrize(
    ("source", "sql"),
    [
        ("{% call(x) sees_caller() %}in {{ x }}{% endcall %}", "[in 1]"),
        ("{{ takes_rest(1, a=2) }}", "(1,){'a': 2}"),
        ("{{ adapter.dispatch('pick', 'p')() }}", "duck"),
        ("{{ adapter.dispatch('pick')() }}", "duck"),
        ("{{ adapter.dispatch('only', 'p')() }}", "fallback"),
        ("{{ dbt.type_int() }} {{ dbt.type_float() }} {{ type_int() }}", "own_int float own_int"),
        ("{{ adapter.dispatch('nobody_has_it', 'p')() }}", ""),
        ("{{ adapter.quote('x') }}{{ adapter.type() }}{{ adapter.get_relation(1, 2, 3) }}", '"x"duckdbNone'),
        ("{{ modules.re.sub('a', 'b', 'aa') }}{{ modules.itertools.product([1], [2]) }}", "bb[(1, 2)]"),
        (
            "{{ fromjson('[1]') }}{{ tojson({'a': 1}) }}{{ fromyaml('a: 1') }}{{ set([1, 1]) }}",
            "[1]{\"a\": 1}{'a': 1}{1}",
        ),
    ],
)
def test_rendered_text(source: str, sql: str) -> None:
    assert render(source, MACROS).sql == sql


@pytest.mark.parametrize("text", ["'[' * 99000", "('a: ' ~ '[' * 99000)", "'&a [*a]'", "5", "none"])
def test_yaml_that_would_end_the_process_is_no_yaml(text: str) -> None:
    assert render(f"{{{{ fromyaml({text}, 'no') }}}}").sql == "no"


def test_references_are_marked_in_order() -> None:
    capture = render("{{ ref('a') }} {{ source('s', 't') }} {{ ref('a') }}")
    assert capture.references == {Reference("ref", "a"): 0, Reference("source", "t", "s"): 1}
    assert capture.sql == "__sqlorch_0__ __sqlorch_1__ __sqlorch_0__"


def test_what_was_looked_at_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer = make_renderer("{% macro m() %}{{ var('v') }}{% endmacro %}", {"v": [1]})
    renderer.state.environment = {"HERE": "1"}
    capture = renderer.render(
        NODE,
        "{{ m() }}{{ var('w', 2) }}{{ env_var('HERE') }}{{ env_var('GONE', 'x') }}"
        "{{ modules.datetime.date.today() }}",
    )
    assert capture.macros == {"macro.p.m"}
    assert capture.variables == {"v": "[1]", "w": None}
    assert capture.env == {"HERE": "1", "GONE": None}
    assert capture.dated
    assert capture.problem == ""


def test_config_calls_merge() -> None:
    capture = render(
        "{{ config(tags='a', meta={'x': 1}, materialized='view', pre_hook='one') }}"
        "{{ config(tags=['b'], meta={'y': 2}, materialized='table', pre_hook=['two']) }}"
    )
    assert capture.config == {
        "tags": ["a", "b"],
        "meta": {"x": 1, "y": 2},
        "materialized": "table",
        "pre-hook": ["one", "two"],
    }


def test_a_template_cannot_change_what_the_next_one_sees() -> None:
    renderer = make_renderer(variables={"list": [1]})
    first = renderer.render(NODE, "{% do var('list').append(2) %}{{ var('list') }}{% set ref = 1 %}")
    second = renderer.render(NODE, "{{ var('list') }}{{ ref('a') }}")
    assert first.sql == "[1]"
    assert second.sql == "[1]__sqlorch_0__"


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ref.__globals__ }}",
        "{{ var.__init__.__globals__['os'] }}",
        "{{ adapter._view.state }}",
        "{{ config._state }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    ],
)
def test_the_sandbox_gives_nothing_away(source: str) -> None:
    capture = render(source)
    assert capture.problem or capture.sql in ("", "{0.__class__}")
    for secret in ("object at", "<module", "uid=", "root:", "function"):
        assert secret not in capture.sql


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for i in range(10000) %}{% for j in range(10000) %}{% endfor %}{% endfor %}", "20,000 steps"),
        (
            "{% raw %}{% endraw %}{% for i in range(999) %}{% for j in range(999) %}{% endfor %}{% endfor %}",
            "steps",
        ),
        ("{{ endless() }}", "nested too deeply, or a macro calls itself"),
        ("{{ 'x' * 10000000000 }}", "100,000 characters"),
        ("{{ [0] * 10000000000 }}", "10,000 elements"),
        ("{{ 9 ** 999999999 }}", "digits"),
        ("{{ (9 ** 2000) * (9 ** 2000) }}", "digits"),
        (
            "{% set x = namespace(s='xx') %}{% for i in range(60) %}{% set x.s = x.s ~ x.s %}{% endfor %}",
            "characters",
        ),
        (
            "{% set x = namespace(s='xx') %}{% for i in range(60) %}{% set x.s = x.s + x.s %}{% endfor %}",
            "characters",
        ),
        ("{{ '%9999999999d' % 1 }}", "width"),
        ("{{ '%*d' | format(999999999, 1) }}", "width"),
        ("{{ 'a'.ljust(99999999999) }}", "99999999999"),
        ("{{ 'a' | center(99999999999) }}", "99999999999"),
        ("{{ 'a' | indent(99999999999) }}", "99999999999"),
        ("{{ modules.itertools.count() | list }}", "10,000 elements"),
        ("{{ modules.itertools.repeat(1) }}", "10,000 elements"),
        ("{{ range(100000000000) }}", ""),
        ("{% for x in modules.itertools.cycle([1]) %}{% endfor %}", "10,000 elements"),
        ("x" * 200_001 + "{{ 1 }}", "200,000 characters"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", ""),
        ("{% if true %}" * 3000 + "{% endif %}" * 3000, ""),
    ],
)
def test_a_template_is_bounded(source: str, said: str) -> None:
    start = time.process_time()
    capture = render(source, MACROS)
    assert said in capture.problem
    # Far above what counting allows; an unbounded render would not come back at all.
    assert time.process_time() - start < 10


def test_what_cannot_be_rendered_keeps_its_literals() -> None:
    capture = render(
        "{{ config(enabled=false) }}{{ ref('a') }}{{ 1 / 0 }}{% if false %}{{ source('s', 't') }}{% endif %}"
    )
    assert capture.problem == "division by zero"
    assert refs(capture) == ["ref('a')", "source('s', 't')"]
    assert capture.config == {"enabled": False}


def test_what_is_not_jinja_keeps_its_literals() -> None:
    capture = render("{% endif %} {{ ref('p', 'a') }} {{ source('s', 't') }} not ref('b')")
    assert capture.problem.startswith("line 1: ")
    assert refs(capture) == ["ref('p', 'a')", "source('s', 't')"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ ref() }}", "ref() takes one or two names, not nothing"),
        ("{{ ref(1) }}", "ref() takes one or two names, not 1"),
        ("{{ source('a') }}", "source() takes two names"),
        ("{{ config('a') }}", "config() takes keyword arguments"),
        ("{{ env_var('SURELY_NOT_SET') }}", "'SURELY_NOT_SET' is not set and has no default"),
        ("{{ env_var('DBT_ENV_SECRET_X') }}", "cannot be used here"),
        ("{{ return(1) }}", "return() outside a macro"),
        ("{{ exceptions.raise_compiler_error('bad\n input') }}", "it raises: bad input"),
    ],
)
def test_misuse_is_said_in_words(source: str, said: str) -> None:
    assert said in render(source).problem
