-- The slice of the run is complete: as many flights in the fact table as in the source, hour by hour.
with published as (

    select time_hour as scheduled_hour, count(*) as flights
    from {{ source('raw', 'flights') }}
    where {{ in_interval('time_hour') }}
    group by time_hour

),

stored as (

    select scheduled_hour, count(*) as flights
    from {{ ref('fct_flights') }}
    where {{ in_interval('scheduled_hour') }}
    group by scheduled_hour

)

select
    published.scheduled_hour as published_hour,
    stored.scheduled_hour as stored_hour,
    published.flights as published_flights,
    stored.flights as stored_flights
from published
full outer join stored on published.scheduled_hour = stored.scheduled_hour
where published.flights is distinct from stored.flights
