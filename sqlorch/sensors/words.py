"""What may be told of what was found outside: without secrets, and in a sensor's few words."""

from __future__ import annotations

import os

from sqlorch.domain.masking import Masker, secrets_of


def masked(text: str) -> str:
    """``text`` as it may become part of a reason, which is stored, told and published."""
    return Masker(secrets_of(os.environ))(text)


def brief(text: str, longest: int) -> str:
    """Text from outside on one line, as it may be told.

    Args:
        text: anything: a driver's error, a server's answer, a value of a table.
        longest: so many characters are kept. Secrets go first, or the beginning of one would be left.
    """
    return " ".join(masked(text).split())[:longest]
