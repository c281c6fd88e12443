"""Column lineage of a made project: time by stage. Run it with `python benchmarks/column_lineage.py`.

The project has the shape of a medium dbt package: staging models that rename and cast, intermediate ones with
CTEs, joins, windows and unions, marts that aggregate. About 740 models and 9,200 columns by default. Times
are CPU seconds of this process; compare them only with figures taken on the same machine in the same sitting.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot.optimizer.qualify import qualify

from sqlorch.lineage.columns import Column, KnownColumns, Limits, ModelSql, SchemaOrigin, column_lineage
from sqlorch.lineage.columns.analysis import deep_stack
from sqlorch.lineage.columns.names import names_for
from sqlorch.lineage.columns.parsing import parse_query

if TYPE_CHECKING:
    from collections.abc import Callable

DIALECT = "duckdb"


def staging(number: int, width: int) -> str:
    casts = ",\n        ".join(f"cast(src.c{i} as varchar) as col_{i}" for i in range(2, width))
    return f"""
with source as (
    select * from "db"."raw"."src_{number}"
),
renamed as (
    select
        src.c0 as id,
        src.c1 as customer_id,
        {casts},
        cast(src.loaded_at as timestamp) as loaded_at
    from source as src
    where src.c0 is not null
)
select * from renamed
"""


def intermediate(left: str, right: str, width: int) -> str:
    picked = ",\n        ".join(f"coalesce(a.col_{i}, b.col_{i}) as col_{i}" for i in range(2, width))
    cases = ",\n        ".join(
        f"case when a.col_{i} = 'x' then b.id when a.col_{i} < 'c' then upper(a.col_{i}) end as flag_{i}"
        for i in range(2, 5)
    )
    return f"""
with a as (select * from "db"."main"."{left}"),
b as (select * from "db"."main"."{right}"),
joined as (
    select
        a.id,
        a.customer_id,
        {picked},
        {cases},
        greatest(a.loaded_at, b.loaded_at) as loaded_at,
        row_number() over (partition by a.id order by b.loaded_at desc) as rn
    from a
    left join b on a.id = b.id and a.customer_id = b.customer_id
),
deduplicated as (select * exclude (rn) from joined where rn = 1)
select * from deduplicated
union all
select * from deduplicated where customer_id is null
"""


def mart(parent: str, width: int) -> str:
    sums = ",\n    ".join(f"count(distinct col_{i}) as n_{i}" for i in range(2, width))
    return f"""
select
    customer_id,
    date_trunc('month', loaded_at) as month,
    {sums},
    max(loaded_at) as last_loaded_at
from "db"."main"."{parent}"
where loaded_at > (select min(loaded_at) from "db"."main"."{parent}")
group by 1, 2
"""


def project(models: int, width: int) -> tuple[list[ModelSql], dict[str, KnownColumns]]:
    """A third of each layer, and the columns of the sources."""
    third = models // 3
    names = [f"c{i}" for i in range(width)] + ["loaded_at"]
    known = {
        f"src_{n}": KnownColumns(columns=tuple(Column(name=c) for c in names), origin=SchemaOrigin.WAREHOUSE)
        for n in range(third)
    }
    made = [
        ModelSql(node=f"stg_{n}", sql=staging(n, width), relations={f'"db"."raw"."src_{n}"': f"src_{n}"})
        for n in range(third)
    ]
    for n in range(third):
        pair = f"stg_{n}", f"stg_{(n + 1) % third}"
        relations = {f'"db"."main"."{p}"': p for p in pair}
        made.append(ModelSql(node=f"int_{n}", sql=intermediate(*pair, width), relations=relations))
    for n in range(models - 2 * third):
        parent = f"int_{n % third}"
        relations = {f'"db"."main"."{parent}"': parent}
        made.append(ModelSql(node=f"mart_{n}", sql=mart(parent, width), relations=relations))
    return made, known


def timed(stage: str, work: Callable[[], Any]) -> Any:
    gc.collect()
    start, wall = time.process_time(), time.perf_counter()
    result = work()
    cpu, wall = time.process_time() - start, time.perf_counter() - wall
    print(f"  {stage:<42} {cpu:7.3f} s CPU {wall:7.3f} s wall")
    return result


class Memory(dict[str, Any]):
    put = dict.__setitem__


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=740)
    parser.add_argument("--width", type=int, default=11, help="columns of a source, less one")
    parser.add_argument("--qualify", action="store_true", help="also time sqlglot's own qualify, for scale")
    options = parser.parse_args()
    made, known = project(options.models, options.width)
    compiled = not str(sqlglot.parser.__file__).endswith(".py")
    size = sum(len(m.sql) for m in made)
    print(
        f"{len(made)} models, {size / 1e6:.2f} MB of SQL; sqlglot {sqlglot.__version__}, compiled: {compiled}"
    )
    limits, cache, names = Limits(), Memory(), names_for(DIALECT)
    with deep_stack():
        parsed = timed("parse alone", lambda: [parse_query(m.sql, names, limits) for m in made])
        if options.qualify:
            schema = {"db": {"raw": {n: {c.name: "" for c in k.columns} for n, k in known.items()}}}
            stage = [p for m, p in zip(made, parsed, strict=True) if m.node.startswith("stg_")]
            timed(
                f"sqlglot qualify, {len(stage)} staging models",
                lambda: [qualify(p, schema=schema, dialect=DIALECT) for p in stage],
            )
    lineage = timed(
        "cold: parse, read, index", lambda: column_lineage(made, known, dialect=DIALECT, cache=cache)
    )
    timed("warm: nothing changed", lambda: column_lineage(made, known, dialect=DIALECT, cache=cache))
    edited = ModelSql(node=made[0].node, sql=made[0].sql + "-- edited", relations=made[0].relations)
    again = [edited, *made[1:]]
    one = timed("warm: one model edited", lambda: column_lineage(again, known, dialect=DIALECT, cache=cache))
    edges = timed("all edges", lambda: list(lineage.edges()))
    timed("downstream of every source column", lambda: [
        lineage.downstream(n, c.name, indirect=True) for n, k in known.items() for c in k.columns
    ])  # fmt: skip
    coverage = lineage.coverage
    print(f"  {coverage.columns:,} columns, {coverage.columns_percent:.2f} % resolved; {len(edges):,} edges;")
    megabytes = len(json.dumps(cache)) / 1e6
    print(f"  {len(one.computed)} read again after the edit; cache {megabytes:.2f} MB as JSON")


if __name__ == "__main__":
    main()
