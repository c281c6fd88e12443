"""Promises in seconds, on machines that have other things to do as well."""

from __future__ import annotations

import os


def within(seconds: float) -> float:
    """How long what is promised within so many seconds may take now.

    The promise is one of a machine that has a processor for us. Where more wants to run than there are
    processors, as where tests run side by side, everything takes so many times as long.
    """
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
