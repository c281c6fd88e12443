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

)

select
    flight_date,
    weather_condition,
    count(*) as scheduled_flights,
    count(*) filter (where flight_status = 'cancelled') as cancelled_flights,
    {{ ratio("count(*) filter (where flight_status = 'cancelled')", "count(*)") }} as cancellation_rate,
    {{ mean('departure_delay_minutes') }} as mean_departure_delay_minutes,
    {{ mean('arrival_delay_minutes') }} as mean_arrival_delay_minutes
from flights
group by flight_date, weather_condition
