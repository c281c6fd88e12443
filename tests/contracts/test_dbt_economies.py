"""What we do more cheaply inside dbt changes nothing that reaches the database."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import sqlorch.dbt.session as session_module
from sqlorch.dbt.economies import calm_collector
from sqlorch.dbt.options import SessionOptions
from sqlorch.dbt.session import WarmSession
from sqlorch.domain.dag import EXECUTABLE_KINDS
from sqlorch.domain.gating import execution_edges
from sqlorch.domain.interval import Interval

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0"
profile: shop
flags: {send_anonymous_usage_stats: false}
on-run-end: create or replace table seen as select '{{ var("ds") }}' as ds, {{ results | length }} as n
""",
    "profiles.yml": "shop: {target: dev, outputs: {dev: {type: duckdb, path: 'PATH', threads: 1}}}",
    "macros/own.sql": """
{% macro dates() %}
  {% set found = run_query("select distinct day from " ~ ref('events') ~ " order by 1") %}
  {% do return(found.columns[0].values() if execute else []) %}
{% endmacro %}
{% macro duckdb__get_columns_in_relation(relation) %}
  {% if load_result('columns_of') is not none %}
    {{ exceptions.raise_compiler_error('seen before') }}
  {% endif %}
  {% call statement('columns_of', fetch_result=true) %}select '{{ model.name }} {{ var("ds") }}'{% endcall %}
  {% do return(dbt.duckdb__get_columns_in_relation(relation)) %}
{% endmacro %}
{% macro default__post(x) %}{{ x }} + 1{% endmacro %}
{% macro post(x) %}{{ return(adapter.dispatch('post')(x)) }}{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
""",
    "seeds/amounts.csv": "day,amount,note\n2013-01-01,1,\n2013-01-02,2,true\n",
    "models/events.sql": """
select day, {{ post('amount') }} as amount from {{ ref('amounts') }}
where day >= date '{{ var("ds") }}' or true
""",
    "models/inline.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('events') }}",
    "models/pivot.sql": """
{{ config(materialized='table', post_hook="comment on table {{ this }} is '{{ var(\\"ds\\") }}'") }}
select {% for day in dates() %} sum(case when day = '{{ day }}' then amount end) as d{{ loop.index }},
{% endfor %} count(*) as n from {{ ref('inline') }}
""",
    "models/days.sql": """
{{ config(materialized='incremental', unique_key='ds', incremental_strategy='delete+insert') }}
select '{{ var("ds") }}' as ds, amount from {{ ref('events') }}
{% if is_incremental() %} where '{{ var("ds") }}' > (select min(ds) from {{ this }}) {% endif %}
""",
    "models/wrong.sql": """
select {% if execute %}{{ exceptions.raise_compiler_error('on purpose') }}{% endif %}
""",
    "snapshots/history.sql": """
{% snapshot history %}{{ config(unique_key='day', strategy='check', check_cols='all', target_schema='main') }}
select * from {{ ref('amounts') }}{% endsnapshot %}
""",
    "models/schema.yml": """
models:
  - name: events
    columns:
      - name: amount
        data_tests: [positive, not_null]
      - name: day
        data_tests: [unique]
unit_tests:
  - name: adds_one
    model: events
    given: [{input: ref('amounts'), rows: [{day: 2013-01-05, amount: 4}]}]
    expect: {rows: [{amount: 5}]}
""",
}
_CHANGING = re.compile(r"(?<=__dbt_tmp)\d+|[0-9a-f]{8}-[0-9a-f-]{27}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+")


@contextmanager
def opened(root: Path, *, economical: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[WarmSession]:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("PATH", str(root / "shop.duckdb")), encoding="utf-8")
    with monkeypatch.context() as patch:
        if not economical:
            patch.setattr(session_module, "economies", nullcontext)
        options = SessionOptions(
            project_dir=root,
            profiles_dir=root,
            state_dir=root / ".sqlorch",
            sample_variables={"ds": "2000-01-01"},
        )
        session = WarmSession(options)
        try:
            yield session
        finally:
            session.close()


def statements(root: Path, *, economical: bool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement of three intervals, and how every node ended, in one thread."""
    said: list[str] = []
    with opened(root, economical=economical, monkeypatch=monkeypatch) as session:
        connections = session._project.adapter.connections
        add_query = connections.add_query

        def listening(sql: str, *arguments: Any, **more: Any) -> Any:
            said.append(sql)
            return add_query(sql, *arguments, **more)

        connections.add_query = listening
        dag = session.dag
        order = in_order(
            execution_edges(dag, frozenset(u for u in dag.order if dag[u].kind in EXECUTABLE_KINDS))
        )
        for number in (1, 2, 3):
            interval = Interval(
                datetime(2013, 1, number, tzinfo=UTC), datetime(2013, 1, number + 1, tzinfo=UTC)
            )
            context = session.open_run(
                run_id=f"run-{number}",
                interval=interval,
                variables={"ds": f"2013-01-0{number}"},
                nodes=order,
                target_path=root / "runs" / str(number),
            )
            results = [context.execute(uid, log_path=root / "logs" / uid) for uid in order]
            assert context.finish(results) == ""
            said += [f"{r.unique_id} {r.outcome} {r.rows} {r.failures} {r.line} {r.message}" for r in results]
    return [_CHANGING.sub("*", line.replace(str(root), "ROOT")) for line in said]


def in_order(after: dict[str, frozenset[str]]) -> list[str]:
    order: list[str] = []
    while len(order) < len(after):
        order += sorted(uid for uid, before in after.items() if uid not in order and before <= set(order))
    return order


def test_the_same_statements_reach_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = statements(tmp_path / "plain" / "shop", economical=False, monkeypatch=monkeypatch)
    cheap = statements(tmp_path / "cheap" / "shop", economical=True, monkeypatch=monkeypatch)
    assert cheap == plain
    assert len(plain) > 100
    assert sum("get_columns_in_relation 2013-01-0" in line for line in plain) > 3
    assert sum("on purpose" in line for line in plain) == 3
    assert any("model.shop.pivot success" in line for line in plain)
    failed = [line for line in plain if re.match(r"\S+ (error|fail) ", line)]
    assert {line.split()[0] for line in failed} == {"model.shop.wrong"}


def test_closing_puts_back_what_was_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dbt.clients.jinja  # noqa: PLC0415 - an internal of dbt, looked at here alone
    from dbt.context.macros import MacroNamespaceBuilder  # noqa: PLC0415 - likewise

    before = (MacroNamespaceBuilder.build_namespace, dbt.clients.jinja.get_template)
    with opened(tmp_path / "shop", economical=True, monkeypatch=monkeypatch):
        assert MacroNamespaceBuilder.build_namespace is not before[0]
    assert before == (MacroNamespaceBuilder.build_namespace, dbt.clients.jinja.get_template)


def test_the_collector_is_calm_for_a_while_and_leaves_aside_what_others_have_set_aside() -> None:
    at_first = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    before = gc.get_threshold()
    gc.unfreeze()
    try:
        with calm_collector():
            assert gc.get_freeze_count() > 0
            assert gc.get_threshold()[0] > before[0]
        assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
    finally:
        gc.freeze()
    aside = gc.get_freeze_count()
    with calm_collector():
        assert gc.get_threshold()[0] > before[0]
    assert aside * 0.9 < gc.get_freeze_count() <= aside
    assert gc.get_threshold() == before
    gc.set_threshold(*at_first)
