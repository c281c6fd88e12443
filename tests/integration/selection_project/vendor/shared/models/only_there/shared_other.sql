select * from {{ ref('shared_days') }}
