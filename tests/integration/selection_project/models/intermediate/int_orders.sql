select o.id, o.customer_id, o.ordered_on from {{ ref('stg_orders') }} o
join {{ ref('stg_items') }} i using (id) cross join {{ ref('countries') }}
