{{ config(group='finance') }} select 1 from {{ ref('costs') }}, {{ ref('revenue') }}, {{ source('crm', 'leads') }} where false
