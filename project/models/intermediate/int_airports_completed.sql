{{ config(materialized='ephemeral', tags=['reference']) }}

with published as (

    select * from {{ ref('stg_airports') }}

),

missing as (

    select * from {{ ref('airports_missing_from_source') }}

)

select
    airport_code,
    airport_name,
    latitude,
    longitude,
    timezone_name
from published

union all

select
    airport_code,
    airport_name,
    latitude,
    longitude,
    timezone_name
from missing
where airport_code not in (select airport_code from published)
