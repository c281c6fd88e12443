"""The name of a group that a model's schedule makes without naming it."""

from __future__ import annotations

import hashlib
import re

from sqlorch.domain.group import ScheduleKeys

_LONGEST = 64
_DIGEST = 8
_FIELD = re.compile(r"\*/(\d+)\Z")


def implicit_name(keys: ScheduleKeys, default_zone: str) -> str:
    """Name a group by its schedule, and by its zone where that is not the usual one.

    ``@daily`` gives ``daily``; ``0 6 * * 1-5`` gives ``cron_0_6_x_x_1-5``; ``*/15 * * * *`` gives
    ``cron_every15_x_x_x_x``; ``every: 6h`` gives ``every_6h``; in another zone ``daily_Europe-Berlin``.
    Always a valid group name; a name that would be too long is cut and ends in a digest of the whole.
    """
    parts = [_cron(cron) for cron in keys.schedule or ()] or [f"every_{_plain(keys.every or '')}"]
    if keys.timezone and keys.timezone != default_zone:
        parts.append(_plain(keys.timezone))
    name = "_".join(parts)
    if len(name) > _LONGEST:
        digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
        name = f"{name[: _LONGEST - _DIGEST - 1]}-{digest}"
    return name


def _cron(expression: str) -> str:
    text = " ".join(expression.split()).lower()
    if text.startswith("@"):
        return _plain(text[1:])
    return "cron_" + "_".join(_field(field) for field in text.split(" "))


def _field(field: str) -> str:
    every = _FIELD.match(field)
    if every:
        return f"every{every[1]}"
    spelled = field.replace("*", "x").replace(",", "and").replace("/", "by").replace("#", "nth")
    return _plain(spelled)


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", text.replace("+", "plus"))
