{% snapshot snap_customers %}
{{ config(target_schema='main', unique_key='id', strategy='check', check_cols='all', tags=['daily']) }}
select * from {{ ref('stg_customers') }}
{% endsnapshot %}
