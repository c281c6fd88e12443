{{ config(materialized='view', tags=['daily', 'metrics']) }}

with carriers as (

    select * from {{ ref('carrier_delays') }}

),

days as (

    select
        flight_date,
        {{ total('scheduled_flights') }} as scheduled_flights,
        {{ total('cancelled_flights') }} as cancelled_flights,
        {{ total('arrived_flights') }} as arrived_flights,
        {{ total('arrival_delay_minutes') }} as arrival_delay_minutes
    from carriers
    group by flight_date

),

weeks as (

    select
        *,
        cast(sum(arrived_flights) over last_seven_days as bigint) as arrived_flights_7_days,
        cast(sum(arrival_delay_minutes) over last_seven_days as bigint) as arrival_delay_minutes_7_days
    from days
    window last_seven_days as (
        order by flight_date
        range between interval '6 days' preceding and current row
    )

)

select
    flight_date,
    scheduled_flights,
    cancelled_flights,
    {{ ratio('arrival_delay_minutes', 'arrived_flights') }} as mean_arrival_delay_minutes,
    {{ ratio('arrival_delay_minutes_7_days', 'arrived_flights_7_days') }} as mean_arrival_delay_minutes_7_days
from weeks
