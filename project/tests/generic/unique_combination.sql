{# No two rows agree in all of `columns`, and none of these is null: together they are the model's key. #}
{% test unique_combination(model, columns) %}

select
    {{ columns | join(', ') }},
    count(*) as occurrences
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
    {% for column in columns %} or {{ column }} is null {% endfor %}

{% endtest %}
