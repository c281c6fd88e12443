"""When which group is next due: a heap, so that a tick costs nothing for groups that are not."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush


class Agenda:
    """Names and the instant each is next due; a name has one entry."""

    def __init__(self) -> None:
        self._due: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []

    def put(self, name: str, due: datetime | None) -> None:
        """Say when a group is next due; None takes it off."""
        if due is None:
            self._due.pop(name, None)
        elif self._due.get(name) != due:
            self._due[name] = due
            heappush(self._heap, (due, name))
            self._compact()

    def due(self, now: datetime) -> list[str]:
        """The groups due by ``now``, the longest due first; they stay until they are put anew."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            due, name = heappop(self._heap)
            if self._due.get(name) == due:
                found.append((due, name))
        for entry in found:
            heappush(self._heap, entry)
        return list(dict.fromkeys(name for _, name in found))

    def next(self) -> datetime | None:
        """The next instant at which some group is due."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._due) + 64:
            self._heap = [(due, name) for name, due in self._due.items()]
            heapify(self._heap)
