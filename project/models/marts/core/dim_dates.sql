{{ config(tags=['reference']) }}

with days as (

    {{ dbt.date_spine('day', "cast('2013-01-01' as date)", "cast('2014-01-01' as date)") }}

),

typed as (

    select cast(date_day as date) as date_day
    from days

)

select
    date_day,
    cast(extract(year from date_day) as integer) as year_number,
    cast(extract(month from date_day) as integer) as month_number,
    cast(date_trunc('month', cast(date_day as timestamp)) as date) as month_start,
    cast(extract(isodow from date_day) as integer) as iso_weekday,
    extract(isodow from date_day) >= 6 as is_weekend
from typed
where date_day < cast('2014-01-01' as date)
