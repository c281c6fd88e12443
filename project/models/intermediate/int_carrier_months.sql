{{ config(tags=['monthly']) }}

with days as (

    select * from {{ ref('carrier_delays') }}

)

select
    cast(date_trunc('month', cast(flight_date as timestamp)) as date) as scorecard_month,
    carrier_code,
    {{ total('scheduled_flights') }} as scheduled_flights,
    {{ total('departed_flights') }} as departed_flights,
    {{ total('arrived_flights') }} as arrived_flights,
    {{ total('on_time_flights') }} as on_time_flights,
    {{ total('cancelled_flights') }} as cancelled_flights,
    {{ total('departure_delay_minutes') }} as departure_delay_minutes,
    {{ total('arrival_delay_minutes') }} as arrival_delay_minutes
from days
group by 1, 2
