{{ config(tags=['daily'], persist_docs={'relation': true}, contract={'enforced': false}) }}
select * from {{ ref('revenue') }} cross join {{ ref('shared_days') }}
