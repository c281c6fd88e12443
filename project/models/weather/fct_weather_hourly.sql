{{
    config(
        materialized='incremental',
        incremental_strategy='interval',
        event_time='observed_hour',
        batch_size='hour'
    )
}}

select
    airport_code,
    observed_hour,
    observation_date,
    weather_condition,
    temperature_f,
    dew_point_f,
    relative_humidity,
    wind_speed_mph,
    wind_gust_mph,
    precipitation_inches,
    visibility_miles,
    pressure_millibars
from {{ ref('int_weather_conditions') }}
where {{ in_interval('observed_hour') }}
