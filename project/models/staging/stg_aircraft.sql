{{ config(tags=['reference']) }}

with source as (

    select * from {{ source('raw', 'planes') }}

)

select
    tailnum as tail_number,
    cast(year as integer) as built_year,
    type as aircraft_type,
    manufacturer,
    model as aircraft_model,
    engine as engine_type,
    cast(engines as integer) as engine_count,
    cast(seats as integer) as seat_count
from source
