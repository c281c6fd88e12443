{{ config(access='private') }} select * from {{ ref('stg_leads') }}, {{ ref('countries') }}
