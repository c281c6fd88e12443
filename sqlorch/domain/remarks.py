"""What an examination of the set-up has to say, and the rules it judges by that need nothing but figures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import zip_longest

from sqlorch.domain.lease import SKEW_REFUSED, SKEW_TOLD, say_skew

FULL = 100_000_000
"""Bytes: with less space than this nothing can be relied on to be written."""
SCARCE = 1_000_000_000
"""Bytes: with less space than this, or than :data:`SCARCE_SHARE` of the disk, somebody should look."""
SCARCE_SHARE = 0.05
_CLAUSE = re.compile(r"(>=|<=|==|!=|~=|<|>)\s*([0-9][0-9.]*)")


class Grade(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing that was looked at.

    Attributes:
        part: of the set-up: ``project``, ``schedules``, ``runs``, ``disk``, ``versions``, ``state``,
            ``clock`` or ``daemon``.
        grade: how bad it is.
        subject: what was looked at: a group, a file, a package; ``""`` for the part itself.
        message: what was found.
        advice: what to do about it, ``""`` where nothing is to be done.
    """

    part: str
    grade: Grade
    message: str
    subject: str = ""
    advice: str = ""


def judge_space(free: int, total: int) -> Grade:
    """How bad it is that so many bytes are free of so many."""
    if free < FULL:
        return Grade.ERROR
    return Grade.WARNING if free < SCARCE or free < SCARCE_SHARE * total else Grade.OK


def judge_skew(skew: timedelta | None) -> Remark:
    """What to say of how far this machine's clock is ahead of the state database's, None where unknown."""
    if skew is None:
        message = "the state database took too long to answer to tell whether the clocks agree"
        return Remark(part="clock", grade=Grade.NOTE, message=message)
    if abs(skew) <= SKEW_TOLD:
        message = f"within {SKEW_TOLD.total_seconds():.0f} s of the state database's"
        return Remark(part="clock", grade=Grade.OK, message=message)
    refused = abs(skew) > SKEW_REFUSED
    return Remark(
        part="clock",
        grade=Grade.ERROR if refused else Grade.WARNING,
        message=say_skew(skew) + ("; no daemon decides anything here" if refused else ""),
        advice="correct it, with NTP",
    )


def within(version: str, wanted: str) -> bool:
    """Whether a version is in a range such as ``>=1.10,<1.12``.

    The numbers decide: ``1.11.0rc1`` counts as 1.11.0. A clause of another kind than ``>= <= > < == !=``
    is not judged.
    """
    have = _numbers(version)
    return all(_fits(have, sign, _numbers(bound)) for sign, bound in _CLAUSE.findall(wanted))


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _fits(have: tuple[int, ...], sign: str, bound: tuple[int, ...]) -> bool:
    pairs = list(zip_longest(have, bound, fillvalue=0))
    mine, theirs = [one for one, _ in pairs], [other for _, other in pairs]
    answers = {
        ">=": mine >= theirs,
        "<=": mine <= theirs,
        ">": mine > theirs,
        "<": mine < theirs,
        "==": mine == theirs,
        "!=": mine != theirs,
    }
    return answers.get(sign, True)
