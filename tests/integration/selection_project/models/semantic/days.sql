select 1 as day_id, current_date as day
