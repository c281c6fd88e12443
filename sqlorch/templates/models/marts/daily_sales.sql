{{ config(tags=['metrics']) }}

select
    order_date,
    count(*) as orders,
    count(*) filter (where status = 'cancelled') as cancelled_orders,
    cast(coalesce(sum(amount) filter (where status = 'paid'), 0) as decimal(12, 2)) as revenue
from {{ ref('fct_orders') }}
group by order_date
