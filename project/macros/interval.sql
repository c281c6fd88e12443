{#
  The half-open interval of the run, as SQL.

  The orchestrator injects `data_interval_start` and `data_interval_end` as ISO 8601 instants. They have no
  default: a run that does not say which interval it is for should fail, not guess.
#}

{% macro interval_start() -%}
  cast('{{ var("data_interval_start") }}' as timestamp with time zone)
{%- endmacro %}

{% macro interval_end() -%}
  cast('{{ var("data_interval_end") }}' as timestamp with time zone)
{%- endmacro %}

{#
  True for the rows of the interval.

  `in_interval('scheduled_hour')` cuts a column of instants exactly: start <= scheduled_hour < end.
  `in_interval('flight_date', 'day')` and `in_interval('scorecard_month', 'month')` cut a column of local dates
  to the whole days or months that the interval touches, because a summary of a day can only be rebuilt whole.
#}
{% macro in_interval(column, unit='instant') -%}
  {%- if unit in ('instant', 'hour') -%}
    ({{ column }} >= {{ interval_start() }} and {{ column }} < {{ interval_end() }})
  {%- elif unit in ('day', 'month') -%}
    {%- set first = to_local(interval_start()) -%}
    {%- set last = to_local(interval_end() ~ " - interval '1 microsecond'") -%}
    (
      {{ column }} >= cast(date_trunc('{{ unit }}', {{ first }}) as date)
      and {{ column }} < cast(date_trunc('{{ unit }}', {{ last }}) + interval '1 {{ unit }}' as date)
    )
  {%- else -%}
    {{ exceptions.raise_compiler_error("in_interval: unit is 'instant', 'hour', 'day' or 'month', not '" ~ unit ~ "'") }}
  {%- endif -%}
{%- endmacro %}

{# An instant as the time on the wall clock in New York. #}
{% macro to_local(instant) -%}
  (({{ instant }}) at time zone '{{ var("local_timezone") }}')
{%- endmacro %}
