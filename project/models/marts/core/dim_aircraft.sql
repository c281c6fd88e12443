{{ config(tags=['reference']) }}

with registrations as (

    select * from {{ ref('aircraft_registrations') }}

)

select
    tail_number,
    manufacturer,
    aircraft_model,
    aircraft_type,
    engine_type,
    engine_count,
    seat_count,
    built_year
from registrations
where dbt_valid_to is null
