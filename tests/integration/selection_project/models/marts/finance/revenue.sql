select f.ordered_on, count(*) as n from {{ ref('fct_orders') }} f join {{ ref('dim_customers') }} d on true group by 1
