"""Ten simulated years of twenty schedules in each of eight zones, as a daemon would decide them.

Run it from a checkout: ``PYTHONPATH=tests python benchmarks/ten_years.py [YEARS]``. Every slot must begin
where the one before it ended, and none that was due may be missing; it says so and exits 1 otherwise.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from support.schedules import SCHEDULES, ZONES, check, decided, timetable

START = datetime(2016, 1, 1, 0, 0, tzinfo=UTC)


def steps(seed: int) -> Iterator[timedelta]:
    """How long a daemon is away between two looks: mostly minutes, sometimes a day."""
    rng = Random(seed)
    while True:
        yield timedelta(minutes=rng.choice([1, 5, 15, 60, 360, 360, 1440]))


def main(years: int) -> int:
    until = START.replace(year=START.year + years)
    began, slots, wrong = time.process_time(), 0, 0
    for number, schedule in enumerate(SCHEDULES):
        found = 0
        for place, zone in enumerate(ZONES):
            made = timetable(schedule, zone, START)
            try:
                found += check(decided(made, until, steps(100 * number + place)), made, until)
            except AssertionError as error:
                wrong += 1
                print(f"{schedule} in {zone}: {error}")
        slots += found
        print(f"{found:9} slots  {schedule}", flush=True)
    seconds = time.process_time() - began
    print(
        f"{years} years, {len(SCHEDULES)} schedules in {len(ZONES)} zones: {slots} slots, {wrong} wrong, ",
        end="",
    )
    print(f"{seconds:.0f} s of processor")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
