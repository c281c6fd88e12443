{{ config(materialized='incremental', unique_key=['id', 'ordered_on'], on_schema_change='fail',
   meta={'owner': 'ann', 'quality': {'level': 'high'}, 'gold': true, 'rank': 3}) }}
select o.*, c.id as customer from {{ ref('int_orders') }} o left join {{ ref('stg_customers') }} c on true
