"""What counts as a change of SQL and Jinja, and what does not."""

from __future__ import annotations

import pytest

from sqlorch.lineage.code.compare import same_python
from sqlorch.lineage.code.same_sql import same_sql

LOOP = (
    "select {% for c in cols %}sum({{ c }}) as {{ c }}{% if not loop.last %},{% endif %}{% endfor %} from t"
)
NEGATED = "not is_incremental()"
INCREMENTAL = "select a from t {% if is_incremental() %}where a > (select max(a) from {{ this }}){% endif %}"
MACRO = "{% macro cents(x) %} ({{ x }} / 100) {% endmacro %}"

SAME = {
    "whitespace": ("select a, b from t", "select\n    a,\n    b\nfrom t\n"),
    "line comment": ("select a from t", "select a -- the key\nfrom t"),
    "block comment": ("select a from t", "/* all of\nthem */ select a from t"),
    "keyword case": ("select a from t where a is not null", "SELECT a FROM t WHERE a IS NOT NULL"),
    "function case": ("select count(*), coalesce(a, 1) from t", "select COUNT(*), COALESCE(a, 1) from t"),
    "implicit alias": ("select a as b from t as u", "select a b from t u"),
    "brackets around a condition": ("select a from t where a = 1", "select a from t where (a = 1)"),
    "brackets around comparisons": (
        "select a from t where a = 1 and b > 2",
        "select a from t where (a = 1) and ((b > 2))",
    ),
    "brackets around a product": ("select a + b * 2 as c from t", "select a + (b * 2) as c from t"),
    "brackets of and in or": ("select a from t where x or y and z", "select a from t where x or (y and z)"),
    "brackets of on": (
        "select 1 as x from t join u on t.a = u.a",
        "select 1 as x from t join u on (t.a = u.a)",
    ),
    "semicolon": ("select a from t", "select a from t;"),
    "Jinja whitespace": ("select a from {{ ref('t') }}", "select a from {{ref(  't'  )}}"),
    "Jinja quotes": ("select a from {{ ref('t') }}", 'select a from {{ ref("t") }}'),
    "Jinja comment": ("select a from t", "{# why #}\nselect a from t {# and\n how #}"),
    "whitespace control": (INCREMENTAL, INCREMENTAL.replace("{% endif", "\n  {%- endif")),
    "config is compared by its values": ("{{ config(tags=['a']) }} select 1 as a", "select 1 as a"),
    "formatting inside a branch": (INCREMENTAL, INCREMENTAL.replace("where a >", "WHERE\n  a >")),
    "brackets inside a branch": (
        "select a from t {% if x %} where a = 1 {% else %} where a = 2 {% endif %}",
        "select a from t {% if x %} where (a = 1) {% else %} where (a = 2) {% endif %}",
    ),
    "brackets beside a loop": (LOOP + " where a > 1", LOOP + " where (a > 1)"),
    "formatting in a loop": (LOOP, LOOP.replace("sum({{ c }})", "\n  SUM( {{ c }} )\n")),
    "formatting of a macro": (MACRO, MACRO.replace("({{ x }} / 100)", "-- in dollars\n  ( {{x}} /100 )")),
    "formatting of a set block": (
        "{% set q %}select a from t{% endset %} select 1 as a",
        "{% set q %}\n  select a\n  from t\n{% endset %}\nselect 1 as a",
    ),
    "comment with a plain ref in it": (
        "-- depends_on: {{ ref('x') }}\nselect a from t where a = 1",
        "-- depends_on: {{ ref('x') }}\nselect a from t where (a = 1)",
    ),
    "text in a fragment that is no query": ("grant select on t to r", "grant  select on t  to r -- readers"),
}

CHANGED = {
    "another column": ("select a from t", "select b from t"),
    "another constant": ("select a from t where a > 1", "select a from t where a > 2"),
    "another text constant": ("select 'a b' as x", "select 'a  b' as x"),
    "case of a text constant": ("select 'a' as x", "select 'A' as x"),
    "case of a name": ("select a as x", "select a as X"),
    "a quoted name": ("select a from t", 'select "a" from t'),
    "key of JSON": ("select j->>'k' as x from t", "select j->>'K' as x from t"),
    "brackets that matter": ("select a from t where (x or y) and z", "select a from t where x or y and z"),
    "brackets in arithmetic": ("select (a + b) * 2 as c from t", "select a + b * 2 as c from t"),
    "brackets whose meaning depends on the dialect": (
        "select a from t where a = (b is null)", "select a from t where a = b is null",
    ),
    "brackets across a branch": (
        "select a from t where (x {% if f %} or y {% endif %}) and z",
        "select a from t where x {% if f %} or y {% endif %} and z",
    ),
    "a branch that is not taken when parsing": (INCREMENTAL, INCREMENTAL.replace("max(a)", "min(a)")),
    "the else branch": (
        "select {% if execute %} 1 {% else %} 2 {% endif %} as a",
        "select {% if execute %} 1 {% else %} 3 {% endif %} as a",
    ),
    "the condition of a branch": (INCREMENTAL, INCREMENTAL.replace(NEGATED[4:], NEGATED)),
    "a branch more": ("select a from t", "select a from t {% if x %} where a > 1 {% endif %}"),
    "an argument": ("select a from {{ ref('t') }}", "select a from {{ ref('u') }}"),
    "code in text": ("select '{{ a }}' as x", "select '{{ b }}' as x"),
    "code moves over SQL": ("select {{ m() }} a from t", "select a {{ m() }} from t"),
    "a tag in a comment moves": (
        "select a from t where a -- {% if x %}\n and b -- {% endif %}\n and c",
        "select a from t where a and b -- {% if x %}\n -- {% endif %}\n and c",
    ),
    "code that may write lines is commented out": (
        "select a from t\n{{ more() }}", "select a from t\n-- {{ more() }}",
    ),
    "whitespace control that joins two words": (INCREMENTAL, INCREMENTAL.replace("{% if", "{%- if")),
    "a kind of join": ("select 1 as x from t left join u on a", "select 1 as x from t join u on a"),
    "distinct": ("select a from t", "select distinct a from t"),
    "order of unions": ("select 1 as a union all select 2", "select 2 as a union all select 1"),
    "the loop's body": (LOOP, LOOP.replace("sum(", "max(")),
    "the separator of a loop": (LOOP, LOOP.replace("%},{%", "%};{%")),
    "brackets inside a loop that joins with or": (
        "select a from t where true {% for x in xs %} and (a or {{ x }}) {% endfor %}",
        "select a from t where true {% for x in xs %} and a or {{ x }} {% endfor %}",
    ),
    "a macro's arithmetic": (MACRO, MACRO.replace("100", "1000")),
    "a set statement": ("{% set a = 1 %} select {{ a }} as x", "{% set a = 2 %} select {{ a }} as x"),
    "a set block": (
        "{% set q %}select a from t{% endset %} select 1 as a",
        "{% set q %}select b from t{% endset %} select 1 as a",
    ),
    "brackets in what cannot be parsed": ("selec (a) frm t", "selec a frm t"),
    "an open quote": ("select 'a from t", "select  'a from t"),
    "an open block": ("select a {% if x %} from t", "select  a {% if x %} from t"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), SAME.values(), ids=SAME)
def test_is_no_change(old: str, new: str) -> None:
    assert same_sql(old, new, "duckdb")
    assert same_sql(new, old, "duckdb")


@pytest.mark.parametrize(("old", "new"), CHANGED.values(), ids=CHANGED)
def test_is_a_change(old: str, new: str) -> None:
    assert not same_sql(old, new, "duckdb")
    assert not same_sql(new, old, "duckdb")


def test_an_unknown_dialect_makes_every_difference_count() -> None:
    assert same_sql("select 1", "select 1", "klingon")
    assert not same_sql("select 1", "select  1", "klingon")


def test_more_branches_than_are_tried_make_brackets_count() -> None:
    many = "select a from t where true" + "{% if x %} and a {% endif %}" * 70
    assert same_sql(many, many.replace(" and a", "\n  AND a"), "duckdb")
    assert not same_sql(many, many.replace(" and a", " and (a)"), "duckdb")


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("def model(dbt, s):\n    return 1", "def model(dbt, s):  # one\n\n    return (1)", True),
        ("def model(dbt, s):\n    return 1", "def model(dbt, s):\n    return 2", False),
        ("def model(", "def  model(", False),
    ],
)
def test_python_is_compared_by_its_tree(old: str, new: str, *, same: bool) -> None:
    assert same_python(old, new) is same
