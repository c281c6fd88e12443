{{ config(tags=['weekly'], meta={'owner': 'bo', 'teams': ['sales', 'ops']}) }}
select * from {{ source('crm', 'leads') }}
