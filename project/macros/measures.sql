{#
  numerator / denominator as a double, null when there is nothing to divide by.

  The sums in this warehouse are exact (integers and decimals), so that the quotient is the same to the last bit
  on every database and in every order of rows. Rounding is left to whoever shows the number.
#}
{% macro ratio(numerator, denominator) -%}
  cast({{ numerator }} as double precision) / nullif({{ denominator }}, 0)
{%- endmacro %}

{# The sum of an integer column. Databases widen sums differently (HUGEINT, NUMERIC); here a sum is a bigint. #}
{% macro total(column) -%}
  cast(sum({{ column }}) as bigint)
{%- endmacro %}

{# The mean of a column over the rows where it is known. #}
{% macro mean(column) -%}
  {{ ratio("sum(" ~ column ~ ")", "count(" ~ column ~ ")") }}
{%- endmacro %}
