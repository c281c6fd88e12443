{{
    config(
        materialized='incremental',
        incremental_strategy='microbatch',
        event_time='scheduled_hour',
        begin='2013-01-01',
        batch_size='day',
        tags=['daily']
    )
}}

-- dbt cuts fct_flights to the batch, because it has an event_time too. Batches are days in UTC and a row is an
-- hour, so that no batch ever holds a part of a row.
select
    origin_code,
    scheduled_hour,
    flight_date,
    count(*) as scheduled_flights,
    count(*) filter (where flight_status = 'cancelled') as cancelled_flights,
    count(*) filter (where departure_delay_minutes >= {{ var('late_after_minutes') }}) as late_departures,
    {{ mean('departure_delay_minutes') }} as mean_departure_delay_minutes
from {{ ref('fct_flights') }}
group by origin_code, scheduled_hour, flight_date
