{{ config(tags=['reference']) }}

with airlines as (

    select * from {{ ref('stg_airlines') }}

),

business_models as (

    select * from {{ ref('airline_business_models') }}

)

select
    airlines.carrier_code,
    airlines.airline_name,
    coalesce(business_models.business_model, 'unknown') as business_model,
    business_models.mainline_partner
from airlines
left join business_models on airlines.carrier_code = business_models.carrier_code
