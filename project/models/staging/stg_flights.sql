{{ config(tags=['daily']) }}

with source as (

    select * from {{ source('raw', 'flights') }}

),

located as (

    select
        *,
        cast({{ to_local('time_hour') }} as date) as flight_date
    from source

),

renamed as (

    select
        carrier || cast(flight as varchar) || '-' || origin || '-' || cast(flight_date as varchar) as flight_key,
        flight_date,
        time_hour as scheduled_hour,
        {{ dbt.dateadd('minute', 'minute', 'time_hour') }} as scheduled_departure_at,
        carrier as carrier_code,
        cast(flight as integer) as flight_number,
        tailnum as tail_number,
        origin as origin_code,
        dest as destination_code,
        cast(dep_delay as integer) as departure_delay_minutes,
        cast(arr_delay as integer) as arrival_delay_minutes,
        cast(air_time as integer) as air_time_minutes,
        cast(distance as integer) as distance_miles,
        dep_time is not null as has_departed

    from located

)

select * from renamed
