"""How values are written for people."""

from __future__ import annotations

from collections.abc import Mapping

SYMBOLS = {
    "success": "✓",
    "warn": "!",
    "failed": "✗",
    "upstream_failed": "·",
    "skipped": "·",
    "cancelled": "■",
}
STYLES = {
    "success": "green",
    "warn": "yellow",
    "failed": "bold red",
    "upstream_failed": "dim",
    "skipped": "dim",
    "cancelled": "magenta",
    "running": "cyan",
    "queued": "dim",
    "cancelling": "magenta",
}
_WORDS = {"upstream_failed": "not run"}
_MINUTE, _HOUR = 60, 3600


def seconds(value: float | None) -> str:
    """A duration: ``0.12 s``, ``12 s``, ``3 min 04 s``, ``2 h 05 min``."""
    if value is None:
        return "-"
    if value < 10:  # noqa: PLR2004 - below ten seconds hundredths are worth reading
        return f"{value:.2f} s"
    if value < _MINUTE:
        return f"{value:.0f} s"
    if value < _HOUR:
        return f"{int(value) // 60} min {int(value) % 60:02d} s"
    return f"{int(value) // 3600} h {int(value) % 3600 // 60:02d} min"


def state_word(state: str) -> str:
    """A state as one reads it."""
    return _WORDS.get(state, state.replace("_", " "))


def counts(by_state: Mapping[str, int], warnings: int = 0) -> str:
    """``31 ok, 2 failed, 5 not run``."""
    parts = [f"{by_state['success']} ok"] if by_state.get("success") else []
    if warnings:
        parts.append(f"{warnings} warned")
    parts += [f"{n} {state_word(state)}" for state, n in by_state.items() if n and state != "success"]
    return ", ".join(parts) or "nothing"


def number(count: int, thing: str) -> str:
    """``1 run``, ``2 runs``, ``1,024 runs``, ``3 saved queries``."""
    if count == 1:
        return f"{count:,} {thing}"
    return f"{count:,} {thing[:-1]}ies" if thing.endswith("ry") else f"{count:,} {thing}s"


def rows(value: int | None) -> str:
    """``842 rows``; nothing where the adapter does not say."""
    if value is None:
        return ""
    return number(value, "row")


def size(count: int) -> str:
    """Bytes as ``87 kB``."""
    return f"{max(1, round(count / 1000)):,} kB"
