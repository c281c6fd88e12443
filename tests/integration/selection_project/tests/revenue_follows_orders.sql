{{ config(tags=['strict']) }}
select 1 from {{ ref('revenue') }}, {{ ref('fct_orders') }} where false
