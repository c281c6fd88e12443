{{ config(tags=['reference']) }}

with source as (

    select * from {{ source('raw', 'airlines') }}

)

select
    carrier as carrier_code,
    name as airline_name
from source
