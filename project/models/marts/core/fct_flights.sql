{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='scheduled_hour',
        batch_size='hour',
        tags=['daily']
    )
}}

with flights as (

    select * from {{ ref('int_flights_with_weather') }}
    where {{ in_interval('scheduled_hour') }}

)

select
    flight_key,
    flight_date,
    scheduled_hour,
    scheduled_departure_at,
    {{ dbt.dateadd('minute', 'departure_delay_minutes', 'scheduled_departure_at') }} as departed_at,
    carrier_code,
    flight_number,
    tail_number,
    origin_code,
    destination_code,
    flight_status,
    delay_bucket,
    departure_delay_minutes,
    arrival_delay_minutes,
    air_time_minutes,
    distance_miles,
    weather_condition,
    temperature_f,
    wind_speed_mph,
    precipitation_inches,
    visibility_miles
from flights
