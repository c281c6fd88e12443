with source as (

    select * from {{ source('raw', 'weather') }}

),

renamed as (

    select
        origin as airport_code,
        time_hour as observed_hour,
        cast({{ to_local('time_hour') }} as date) as observation_date,
        -- Decimals, because their sums do not depend on the order of the rows.
        cast(temp as numeric(6, 2)) as temperature_f,
        cast(dewp as numeric(6, 2)) as dew_point_f,
        cast(humid as numeric(6, 2)) as relative_humidity,
        -- The strongest gust ever measured is 253 mph; the source has a 1,048.
        case when wind_speed <= 253 then cast(wind_speed as numeric(6, 2)) end as wind_speed_mph,
        cast(wind_gust as numeric(6, 2)) as wind_gust_mph,
        cast(precip as numeric(6, 2)) as precipitation_inches,
        cast(visib as numeric(6, 2)) as visibility_miles,
        cast(pressure as numeric(6, 1)) as pressure_millibars
    from source

)

select * from renamed
