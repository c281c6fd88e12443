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

)

select
    flight_date,
    origin_code,
    destination_code,
    min(distance_miles) as distance_miles,
    count(*) as scheduled_flights,
    count(distinct carrier_code) as carriers,
    count(*) filter (where flight_status = 'on_time') as on_time_flights,
    count(arrival_delay_minutes) as arrived_flights,
    {{ total('arrival_delay_minutes') }} as arrival_delay_minutes,
    {{ mean('air_time_minutes') }} as mean_air_time_minutes
from flights
group by flight_date, origin_code, destination_code
