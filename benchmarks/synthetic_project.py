"""Write a synthetic dbt project of any size: layers, macros, variables, incremental models, tests, sources.

    python benchmarks/synthetic_project.py FOLDER [--models 10000] [--seed 7]

The same arguments write the same files.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

MACROS = """
{% macro money(column, scale=2) %}round({{ column }} / 100.0, {{ scale }}){% endmacro %}
{% macro from_ref(name) %}{{ ref(name) }}{% endmacro %}
{% macro newest(column) %}
  {%- if is_incremental() -%}where {{ column }} > (select max({{ column }}) from {{ this }}){%- endif -%}
{% endmacro %}
{% macro star_of(names) %}
  {%- for name in names -%}{{ name }}{% if not loop.last %}, {% endif %}{%- endfor -%}
{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ column_name }} <= 0{% endtest %}
"""

HEADS = (
    "{{ config(materialized='table') }}",
    "{{ config(materialized='view', tags=['daily']) }}",
    "{{ config(materialized='incremental', unique_key='id', meta={'owner': 'team'}) }}",
    "",
)


def model(rng: random.Random, index: int, layer: int, below: list[str]) -> str:
    parents = rng.sample(below, k=min(len(below), 1 + (index % 3)))
    lines = [HEADS[index % len(HEADS)], f"-- model {index}"]
    if layer == 0:
        lines.append(f"select id, amount, created_at from {{{{ source('raw', 't{index % 50}') }}}}")
        lines.append(
            "{% if var('limit_days', none) %}"
            "where created_at > current_date - {{ var('limit_days') }}{% endif %}"
        )
        return "\n".join(lines)
    ctes = []
    for number, parent in enumerate(parents):
        call = (
            f"{{{{ from_ref('{parent}') }}}}" if (index + number) % 5 == 0 else f"{{{{ ref('{parent}') }}}}"
        )
        ctes.append(
            f"p{number} as (\n  select {{{{ star_of(['id', 'amount', 'created_at']) }}}} from {call}\n)"
        )
    lines.append("with " + ",\n".join(ctes))
    lines.append("select p0.id, {{ money('p0.amount') }} as amount, p0.created_at from p0")
    lines += [f"left join p{number} on p{number}.id = p0.id" for number in range(1, len(parents))]
    lines.append("{{ newest('p0.created_at') }}")
    if index % 7 == 0:
        lines.append(
            "{% set kinds = ['a', 'b', 'c'] %}\n"
            "{% for kind in kinds %}-- {{ kind }} {{ loop.index }}\n{% endfor %}"
        )
    return "\n".join(lines)


def write(root: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    for folder in ("models", "macros"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "dbt_project.yml").write_text(
        "name: synthetic\nversion: '1.0'\nprofile: synthetic\n"
        "models:\n  synthetic:\n    layer_0: {+tags: [base]}\n"
    )
    (root / "profiles.yml").write_text(
        "synthetic:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: synthetic.duckdb}\n"
    )
    (root / "macros" / "all.sql").write_text(MACROS)
    tables = "\n".join(f"      - name: t{number}" for number in range(50))
    (root / "models" / "sources.yml").write_text(
        f"version: 2\nsources:\n  - name: raw\n    tables:\n{tables}\n"
    )
    layers: list[list[str]] = [[]]
    entries: list[str] = []
    for index in range(count):
        if len(layers[-1]) >= max(50, count // 20):
            layers.append([])
        layer = len(layers) - 1
        name = f"model_{index:05d}"
        folder = root / "models" / f"layer_{layer}" / f"group_{index % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.sql").write_text(model(rng, index, layer, layers[layer - 1] if layer else []))
        layers[-1].append(name)
        if index % 4 == 0:
            entries.append(
                f"  - name: {name}\n    description: number {index}\n    columns:\n"
                f"      - name: id\n        data_tests: [unique, not_null]\n      - name: amount\n"
                + ("        data_tests: [positive]\n" if index % 20 == 0 else "")
            )
        if len(entries) == 100 or index == count - 1:
            (root / "models" / f"properties_{index:05d}.yml").write_text(
                "version: 2\nmodels:\n" + "".join(entries) if entries else "version: 2\n"
            )
            entries = []


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    write(args.folder, args.models, args.seed)


if __name__ == "__main__":
    main()
