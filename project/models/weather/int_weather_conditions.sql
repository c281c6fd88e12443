with observations as (

    select * from {{ ref('stg_weather') }}

)

select
    *,
    -- The worst thing about the hour, as an airport sees it.
    case
        when precipitation_inches > 0 and temperature_f <= 34 then 'snow'
        when precipitation_inches > 0 then 'rain'
        when visibility_miles < 3 then 'low_visibility'
        when wind_speed_mph >= 25 or wind_gust_mph >= 35 then 'windy'
        else 'fair'
    end as weather_condition
from observations
