"""A project that holds, once each, every construct that misleads readers of dbt projects."""

from __future__ import annotations

PROBE: dict[str, str] = {
    "dbt_project.yml": """
        name: probe
        version: '1.0'
        profile: probe
        dispatch:
          - macro_namespace: tools
            search_order: [probe, tools]
        vars:
          chosen: stg_orders
          templated: "{{ ref('stg_customers') }}"
          probe:
            scoped: stg_orders
          tools:
            tool_source: orders
        on-run-end: ["{{ log('done') }}"]
        models:
          +meta: {team: core}
          probe:
            +tags: [all]
            staging:
              +materialized: table
              +tags: staged
            "off":
              +enabled: true
            switched_off:
              +enabled: false
            by_var:
              +enabled: "{{ var('from_command_line', false) }}"
            hooked:
              +post-hook: "insert into log select * from {{ ref('stg_orders') }}"
          tools:
            unwanted:
              +enabled: false
            +schema: tools
        seeds:
          probe:
            +schema: raw
            +quote_columns: true
        data_tests:
          +severity: warn
        snapshots:
          probe: {+tags: history}
        """,
    ".dbtignore": "models/ignored/\n*_scratch.sql\n",
    "models/ignored/ignored.sql": "select * from {{ ref('nowhere') }}",
    "models/some_scratch.sql": "select * from {{ ref('nowhere') }}",
    "models/.hidden.sql": "select * from {{ ref('nowhere') }}",
    # sources
    "models/sources.yml": """
        version: 2
        sources:
          - name: shop
            description: "{{ doc('shop') }}"
            database: lake
            schema: "{{ target.schema }}_raw"
            tags: [outside]
            meta: {owner: us}
            tables:
              - name: orders
                description: Orders as they arrive.
                identifier: orders_v2
                loaded_at_field: at
                tags: [orders]
                columns:
                  - name: id
                    tests: [not_null, unique]
                    tags: [key]
                  - name: status
                    data_tests:
                      - accepted_values: {arguments: {values: [a, b]}}
                tests:
                  - tools.at_least: {arguments: {column: id, least: 1}, config: {severity: error}}
              - name: gone
                config: {enabled: false}
              - name: quoted
                quoting: {identifier: false}
          - name: built
            schema: main_raw
            tables: [{name: countries}]
        """,
    "models/docs.md": "{% docs shop %}The **shop**.{% enddocs %}\n{% docs column_id %}The key{% enddocs %}",
    # staging: literals, comments, packages
    "models/staging/stg_orders.sql": """
        -- a reference in a comment counts: {{ ref('countries') }}
        select * from {{ source('shop', 'orders') }}
        """,
    "models/staging/stg_customers.sql": "{{ config(materialized='view', tags='mine') }} select 1 as id",
    "models/staging/from_package.sql": "select * from {{ ref('tools', 'tool_model') }}",
    "models/staging/from_ephemeral.sql": "select * from {{ ref('tools', 'tool_child') }}",
    "models/staging/depends_on.sql": "-- depends_on: {{ ref('stg_orders') }}\nselect 1",
    "models/staging/raw_block.sql": "{% raw %}{{ ref('nowhere') }}{% endraw %} select 1",
    "models/staging/jinja_comment.sql": "{# {{ ref('nowhere') }} #} select 1",
    # dynamic references
    "models/by_macro.sql": "select * from {{ the_orders() }}",
    "models/by_macro_with_name.sql": "select * from {{ named('stg_customers') }}",
    "models/by_package_macro.sql": "select * from {{ tools.tool_ref('stg_orders') }}",
    "models/by_variable.sql": "select * from {{ ref(var('chosen')) }}",
    "models/by_scoped_variable.sql": "select * from {{ ref(var('scoped')) }}",
    "models/by_templated_variable.sql": "select * from {{ var('templated') }}",
    "models/by_concat.sql": "{% set a = 'stg_' %}select * from {{ ref(a ~ 'orders') }}",
    "models/by_loop.sql": """
        {% for name in ['stg_orders', 'stg_customers'] %}
        select * from {{ ref(name) }} {{ 'union all' if not loop.last }}
        {% endfor %}
        """,
    "models/by_alias.sql": "{% set r = ref %}select * from {{ r('stg_orders') }}",
    "models/by_set_block.sql": "{% set q %}select * from {{ ref('stg_orders') }}{% endset %}{{ q }}",
    "models/by_namespace.sql": """
        {% set found = namespace(names=[]) %}
        {% for n in range(2) %}{% set found.names = found.names + ['stg_customers'] %}{% endfor %}
        {% do found.names.append('stg_orders') %}
        {% for name in found.names %}select * from {{ ref(name) }}; {% endfor %}
        """,
    "models/by_dispatch.sql": "select {{ tools.shaped('x') }} from {{ tools.pick() }}",
    "models/by_returned_list.sql": "{% for name in name_list() %}select * from {{ ref(name) }};{% endfor %}",
    "models/by_call_block.sql": "{% call wrapped() %}select * from {{ ref('stg_orders') }}{% endcall %}",
    # branches
    "models/branch_on_variable.sql": """
        {% if var('from_command_line', false) %}select * from {{ ref('stg_orders') }}
        {% else %}select * from {{ ref('stg_customers') }}{% endif %}
        """,
    "models/branch_on_incremental.sql": """
        {{ config(materialized='incremental', unique_key='id') }}
        select * from {{ ref('stg_orders') }}
        {% if is_incremental() %} join {{ ref('stg_customers') }} on true {% endif %}
        """,
    "models/branch_on_execute.sql": """
        {% if execute %}{{ ref('stg_customers') }}{% endif %}select * from {{ ref('stg_orders') }}
        """,
    "models/statement_block.sql": """
        {% call statement('s', fetch_result=true) %}select * from {{ ref('stg_customers') }}{% endcall %}
        {% set found = load_result('s') %}
        select * from {{ ref('stg_orders') }}
        """,
    "models/introspection.sql": """
        {% set columns = adapter.get_columns_in_relation(ref('stg_orders')) %}
        select {% for c in columns %}{{ c.name }}, {% endfor %} 1 from {{ ref('stg_orders') }}
        {% set rows = run_query('select 1') %}{% if execute %}{{ rows.columns[0] }}{% endif %}
        """,
    # hooks
    "models/inline_hook.sql": """
        {{ config(pre_hook="delete from {{ ref('stg_customers') }}", post_hook=["{{ after_hook() }}"]) }}
        select 1
        """,
    "models/hooked/project_hook.sql": "select 1 as one",
    # enabled
    "models/disabled_inline.sql": "{{ config(enabled=false) }} select * from {{ ref('nowhere') }}",
    "models/disabled_by_macro.sql": "{{ config(enabled=never()) }} select 1",
    "models/disabled_in_properties.sql": "select 1",
    "models/switched_off/disabled_in_project.sql": "select 1",
    "models/switched_off/enabled_after_all.sql": "{{ config(enabled=true) }} select 1",
    "models/by_var/disabled_by_command_line.sql": "select 1",
    "models/off/odd_folder.sql": "select * from {{ ref('stg_orders') }}",
    "models/blank.sql": "",
    # python
    "models/python_model.py": """
        def model(dbt, session):
            dbt.config(materialized="table", tags=["python"])
            frame = dbt.ref("stg_orders").join(dbt.source("shop", "orders"), "id")
            return frame.union(dbt.ref("versioned", v=1))
        """,
    # versions
    "models/versioned.sql": "select 2 as version, {{ ref('stg_orders').identifier }}",
    "models/versioned_v1.sql": "select 1 as version",
    "models/old_one.sql": "select 0 as version, * from {{ ref('versioned', v=1) }}",
    "models/uses_versions.sql": """
        select * from {{ ref('versioned') }} join {{ ref('versioned', version=1) }} on true
        join {{ ref('versioned', v=0) }} on true
        """,
    "models/properties.yml": """
        version: 2
        models:
          - name: versioned
            description: A model with versions.
            latest_version: 2
            access: public
            config: {tags: [versions], group: people}
            columns: [{name: version, tests: [not_null]}, {name: id}]
            tests: [unique: {column_name: version}]
            versions:
              - v: 2
                columns: [{include: all, exclude: [id]}]
              - v: 1
                config: {materialized: table, alias: versioned_one}
                tests: []
              - v: 0
                defined_in: old_one
                description: the first
          - name: stg_orders
            description: '{{ doc("column_id") }} of orders'
            config: {meta: {grain: order}, contract: {enforced: false}}
            columns:
              - name: id
                description: '{{ doc("column_id") }}'
                data_type: integer
                constraints: [{type: foreign_key, to: "ref('stg_customers')", to_columns: [id]}]
                tests:
                  - unique
                  - not_null:
                      config: {where: "id > {{ var('scoped') }}", tags: [fast]}
                  - relationships: {arguments: {to: "ref('stg_customers')", field: id}}
                  - dbt_utils_like
                  - tools.not_under: {arguments: {least: 3}, name: own_name}
              - name: status
                quote: true
                tags: [coded]
                tests:
                  - accepted_values:
                      arguments: {values: ['placed', 'shipped', 'completed', 'return_pending', 'returned']}
                      config: {severity: error}
            tests:
              - compares: {arguments: {other: "source('shop', 'orders')", names: [a, b], map: {x: 1, y: [2]}}}
              - looks_aside
              - disabled_test: {config: {enabled: false}}
              - test_name: unique
                column_name: "id || '-' || status"
          - name: disabled_in_properties
            config: {enabled: false}
            columns: [{name: one, tests: [unique]}]
          - name: not_there_at_all
            columns: [{name: one, tests: [unique]}]
          - name: tool_model
            description: described by another package
            config: {tags: [patched]}
        seeds:
          - name: countries
            config: {alias: countries}
            columns: [{name: code, tests: [unique]}]
        snapshots:
          - name: orders_by_yaml
            relation: ref('stg_orders')
            config: {unique_key: id, strategy: check, check_cols: all}
            columns: [{name: id, tests: [not_null]}]
          - name: source_by_yaml
            relation: source('shop', 'orders')
            config: {unique_key: id, strategy: timestamp, updated_at: at, schema: kept}
        analyses:
          - name: look
            description: a look
        data_tests:
          - name: singular
            description: singular and described
        exposures:
          - name: dashboard
            type: dashboard
            owner: {name: Ann, email: ann@example.com}
            tags: [boss]
            depends_on: [ref('by_macro'), "source('shop', 'orders')", "ref('versioned', v=1)"]
          - name: hidden
            type: notebook
            config: {enabled: false}
            owner: {email: bob@example.com}
            depends_on: [ref('by_macro')]
        groups:
          - name: people
            owner: {name: Ann}
        unit_tests:
          - name: counts
            model: by_loop
            given: [{input: ref('stg_orders'), rows: [{id: 1}]}, {input: ref('stg_customers'), rows: []}]
            expect: {rows: [{id: 1}]}
          - name: each_version
            model: versioned
            versions: {exclude: [0]}
            given: []
            expect: {rows: [{version: 1}]}
          - name: switched_off_test
            model: by_loop
            config: {enabled: false}
            given: []
            expect: {rows: []}
        """,
    # the other folders
    "seeds/countries.csv": "code,name\nDE,Germany\n",
    "snapshots/by_block.sql": """
        {% snapshot orders_by_block %}
        {{ config(target_schema='kept', unique_key='id', strategy='check', check_cols='all') }}
        select * from {{ ref('stg_orders') }}
        {% endsnapshot %}
        {% snapshot orders_by_block_too %}
        {{ config(unique_key='id', strategy='check', check_cols='all', tags=['own']) }}
        select * from {{ source('shop', 'orders') }}
        {% endsnapshot %}
        """,
    "analyses/look.sql": "select * from {{ ref('by_loop') }}",
    "tests/singular.sql": "{{ config(severity='error') }} select * from {{ ref('stg_orders') }} where id < 0",
    "tests/deeper/of_missing.sql": "select * from {{ ref('disabled_in_project') }}",
    "tests/generic/compares.sql": """
        {% test compares(model, other, names, map) %}select * from {{ model }} join {{ other }}{% endtest %}
        {% test looks_aside(model) %}select * from {{ model }} join {{ ref('by_loop') }}{% endtest %}
        {% test disabled_test(model) %}select 1{% endtest %}
        {% test dbt_utils_like(model, column_name) %}
          {{ return(adapter.dispatch('test_dbt_utils_like')(model, column_name)) }}
        {% endtest %}
        """,
    "macros/all.sql": """
        {% macro default__test_dbt_utils_like(model, column_name) %}
          select * from {{ model }} join {{ ref('stg_customers') }}
        {% endmacro %}
        {% macro the_orders() %}{{ ref('stg_orders') }}{% endmacro %}
        {% macro named(name) %}{{ return(ref(name)) }}{% endmacro %}
        {% macro never() %}{{ return(false) }}{% endmacro %}
        {% macro name_list() %}{% do return(['stg_orders', 'stg_customers']) %}{% endmacro %}
        {% macro wrapped() %}({{ caller() }}){% endmacro %}
        {% macro after_hook() %}analyze {{ ref('stg_orders') }}{% endmacro %}
        {% macro probe__unused(a: string, b: list[int] = [1]) %}{{ a }}{% endmacro %}
        {% macro default__pick() %}{{ ref('stg_customers') }}{% endmacro %}
        {% macro duckdb__shaped(x) %}{{ x }} /* duckdb */{% endmacro %}
        """,
    # a package
    "packages.yml": "packages: [{local: ../tools}]\n",
    "dbt_packages/tools/dbt_project.yml": """
        name: tools
        version: '1.0'
        models:
          tools:
            +materialized: ephemeral
            +tags: [package]
        vars:
          tool_source: nothing_by_default
          tools_only: 1
        """,
    "dbt_packages/tools/models/tool_model.sql": "select * from {{ source('tool', var('tool_source')) }}",
    "dbt_packages/tools/models/tool_child.sql": "select {{ var('tools_only') }} from {{ ref('tool_model') }}",
    "dbt_packages/tools/models/stg_orders.sql": "select 'a name the root has too' as note",
    "dbt_packages/tools/models/reads_the_root.sql": "select * from {{ ref('tools', 'stg_orders') }}",
    "dbt_packages/tools/models/unwanted/unwanted.sql": "select 1",
    "dbt_packages/tools/models/tools.yml": """
        version: 2
        sources:
          - name: tool
            schema: tool_schema
            tables: [{name: orders, columns: [{name: id, tests: [unique]}]}, {name: nothing_by_default}]
        models:
          - name: tool_child
            columns:
              - name: id
                tests:
                  - not_null
                  - not_under: {arguments: {least: 2}, config: {where: "id > {{ var('tools_only') }}"}}
        """,
    "models/overrides.yml": """
        version: 2
        sources:
          - name: tool
            overrides: tools
            database: elsewhere
            tables: [{name: orders, description: overridden}]
        """,
    "dbt_packages/tools/macros/tools.sql": """
        {% macro tool_ref(name) %}{{ ref(name) }}{% endmacro %}
        {% macro pick() %}{{ return(adapter.dispatch('pick', 'tools')()) }}{% endmacro %}
        {% macro default__pick() %}{{ ref('tool_model') }}{% endmacro %}
        {% macro shaped(x) %}{{ return(adapter.dispatch('shaped', 'tools')(x)) }}{% endmacro %}
        {% macro default__shaped(x) %}{{ ref('nowhere') }}{% endmacro %}
        {% test not_under(model, column_name, least) %}
          select * from {{ model }} where {{ column_name }} < {{ least }}
        {% endtest %}
        {% test at_least(model, column, least) %}
          select * from {{ model }} where {{ column }} < {{ least }}
        {% endtest %}
        """,
}
