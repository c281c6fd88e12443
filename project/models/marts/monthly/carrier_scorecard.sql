{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='scorecard_month',
        batch_size='month',
        tags=['monthly', 'metrics']
    )
}}

with months as (

    select * from {{ ref('int_carrier_months') }}
    where {{ in_interval('scorecard_month', 'month') }}

),

airlines as (

    select * from {{ ref('dim_airlines') }}

),

scored as (

    select
        scorecard_month,
        carrier_code,
        scheduled_flights,
        cancelled_flights,
        {{ ratio('on_time_flights', 'scheduled_flights') }} as on_time_rate,
        {{ ratio('cancelled_flights', 'scheduled_flights') }} as cancellation_rate,
        {{ ratio('departure_delay_minutes', 'departed_flights') }} as mean_departure_delay_minutes,
        {{ ratio('arrival_delay_minutes', 'arrived_flights') }} as mean_arrival_delay_minutes
    from months

)

select
    scored.scorecard_month,
    scored.carrier_code,
    airlines.airline_name,
    airlines.business_model,
    scored.scheduled_flights,
    scored.cancelled_flights,
    scored.on_time_rate,
    scored.cancellation_rate,
    scored.mean_departure_delay_minutes,
    scored.mean_arrival_delay_minutes,
    rank() over (partition by scored.scorecard_month order by scored.on_time_rate desc) as on_time_rank
from scored
left join airlines on scored.carrier_code = airlines.carrier_code
