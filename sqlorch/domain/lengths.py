"""Lengths of elapsed time as people write them in settings."""

from __future__ import annotations

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def spell_seconds(seconds: float) -> str:
    """``90`` as ``1m30s``, ``7200`` as ``2h``, ``0.5`` as ``0.5s``."""
    whole, parts = int(seconds), []
    for unit, size in _UNITS:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{unit}")
    rest = whole + seconds - int(seconds)
    if rest or not parts:
        parts.append(f"{rest:.3f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)
