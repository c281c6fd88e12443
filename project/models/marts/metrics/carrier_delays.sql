{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='flight_date',
        batch_size='day',
        tags=['daily', 'metrics']
    )
}}

with flights as (

    select * from {{ ref('fct_flights') }}
    where {{ in_interval('flight_date', 'day') }}

),

airlines as (

    select * from {{ ref('dim_airlines') }}

),

by_carrier as (

    select
        flight_date,
        carrier_code,
        count(*) as scheduled_flights,
        count(*) filter (where flight_status = 'on_time') as on_time_flights,
        count(*) filter (where flight_status = 'cancelled') as cancelled_flights,
        count(arrival_delay_minutes) as arrived_flights,
        {{ total('arrival_delay_minutes') }} as arrival_delay_minutes,
        {{ total('departure_delay_minutes') }} as departure_delay_minutes,
        count(departure_delay_minutes) as departed_flights
    from flights
    group by flight_date, carrier_code

)

select
    by_carrier.flight_date,
    by_carrier.carrier_code,
    airlines.airline_name,
    airlines.business_model,
    by_carrier.scheduled_flights,
    by_carrier.departed_flights,
    by_carrier.arrived_flights,
    by_carrier.on_time_flights,
    by_carrier.cancelled_flights,
    by_carrier.departure_delay_minutes,
    by_carrier.arrival_delay_minutes,
    {{ ratio('by_carrier.arrival_delay_minutes', 'by_carrier.arrived_flights') }} as mean_arrival_delay_minutes
from by_carrier
left join airlines on by_carrier.carrier_code = airlines.carrier_code
