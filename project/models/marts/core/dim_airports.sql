{{ config(tags=['reference']) }}

with airports as (

    select * from {{ ref('int_airports_completed') }}

)

select
    airport_code,
    airport_name,
    latitude,
    longitude,
    timezone_name,
    airport_code in ('EWR', 'JFK', 'LGA') as is_new_york
from airports
