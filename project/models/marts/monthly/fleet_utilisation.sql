{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='scorecard_month',
        batch_size='month',
        tags=['monthly']
    )
}}

with days as (

    select
        *,
        cast(date_trunc('month', cast(flight_date as timestamp)) as date) as scorecard_month
    from {{ ref('fct_aircraft_days') }}

)

select
    scorecard_month,
    carrier_code,
    coalesce(manufacturer, 'unknown') as manufacturer,
    count(distinct tail_number) as aircraft,
    {{ total('completed_departures') }} as completed_departures,
    {{ total('air_time_minutes') }} as air_time_minutes,
    {{ total('flown_miles') }} as flown_miles,
    {{ ratio('sum(air_time_minutes)', 'count(*)') }} as air_time_minutes_per_aircraft_day
from days
where {{ in_interval('scorecard_month', 'month') }}
group by 1, 2, 3
