select id, 1 as x from {{ ref('snap_customers') }}
