"""Prints a few numbers of the demo's metrics file, read as a dashboard reads it.

python project/show_numbers.py project/metrics.duckdb
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
from rich.console import Console
from rich.table import Table

_DAYS = 14

_PUNCTUALITY = f"""
    select
        flight_date as "day",
        sum(scheduled_flights) as "flights",
        format('{{:.1f}} %', 100 * sum(on_time_flights) / sum(scheduled_flights)) as "on time",
        sum(cancelled_flights) as "cancelled",
        format('{{:.1f}} min', sum(arrival_delay_minutes) / nullif(sum(arrived_flights), 0)) as "mean delay"
    from carrier_delays
    group by flight_date
    qualify row_number() over (order by flight_date desc) <= {_DAYS}
    order by flight_date
"""

# Early arrivals count against late ones, as in the mean.
_CARRIERS = """
    select
        airline_name as "carrier",
        sum(arrived_flights) as "arrivals",
        sum(arrival_delay_minutes) as "minutes",
        format('{:.1f} min', sum(arrival_delay_minutes) / nullif(sum(arrived_flights), 0)) as "mean delay"
    from carrier_delays
    group by airline_name
    order by "minutes" desc, airline_name
    limit 3
"""

_RUNS = """
    select
        group_name as "group",
        count(*) as "runs",
        count(*) filter (where state = 'success') as "ok",
        sum(nodes) as "nodes",
        format('{:.1f} s', sum(seconds)) as "time"
    from runs
    group by group_name
    order by min(created_at)
"""

_TABLES = (
    (f"Flights out of New York, by day (the last {_DAYS} days at most)", _PUNCTUALITY),
    ("The three carriers with the most minutes of delay on arrival", _CARRIERS),
    ("What sqlorch did, from its own table of runs", _RUNS),
)


def main(arguments: Sequence[str]) -> int:
    """Prints the tables; returns the exit code."""
    if len(arguments) != 1:
        return _fail("name the metrics file: python show_numbers.py metrics.duckdb")
    file = Path(arguments[0])
    if not file.is_file():
        return _fail(f"there is no {file}; make it with: sqlorch run --interval 2013-01-01/2013-01-08")
    try:
        with duckdb.connect(str(file), read_only=True) as metrics:
            tables = [(title, _table(metrics, query)) for title, query in _TABLES]
    except duckdb.Error as error:
        return _fail(f"{file} cannot be read as metrics of the demo: {str(error).strip().splitlines()[0]}")
    console = Console(highlight=False)
    for number, (title, table) in enumerate(tables):
        console.print(("\n" if number else "") + f"[bold]{title}[/]", soft_wrap=True)
        console.print(table)
    return 0


def _table(metrics: duckdb.DuckDBPyConnection, query: str) -> Table:
    answer = metrics.execute(query)
    table = Table(box=None, pad_edge=False)
    for number, (name, *_) in enumerate(answer.description or ()):
        table.add_column(name, justify="right" if number else "left", header_style="dim")
    for row in answer.fetchall():
        table.add_row(*(f"{value:,}" if isinstance(value, int) else str(value or "-") for value in row))
    return table


def _fail(sentence: str) -> int:
    sys.stderr.write(f"Error: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
