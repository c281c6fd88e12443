select
    order_id,
    customer,
    ordered_at,
    cast(ordered_at as date) as order_date,
    status,
    amount
from {{ ref('raw_orders') }}
