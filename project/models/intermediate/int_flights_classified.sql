{{ config(tags=['daily']) }}

with flights as (

    select * from {{ ref('stg_flights') }}

),

outcomes as (

    select
        *,
        case
            when not has_departed then 'cancelled'
            when arrival_delay_minutes is null then 'diverted'
            when arrival_delay_minutes >= {{ var('late_after_minutes') }} then 'late'
            else 'on_time'
        end as flight_status
    from flights

)

select
    *,
    case
        when flight_status in ('cancelled', 'diverted') then null
        when arrival_delay_minutes < 0 then 'early'
        when arrival_delay_minutes < {{ var('late_after_minutes') }} then 'on_time'
        when arrival_delay_minutes < 60 then 'under_1_hour'
        when arrival_delay_minutes < 180 then '1_to_3_hours'
        else 'over_3_hours'
    end as delay_bucket
from outcomes
