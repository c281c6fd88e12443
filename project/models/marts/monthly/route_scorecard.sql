{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='scorecard_month',
        batch_size='month',
        tags=['monthly', 'metrics']
    )
}}

with days as (

    select
        *,
        cast(date_trunc('month', cast(flight_date as timestamp)) as date) as scorecard_month
    from {{ ref('fct_route_days') }}

),

airports as (

    select * from {{ ref('dim_airports') }}

),

months as (

    select
        scorecard_month,
        origin_code,
        destination_code,
        min(distance_miles) as distance_miles,
        {{ total('scheduled_flights') }} as scheduled_flights,
        {{ ratio('sum(on_time_flights)', 'sum(scheduled_flights)') }} as on_time_rate,
        {{ ratio('sum(arrival_delay_minutes)', 'sum(arrived_flights)') }} as mean_arrival_delay_minutes
    from days
    where {{ in_interval('scorecard_month', 'month') }}
    group by scorecard_month, origin_code, destination_code

)

select
    months.scorecard_month,
    months.origin_code,
    months.destination_code,
    airports.airport_name as destination_name,
    months.distance_miles,
    months.scheduled_flights,
    months.on_time_rate,
    months.mean_arrival_delay_minutes,
    rank() over (partition by months.scorecard_month order by months.scheduled_flights desc) as traffic_rank
from months
left join airports on months.destination_code = airports.airport_code
