{#
  incremental_strategy='interval': a run replaces its own interval and touches nothing else.

  dbt's built-in delete+insert deletes the keys it is about to insert. A row that has left the source, or that
  has moved to another day, keeps its old copy for ever. Deleting by the interval instead makes a run
  idempotent whatever happened to the source. The delete and the insert share one transaction.

  The model says what is cut, in dbt's own words: `event_time` names the column, `batch_size` its unit
  (`hour`: instants, exactly; `day`, `month`: local dates, whole). Its query must be cut the same way:

      config(materialized='incremental', incremental_strategy='interval',
             event_time='flight_date', batch_size='day')
      select ... where in_interval('flight_date', 'day')
#}
{% macro get_incremental_interval_sql(arg_dict) %}
  {% set event_time = config.get('event_time') %}
  {% set unit = config.get('batch_size') %}
  {% if not event_time or not unit %}
    {% do exceptions.raise_compiler_error(
      "incremental_strategy='interval' needs `event_time` (a column) and `batch_size` (hour, day or month)"
    ) %}
  {% endif %}
  {% do return(replace_rows_sql(arg_dict, in_interval(event_time, unit))) %}
{% endmacro %}


{#
  dbt-postgres runs microbatch models as a MERGE on a `unique_key`, which dbt-duckdb refuses and which never
  deletes. With this, PostgreSQL replaces the batch as DuckDB does, and one model serves both.
#}
{% macro postgres__get_incremental_microbatch_sql(arg_dict) %}
  {% set event_time = config.get('event_time') %}
  {% set batch %}
    {{ event_time }} >= '{{ model.batch.event_time_start }}' and {{ event_time }} < '{{ model.batch.event_time_end }}'
  {% endset %}
  {% do return(replace_rows_sql(arg_dict, batch)) %}
{% endmacro %}


{% macro replace_rows_sql(arg_dict, predicate) %}
  {% set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) %}

  delete from {{ arg_dict['target_relation'] }}
  where {{ predicate }};

  insert into {{ arg_dict['target_relation'] }} ({{ columns }})
  select {{ columns }}
  from {{ arg_dict['temp_relation'] }};
{% endmacro %}
