-- The source spells the local date out in three columns. Ours is derived from an instant and a time zone, and
-- has to agree, on the two days on which the clocks change as well.
select time_hour, year, month, day
from {{ source('raw', 'flights') }}
where {{ in_interval('time_hour') }}
    and (
        extract(year from {{ to_local('time_hour') }}) <> year
        or extract(month from {{ to_local('time_hour') }}) <> month
        or extract(day from {{ to_local('time_hour') }}) <> day
    )
