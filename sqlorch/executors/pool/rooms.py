"""How many workers there are, and how many nodes each of them executes at once."""

from __future__ import annotations


def rooms_for(threads: int, processes: int | None, *, processors: int) -> list[int]:
    """Share out threads among processes, so that there are as many connections as without processes.

    Args:
        threads: nodes executed at once, of the profile.
        processes: what was asked for, None for one a processor.
        processors: those this process may use.
    """
    wanted = processors if processes is None else processes
    count = max(1, min(wanted, threads))
    each, more = divmod(threads, count)
    return [each + (at < more) for at in range(count)]
