"""A shop of five models with tests, a seed, a source and an exposure, for the commands about lineage."""

from __future__ import annotations

SHOP = {
    "sqlorch.yml": 'groups:\n  daily: {select: "path:models/marts", schedule: "@daily"}\n',
    "seeds/raw_orders.csv": "id,customer,amount,status\n1,a,10,paid\n",
    "models/staging/sources.yml": """\
        version: 2
        sources:
          - name: raw
            schema: main
            tables:
              - name: raw_orders
        """,
    "models/staging/stg_orders.sql": """\
        with source as (select * from {{ source('raw', 'raw_orders') }})
        select id as order_id, customer, amount / 100.0 as amount_eur, {{ shout('status') }} as status
        from source
        """,
    "models/marts/revenue.sql": """\
        select customer, sum(amount_eur) as revenue, count(*) filter (where status = 'PAID') as paid
        from {{ ref('stg_orders') }} group by customer
        """,
    "models/marts/customers.sql": "select distinct customer from {{ ref('stg_orders') }}",
    "models/marts/best.sql": "select customer from {{ ref('revenue') }} where revenue > 100",
    "models/marts/marts.yml": """\
        version: 2
        models:
          - name: revenue
            description: What each customer brought in.
            columns: [{name: customer, description: Who., data_tests: [not_null]}]
          - name: customers
            columns: [{name: customer, data_tests: [unique]}]
          - name: best
            columns: [{name: customer, data_tests: [unique]}]
        exposures:
          - {name: board, type: dashboard, owner: {name: o}, depends_on: [ref('best')]}
        """,
    "macros/shout.sql": "{% macro shout(column) %}upper({{ column }}){% endmacro %}",
}
STG, REVENUE, BEST = "model.shop.stg_orders", "model.shop.revenue", "model.shop.best"
RAW, SEED = "source.shop.raw.raw_orders", "seed.shop.raw_orders"
