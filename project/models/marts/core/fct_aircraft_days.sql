{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='flight_date',
        batch_size='day',
        tags=['daily']
    )
}}

with flights as (

    select * from {{ ref('fct_flights') }}
    where {{ in_interval('flight_date', 'day') }}
        and tail_number is not null

),

aircraft as (

    select * from {{ ref('dim_aircraft') }}

),

by_aircraft as (

    select
        flight_date,
        tail_number,
        min(carrier_code) as carrier_code,
        count(*) as scheduled_departures,
        count(air_time_minutes) as completed_departures,
        {{ total('air_time_minutes') }} as air_time_minutes,
        {{ total('case when air_time_minutes is not null then distance_miles end') }} as flown_miles,
        min(scheduled_departure_at) as first_departure_at,
        max(scheduled_departure_at) as last_departure_at
    from flights
    group by flight_date, tail_number

)

select
    by_aircraft.flight_date,
    by_aircraft.tail_number,
    by_aircraft.carrier_code,
    aircraft.manufacturer,
    aircraft.aircraft_model,
    by_aircraft.scheduled_departures,
    by_aircraft.completed_departures,
    by_aircraft.air_time_minutes,
    by_aircraft.flown_miles,
    by_aircraft.flown_miles * aircraft.seat_count as seat_miles,
    by_aircraft.first_departure_at,
    by_aircraft.last_departure_at
from by_aircraft
left join aircraft on by_aircraft.tail_number = aircraft.tail_number
