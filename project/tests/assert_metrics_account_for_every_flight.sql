-- However the flights of a day are sliced, the slices add up to the same number.
with facts as (

    select flight_date, count(*) as flights
    from {{ ref('fct_flights') }}
    group by flight_date

),

by_origin as (

    select flight_date, {{ total('scheduled_flights') }} as flights
    from {{ ref('daily_flight_metrics') }}
    group by flight_date

),

by_carrier as (

    select flight_date, {{ total('scheduled_flights') }} as flights
    from {{ ref('carrier_delays') }}
    group by flight_date

),

by_weather as (

    select flight_date, {{ total('scheduled_flights') }} as flights
    from {{ ref('weather_impact') }}
    group by flight_date

)

select
    facts.flight_date,
    facts.flights as facts,
    by_origin.flights as by_origin,
    by_carrier.flights as by_carrier,
    by_weather.flights as by_weather
from facts
left join by_origin on facts.flight_date = by_origin.flight_date
left join by_carrier on facts.flight_date = by_carrier.flight_date
left join by_weather on facts.flight_date = by_weather.flight_date
where facts.flights is distinct from by_origin.flights
    or facts.flights is distinct from by_carrier.flights
    or facts.flights is distinct from by_weather.flights
