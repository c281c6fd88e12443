"""A daemon started as a user starts it, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.projects import Project, environment

PATIENCE = 300.0  # seconds; generous, since a machine may have much else to do


def until(true: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


@dataclass
class Daemon:
    """``sqlorch daemon`` on a project; its log is one file over all its starts."""

    project: Project
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> list[dict[str, Any]]:
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.said if line["event"] == name]

    def until(self, name: str, count: int = 1) -> dict[str, Any]:
        found: list[dict[str, Any]] = until(
            lambda: len(self.events(name)) >= count and self.events(name), f"{name}: {self.log.read_text()}"
        )
        return found[-1]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def kill_with_workers(self) -> None:
        """As when a machine loses power: no worker has the time to notice that the daemon is gone."""
        workers = workers_of(self.project)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in workers:
                os.kill(pid, number)
            if number is signal.SIGSTOP:
                self.kill()

    def kill_worker(self) -> None:
        for pid in workers_of(self.project):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def running(project: Project, *arguments: str) -> Iterator[Daemon]:
    """Start one; it and its workers are gone at the end, whatever happens."""
    log = project.root / "daemon.log"
    with log.open("ab") as stream:
        command = [sys.executable, "-m", "sqlorch", *project.arguments("daemon", *arguments)]
        more = [] if "--health" in arguments else ["--health", "off"]
        process = subprocess.Popen(
            [*command, "--log-format", "json", *more], stderr=stream, env=environment()
        )
    try:
        yield Daemon(project=project, process=process, log=log)
    finally:
        process.kill()
        process.wait()
        for pid in workers_of(project):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def workers_of(project: Project) -> list[int]:
    """Process ids of the project's workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"_worker" in words and str(project.root).encode() in words:
                found.append(int(path.parent.name))
    return found
