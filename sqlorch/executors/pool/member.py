"""One worker as the driving process sees it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from queue import SimpleQueue

from sqlorch.executors.pool.wire import Wire
from sqlorch.executors.pool.words import Cancel, Done
from sqlorch.executors.pool.zygote import UNKILLABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a worker is replaced. Times in seconds, memory in bytes.

    Attributes:
        nodes: after so many: dbt's caches only ever grow.
        growth: when it holds so much more than when it was started.
        silence: without a sign of life for so long it is taken for stuck and killed.
        heed: how long a node may take to stop when it is cancelled, before its process is killed.
    """

    nodes: int = 5_000
    growth: int = 256 * 1024 * 1024
    silence: float = 60.0
    heed: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """The worker that executed a node is dead; ``reason`` is for people."""

    reason: str


@dataclass(slots=True, kw_only=True)
class Asked:
    """A node given to a worker; the answer arrives once.

    Attributes:
        unique_id: the node.
        answer: receives a Done or a Gone.
        cancelled: monotonic seconds of the first cancel, None while there was none.
    """

    unique_id: str
    answer: SimpleQueue[Done | Gone] = field(default_factory=SimpleQueue)
    cancelled: float | None = None


@dataclass(slots=True, kw_only=True)
class Member:
    """A worker. Its fields are guarded by the lock of the pool.

    Attributes:
        number: from 1; a replacement gets the number of whom it replaces.
        pid: its process.
        wire: to it.
        room: how many nodes it executes at once.
        asked: what it is executing, by ticket.
        opened: how often it was told to open a run; the pool compares this with its own count.
        told: how many changes of the run it has been told.
        heard: monotonic seconds of its last sign of life.
        nodes: given to it since it was started.
        resident, baseline: bytes of memory now, and when it first said.
        doomed: why it is being killed, ``""`` while it is not.
        sending: held while an order is put together and sent, so that they arrive in the order of the changes
            they tell of.
    """

    number: int
    pid: int
    wire: Wire
    room: int
    heard: float
    asked: dict[int, Asked] = field(default_factory=dict)
    opened: int = 0
    told: int = 0
    nodes: int = 0
    resident: int = 0
    baseline: int = 0
    doomed: str = ""
    sending: threading.Lock = field(default_factory=threading.Lock)

    @property
    def free(self) -> int:
        """How many more nodes it can take now."""
        return 0 if self.doomed else self.room - len(self.asked)

    def worn(self, limits: Limits) -> bool:
        """Whether another should take its place."""
        grown = bool(self.baseline) and self.resident > self.baseline + limits.growth
        return grown or self.nodes >= limits.nodes

    def stuck(self, limits: Limits, now: float) -> str:
        """Why it must be killed, ``""`` when it need not."""
        if self.doomed:
            return ""
        if now - self.heard > limits.silence:
            return f"it gave no sign of life for {limits.silence:g} s"
        for asked in self.asked.values():
            if asked.cancelled is not None and now - asked.cancelled > limits.heed:
                return f"{asked.unique_id} did not stop within {limits.heed:g} s"
        return ""

    def cancel(self, unique_ids: Collection[str] | None) -> None:
        """Have these nodes stopped, as far as they are here."""
        mine = [a for a in self.asked.values() if unique_ids is None or a.unique_id in unique_ids]
        if not mine:
            return
        now = time.monotonic()
        for asked in mine:
            asked.cancelled = asked.cancelled or now
        self.wire.send(Cancel(unique_ids=[asked.unique_id for asked in mine]), patient=False)

    def expect(self, ticket: int, unique_id: str) -> Asked:
        """A node will be sent to it."""
        asked = self.asked[ticket] = Asked(unique_id=unique_id)
        self.nodes += 1
        return asked

    def signal_death(self) -> None:
        """Kill it without waiting."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def how_it_ended(status: int) -> str:
    """A wait status in words."""
    if status == UNKILLABLE:
        return "the system does not let go of it"
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit code {code}"
