"""A worker process that exists in memory alone, and a clock that is turned by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlorch.domain.errors import ExecutionError
from sqlorch.executors.messages import Hello, Message, Ready, ToWorker

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class HandClock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class FakeChild:
    """Says what a test puts into ``says``; notes what it hears."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.heard: list[ToWorker] = []
        self.says: list[Message] = []
        self.code: int | None = None
        self.deaf = False
        self.nonsense = False
        self.hung_up = False

    def fileno(self) -> int:
        return -1

    def send(self, message: ToWorker) -> bool:
        if self.deaf or self.code is not None:
            return False
        self.heard.append(message)
        return True

    def receive(self) -> list[Message]:
        if self.nonsense:
            raise ExecutionError("not a message of the worker protocol: b'oops'")
        said, self.says = self.says, []
        return said

    def exit_code(self) -> int | None:
        return self.code

    def hang_up(self) -> None:
        self.hung_up = True

    def kill(self) -> None:
        self.code = -9

    def dispose(self) -> str:
        return "its last words"

    def hello(self) -> None:
        self.says.append(Hello(host="here", boot_id="b", pid=self.pid, started=7, version="0"))

    def ready(self) -> None:
        self.hello()
        self.says.append(Ready(seconds=1.0, nodes=3))


class Nursery:
    """Makes children, and keeps them for a test to look at."""

    def __init__(self) -> None:
        self.children: list[FakeChild] = []

    def __call__(self) -> FakeChild:
        self.children.append(FakeChild(pid=100 + len(self.children)))
        return self.children[-1]
