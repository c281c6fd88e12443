-- Every hour of the run was observed at one airport at least. Without any weather the flights of an hour would count
-- as "unknown", and no number would look wrong. Hours that the source has never had are known and let pass.
with known_gaps as (

    select
        cast(first_hour as timestamp with time zone) as first_hour,
        cast(last_hour as timestamp with time zone) as last_hour
    from (
        values
        ('2013-01-01 05:00:00+00', '2013-01-01 05:00:00+00'),
        ('2013-02-21 05:00:00+00', '2013-02-21 05:00:00+00'),
        ('2013-08-19 21:00:00+00', '2013-08-19 21:00:00+00'),
        ('2013-08-23 00:00:00+00', '2013-08-23 01:00:00+00'),
        ('2013-10-26 00:00:00+00', '2013-10-26 04:00:00+00'),
        ('2013-10-27 01:00:00+00', '2013-10-27 01:00:00+00'),
        ('2013-11-03 00:00:00+00', '2013-11-03 04:00:00+00'),
        ('2013-11-04 15:00:00+00', '2013-11-04 15:00:00+00'),
        ('2013-12-31 00:00:00+00', '2014-01-01 04:00:00+00')
    ) as gaps (first_hour, last_hour)

),

hours as (

    select due.hour_at
    from generate_series({{ interval_start() }}, {{ interval_end() }}, interval '1 hour') as due (hour_at)
    where due.hour_at < {{ interval_end() }}

)

select hours.hour_at as missing_hour
from hours
left join {{ ref('fct_weather_hourly') }} as observed on hours.hour_at = observed.observed_hour
left join known_gaps on hours.hour_at between known_gaps.first_hour and known_gaps.last_hour
where observed.observed_hour is null and known_gaps.first_hour is null
