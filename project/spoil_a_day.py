"""Spoils one day of the demo's data as suppliers do, and puts it right again. Do it in a copy of the project.

python spoil_a_day.py data 2013-01-05    # delays as text, flights twice, an hour without weather
python spoil_a_day.py data weather       # the file of the weather is sent once more, now right
python spoil_a_day.py data flights       # that of the flights
"""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

_USAGE = "python spoil_a_day.py FOLDER DAY, or FOLDER weather, or FOLDER flights"
_DAY = "cast(time_hour at time zone 'America/New_York' as date)"

# Every twentieth flight of the day says "n/a" for its delay, which turns the column of the whole file into
# text; one in forty is there twice.
_FLIGHTS = f"""
    with numbered as (
        select
            *,
            row_number() over (partition by {_DAY} order by time_hour, carrier, flight, origin) as number
        from read_parquet($kept)
    ),
    spoilt as (
        select
            * exclude (number)
            replace (
                case when {_DAY} = $day and number % 20 = 0 then 'n/a' else cast(dep_delay as varchar) end
                as dep_delay
            ),
            {_DAY} = $day and number % 40 = 1 as is_twice
        from numbered
    )
    select * exclude (is_twice) from spoilt
    union all
    select * exclude (is_twice) from spoilt where is_twice
"""
# What the three stations measured between noon and one o'clock never arrived.
_WEATHER = f"""
    select * from read_parquet($kept)
    where not ({_DAY} = $day and extract(hour from time_hour at time zone 'America/New_York') = 12)
"""
_FILES = {"flights": _FLIGHTS, "weather": _WEATHER}


def main(arguments: Sequence[str]) -> int:
    """Spoils or repairs; returns the exit code."""
    if len(arguments) != 2:  # noqa: PLR2004 - a folder and a day
        return _fail(_USAGE)
    folder, what = Path(arguments[0]), arguments[1]
    missing = [file for name in _FILES if not (file := folder / f"{name}.parquet").is_file()]
    if missing:
        return _fail(f"there is no {missing[0]}; {_USAGE}")
    if what in _FILES:
        return _repair(folder / f"{what}.parquet")
    try:
        day = date.fromisoformat(what)
    except ValueError:
        return _fail(f"{what} is no day; {_USAGE}")
    for name, query in _FILES.items():
        _spoil(folder / f"{name}.parquet", query, day)
    sys.stdout.write(f"{folder}: {day} is spoilt: delays as text, flights twice, an hour without weather\n")
    return 0


def _spoil(file: Path, query: str, day: date) -> None:
    if not _kept(file).exists():
        file.rename(_kept(file))
    new = file.with_name(f"{file.name}.new")
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        rows = connection.sql(query, params={"kept": str(_kept(file)), "day": day})
        rows.write_parquet(str(new), compression="zstd")
    new.replace(file)


def _repair(file: Path) -> int:
    if not _kept(file).exists():
        return _fail(f"{file} is not spoilt")
    _kept(file).replace(file)
    sys.stdout.write(f"{file} is as it was\n")
    return 0


def _kept(file: Path) -> Path:
    return file.with_name(f"{file.name}.good")


def _fail(sentence: str) -> int:
    sys.stderr.write(f"Error: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
