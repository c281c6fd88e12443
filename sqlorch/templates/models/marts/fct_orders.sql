{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='order_date'
    )
}}

-- A run is for one interval, data_interval_start <= time < data_interval_end. Both have no default on purpose:
-- a run that does not know its interval should fail, not guess. Run a day twice and nothing changes.
select
    order_id,
    customer,
    ordered_at,
    order_date,
    status,
    amount
from {{ ref('stg_orders') }}
where ordered_at >= cast('{{ var("data_interval_start") }}' as timestamp)
  and ordered_at < cast('{{ var("data_interval_end") }}' as timestamp)
