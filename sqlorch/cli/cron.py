"""``sqlorch cron``: what a schedule does, fire by fire."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from datetime import timedelta

    from sqlorch.domain.explain import Explanation
    from sqlorch.domain.timetable import Timetable


@click.command()
@click.argument("schedule", nargs=-1, required=True)
@click.option("--timezone", "-z", default="UTC", show_default=True, help="IANA name, as America/New_York.")
@click.option("--after", help="Local date or time to look from; now by default.")
@click.option(
    "--count", "-n", type=click.IntRange(1, 1000), default=5, show_default=True, help="Fires to show."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of a table.")
def cron(schedule: tuple[str, ...], timezone: str, after: str | None, count: int, *, as_json: bool) -> None:
    """Explain a SCHEDULE: when it fires next, and what may surprise.

    A schedule is five cron fields in quotes, or @hourly, @daily, @weekly, @monthly, @quarterly, @yearly.
    Several schedules make one that fires whenever any of them does.

    Example: sqlorch cron '30 2 * * *' --timezone America/New_York --after 2026-03-06T12:00
    """
    # croniter and the zone data would slow every other command down
    from sqlorch.domain.explain import explain  # noqa: PLC0415 - see above
    from sqlorch.domain.periods import parse_instant  # noqa: PLC0415 - see above
    from sqlorch.domain.timetable import make_timetable  # noqa: PLC0415 - see above

    timetable = make_timetable(schedule=schedule, timezone=timezone)
    since = datetime.now(UTC) if after is None else parse_instant(after, timezone)
    explanation = explain(timetable, since, count)
    click.echo(_as_json(explanation) if as_json else _as_table(explanation, timetable))


def _as_json(explanation: Explanation) -> str:
    fires = [fire.isoformat() for fire in explanation.fires]
    return json.dumps({"fires": fires, "warnings": list(explanation.warnings)}, indent=2)


def _as_table(explanation: Explanation, timetable: Timetable) -> str:
    rows = [(f"fires ({timetable.timezone})", "UTC", "until the next")]
    for fire, length in zip(explanation.fires, explanation.lengths, strict=True):
        local = fire.astimezone(timetable.zone)
        rows.append((f"{local:%a} {_minute(local)} {_offset(local)}", _minute(fire), _length(length)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["   ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    notes = [f"note: {said}" for said in explanation.warnings]
    return "\n".join([*lines, "", *notes] if notes else lines)


def _minute(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M")


def _offset(moment: datetime) -> str:
    return moment.isoformat()[19:]


def _length(length: timedelta | None) -> str:
    if length is None:
        return "-"
    minutes = int(length.total_seconds()) // 60
    parts = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or f"{length.total_seconds():g} s"
