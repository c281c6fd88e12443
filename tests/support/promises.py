"""Promises in seconds, on machines that have other things to do as well."""

from __future__ import annotations

import os

_BUSY = 0.9  # who wants to run, for each processor
_AT_WORST = 20.0  # seconds


def within(seconds: float) -> float:
    """How long what is promised within so many seconds may take now.

    The promise is one of a machine that has a processor for us. Where more wants to run than there are
    processors, as where tests run side by side, everything takes so many times as long, and now and then much
    longer: the load is that of the last minute, and a process may start at its worst moment.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds if load < _BUSY else _AT_WORST + seconds * load
