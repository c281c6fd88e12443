{{ config(tags=['daily']) }}

with flights as (

    select * from {{ ref('int_flights_classified') }}

),

weather as (

    select * from {{ ref('fct_weather_hourly') }}

)

select
    flights.*,
    coalesce(weather.weather_condition, 'unknown') as weather_condition,
    weather.temperature_f,
    weather.wind_speed_mph,
    weather.precipitation_inches,
    weather.visibility_miles
from flights
left join weather
    on flights.origin_code = weather.airport_code
    and flights.scheduled_hour = weather.observed_hour
