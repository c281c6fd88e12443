{{ config(tags=['reference']) }}

with source as (

    select * from {{ source('raw', 'airports') }}

)

select
    faa as airport_code,
    name as airport_name,
    lat as latitude,
    lon as longitude,
    tzone as timezone_name
from source
