"""Column lineage must not depend on spelling, and no text may break it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from sqlorch.lineage.columns import (
    Column,
    KnownColumns,
    Limits,
    ModelColumns,
    ModelSql,
    SchemaOrigin,
    read_model,
)
from sqlorch.lineage.columns.analysis import DEFECT

if TYPE_CHECKING:
    import random

DIALECTS = ("duckdb", "postgres", "snowflake", "bigquery", "trino", "spark", "redshift")
SCHEMA = {
    "t": ("a", "b", "k"),
    "u": ("c", "d", "k"),
}


def known(origin: SchemaOrigin = SchemaOrigin.DECLARED) -> dict[str, KnownColumns]:
    return {
        node: KnownColumns(columns=tuple(Column(name=n) for n in names), origin=origin)
        for node, names in SCHEMA.items()
    }


def read(sql: str, dialect: str) -> ModelColumns:
    model = ModelSql(node="m", sql=sql, relations={"t": "t", "u": "u"})
    return read_model(model, known(), dialect=dialect, limits=Limits(steps=200_000))


@st.composite
def queries(draw: st.DrawFn) -> list[str]:
    """A query over t and u as a list of words, in which ``{0}`` ... are its local names."""
    left, right = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["c", "d"]))
    value = draw(st.sampled_from(["{0}.{2}", "{0}.{2} + 1", "max({0}.{2}) over (partition by {0}.{3})"]))
    where = draw(st.sampled_from(["", "where {0}.{3} > 1"]))
    combine = draw(st.sampled_from(["union all", "union", "except"]))
    tail = draw(st.sampled_from(["", f"{combine} select c from u"]))
    inner = (
        f"select t.{left if left in 'ab' else 'a'} as {{2}}, u.{right if right in 'cd' else 'c'} as {{3}} "
    )
    inner += draw(
        st.sampled_from(["from t join u on t.k = u.k", "from t left join u using (k)", "from t, u"])
    )
    return [f"with {{1}} as ({inner}) ", f"select {value} as result from {{1}} as {{0}} {where} {tail}"]


UNUSED = ["select 1 as one", "select * from t", "select zz from nowhere where q", "select a from t join u"]


def edges(found: ModelColumns) -> object:
    return found.status, found.indirect, [(c.name, c.label, c.sources) for c in found.columns]


@settings(max_examples=60, deadline=None)
@given(queries(), st.permutations(["p1", "p2", "p3", "p4"]), st.sampled_from(DIALECTS))
def test_local_names_do_not_matter(query: list[str], renamed: list[str], dialect: str) -> None:
    text = "".join(query)
    plain = text.format("s0", "s1", "s2", "s3")

    assert edges(read(text.format(*renamed), dialect)) == edges(read(plain, dialect))


@settings(max_examples=60, deadline=None)
@given(queries(), st.sampled_from(UNUSED), st.sampled_from(DIALECTS))
def test_an_unused_cte_changes_nothing(query: list[str], unused: str, dialect: str) -> None:
    names_ = ("s0", "s1", "s2", "s3")
    plain = "".join(query).format(*names_)
    more = f"with unused as ({unused}), " + plain.removeprefix("with ")

    assert read(more, dialect) == read(plain, dialect)


@settings(max_examples=40, deadline=None)
@given(queries(), st.sampled_from([d for d in DIALECTS if d != "bigquery"]))
def test_case_and_layout_do_not_matter(query: list[str], dialect: str) -> None:
    plain = "".join(query).format("s0", "s1", "s2", "s3")
    # Not BigQuery: there T and t are two tables.
    shouted = plain.upper().replace(" ", "\n  ") + " -- done"

    assert edges(read(shouted, dialect)) == edges(read(plain, dialect))


@settings(max_examples=40, deadline=None)
@given(queries(), st.sampled_from(DIALECTS))
def test_the_same_text_gives_the_same_answer(query: list[str], dialect: str) -> None:
    plain = "".join(query).format("s0", "s1", "s2", "s3")

    assert read(plain, dialect) == read(plain, dialect)


@settings(max_examples=40, deadline=None)
@given(queries(), st.sampled_from(DIALECTS))
def test_wrapping_in_a_star_changes_no_source(query: list[str], dialect: str) -> None:
    plain = "".join(query).format("s0", "s1", "s2", "s3")
    wrapped = f"select * from ({plain}) as w"

    assert [(c.name, c.sources) for c in read(wrapped, dialect).columns] == [
        (c.name, c.sources) for c in read(plain, dialect).columns
    ]


def no_defect(found: ModelColumns) -> bool:
    return not any(r.startswith(DEFECT) for r in found.reasons)


@settings(max_examples=120, deadline=None)
@given(st.text(max_size=200), st.sampled_from(DIALECTS))
def test_any_text_is_answered(text: str, dialect: str) -> None:
    assert no_defect(read(text, dialect))


_WORDS = """
select from where group by order having qualify with recursive as on using join left full cross
lateral natural semi union all except intersect by name distinct * ( ) [ ] { } , . : :: -> ->> => :=
a b c d k t u x y 'lit' 1 2.5 "q" `q` case when then else end not and or is null in exists between
like over partition rows window filter within unnest explode flatten pivot unpivot for values struct
array cast sum count max row_number() coalesce columns exclude replace rename interval lambda t.*
u.* t.a u.c $1 @x ? ; |> table generate_series(1,2) offset limit qualify view tablesample
"""
WORDS = _WORDS.split()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=40), st.sampled_from(DIALECTS))
def test_any_words_of_sql_are_answered(words: list[str], dialect: str) -> None:
    assert no_defect(read("select " + " ".join(words), dialect))


@settings(max_examples=120, deadline=None)
@given(queries(), st.randoms(use_true_random=False), st.sampled_from(DIALECTS))
def test_damaged_queries_are_answered(query: list[str], rng: random.Random, dialect: str) -> None:
    words = "".join(query).format("s0", "s1", "s2", "s3").split()
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(words))
        words[place : place + rng.randint(0, 2)] = rng.sample(WORDS, rng.randint(0, 2))
        words = words or ["select"]

    assert no_defect(read(" ".join(words), dialect))
