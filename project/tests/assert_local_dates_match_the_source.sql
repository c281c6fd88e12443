-- The source spells the local date out in three columns. Ours is derived from an instant and a time zone, and is
-- a part of the key: both have to agree, on the two days on which the clocks change as well.
with published as (

    select
        carrier || cast(flight as varchar) || '-' || origin || '-' || cast(
            make_date(cast(year as integer), cast(month as integer), cast(day as integer)) as varchar
        ) as flight_key
    from {{ source('raw', 'flights') }}
    where {{ in_interval('time_hour') }}

),

stored as (

    select flight_key from {{ ref('fct_flights') }}

)

select published.flight_key
from published
left join stored on published.flight_key = stored.flight_key
where stored.flight_key is null
