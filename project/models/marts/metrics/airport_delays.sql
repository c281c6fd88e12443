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

airports as (

    select * from {{ ref('dim_airports') }}

),

by_destination as (

    select
        flight_date,
        destination_code,
        count(*) as scheduled_flights,
        count(*) filter (where flight_status = 'late') as late_flights,
        count(*) filter (where flight_status = 'diverted') as diverted_flights,
        max(arrival_delay_minutes) as worst_arrival_delay_minutes,
        {{ mean('arrival_delay_minutes') }} as mean_arrival_delay_minutes
    from flights
    group by flight_date, destination_code

)

select
    by_destination.flight_date,
    by_destination.destination_code,
    airports.airport_name as destination_name,
    by_destination.scheduled_flights,
    by_destination.late_flights,
    by_destination.diverted_flights,
    by_destination.worst_arrival_delay_minutes,
    by_destination.mean_arrival_delay_minutes
from by_destination
left join airports on by_destination.destination_code = airports.airport_code
