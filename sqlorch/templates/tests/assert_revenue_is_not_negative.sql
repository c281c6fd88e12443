-- A test finds what is wrong: it fails when it returns rows.
select order_date, revenue
from {{ ref('daily_sales') }}
where revenue < 0
