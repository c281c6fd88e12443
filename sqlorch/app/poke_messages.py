"""What the daemon asks its looking children, and what they answer: JSON, one answer a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlorch.domain.freshness import freshness_from_json, freshness_to_json
from sqlorch.domain.interval import Interval
from sqlorch.domain.sensor import Look, spec_from_json, spec_to_json
from sqlorch.engine.sensor_ports import Poke

_LONGEST = 500


def encode_pokes(pokes: Sequence[Poke]) -> bytes:
    """The looks that are wanted, as one document."""
    return json.dumps([_out(poke) for poke in pokes]).encode()


def decode_pokes(text: bytes) -> list[Poke]:
    """What :func:`encode_pokes` wrote."""
    return [
        Poke(
            key=item["key"],
            spec=spec_from_json(item["spec"]),
            interval=Interval(*(datetime.fromisoformat(end) for end in item["interval"])),
            timezone=item["timezone"],
            variables=item["variables"],
        )
        for item in json.loads(text)
    ]


def encode_answer(key: str, look: Look) -> bytes:
    """One answer, with its line end."""
    said = "".join(char if char.isprintable() else "?" for char in look.said)[:_LONGEST]
    measured = [freshness_to_json(one) for one in look.measured]
    told = {"key": key, "met": look.met, "said": said, "failed": look.failed, "measured": measured}
    return json.dumps(told).encode() + b"\n"


def decode_answer(line: bytes) -> tuple[str, Look] | None:
    """The key and what was found; None for a line that is no answer."""
    try:
        data = json.loads(line)
        measured = tuple(freshness_from_json(one) for one in data["measured"])
        said = str(data["said"])[:_LONGEST]
        look = Look(met=bool(data["met"]), said=said, failed=bool(data["failed"]), measured=measured)
        return str(data["key"]), look
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _out(poke: Poke) -> Mapping[str, Any]:
    return {
        "key": poke.key,
        "spec": spec_to_json(poke.spec),
        "interval": [poke.interval.start.isoformat(), poke.interval.end.isoformat()],
        "timezone": poke.timezone,
        "variables": dict(poke.variables),
    }
