"""``modules`` of a template: datetime, pytz, re, itertools; with a still clock and no endless iterator."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from sqlorch.lineage.jinja.limits import Budget
from sqlorch.lineage.jinja.state import State

_ITERTOOLS = (
    "count",
    "cycle",
    "repeat",
    "accumulate",
    "chain",
    "compress",
    "islice",
    "starmap",
    "tee",
    "zip_longest",
    "product",
    "permutations",
    "combinations",
    "combinations_with_replacement",
)


class _Zone(ZoneInfo):
    """A time zone with pytz's method for attaching itself."""

    def localize(self, moment: datetime, **_kwargs: Any) -> datetime:
        """Return the moment in this zone."""
        return moment.replace(tzinfo=self)

    def normalize(self, moment: datetime, **_kwargs: Any) -> datetime:
        """Return the moment in this zone."""
        return moment.astimezone(self)


def make_modules(state: State, budget: Budget) -> dict[str, Any]:
    """Build ``modules``; asking for the time is noted in the capture."""
    return {
        "datetime": _clock_module(state),
        "pytz": {"timezone": _Zone, "utc": _Zone("UTC"), "UTC": _Zone("UTC")},
        "re": {name: getattr(re, name) for name in re.__all__},
        "itertools": {name: _drained(getattr(itertools, name), budget) for name in _ITERTOOLS},
    }


def _drained(func: Callable[..., Any], budget: Budget) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> list[Any]:
        return budget.drain(func(*args, **kwargs))

    return call


def _clock_module(state: State) -> dict[str, Any]:
    class StillDatetime(datetime):
        """A datetime whose now is the beginning of today."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override] # plain moments will do
            moment = state.clock()
            return moment.astimezone(tz) if tz else moment.replace(tzinfo=None)

        @classmethod
        def utcnow(cls) -> datetime:  # type: ignore[override] # as above
            return state.clock().replace(tzinfo=None)

        @classmethod
        def today(cls) -> datetime:  # type: ignore[override] # as above
            return state.clock().replace(tzinfo=None)

    class StillDate(date):
        """A date whose today is the day the project is loaded."""

        @classmethod
        def today(cls) -> date:  # type: ignore[override] # as above
            return state.clock().date()

    return {
        "datetime": StillDatetime,
        "date": StillDate,
        "time": time,
        "timedelta": timedelta,
        "tzinfo": tzinfo,
    }
