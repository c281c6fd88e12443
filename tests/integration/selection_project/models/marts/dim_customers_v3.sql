select id, 1 as x from {{ ref('dim_customers', v=2) }}
