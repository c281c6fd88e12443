{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='observation_date',
        batch_size='day'
    )
}}

with hours as (

    select * from {{ ref('fct_weather_hourly') }}
    where {{ in_interval('observation_date', 'day') }}

)

select
    airport_code,
    observation_date,
    count(*) as observed_hours,
    count(*) filter (where weather_condition <> 'fair') as rough_hours,
    min(temperature_f) as lowest_temperature_f,
    max(temperature_f) as highest_temperature_f,
    {{ mean('temperature_f') }} as mean_temperature_f,
    cast(sum(precipitation_inches) as numeric(8, 2)) as precipitation_inches,
    max(wind_gust_mph) as strongest_gust_mph,
    min(visibility_miles) as lowest_visibility_miles
from hours
group by airport_code, observation_date
