"""Looks at sensors in short-lived children, so that the daemon stays small and waits for nothing.

A thread would do for a slow server, but nothing ends a thread that hangs in a dead file system; a child is
killed. There are two at most: one for files and addresses, one for the warehouse, whose looks import dbt and
wait for their turn where the warehouse is a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from sqlorch.app.poke_messages import decode_answer, encode_pokes
from sqlorch.domain.sensor import WAREHOUSE_KINDS, Look
from sqlorch.engine.sensor_ports import Poke

QUICK_SECONDS = 90.0
WAREHOUSE_SECONDS = 600.0
_BATCH = 32
_CHUNK = 1 << 16


class ChildPoker:
    """A :class:`sqlorch.engine.sensor_ports.Poker` that starts ``sqlorch _poke``.

    Args:
        options: the options that name the project, as on the daemon's command line.
        quick: seconds a child may take for files and addresses.
        warehouse: seconds a child may take for the warehouse.
    """

    def __init__(
        self, options: Sequence[str], *, quick: float = QUICK_SECONDS, warehouse: float = WAREHOUSE_SECONDS
    ) -> None:
        command = [sys.executable, "-m", "sqlorch", "_poke", *options]
        self._quick = _Lane(command, quick)
        self._warehouse = _Lane(command, warehouse)

    @property
    def busy(self) -> bool:
        """See the port."""
        return self._quick.busy or self._warehouse.busy

    def start(self, pokes: Sequence[Poke]) -> None:
        """See the port."""
        self._quick.add([poke for poke in pokes if poke.spec.kind not in WAREHOUSE_KINDS])
        self._warehouse.add([poke for poke in pokes if poke.spec.kind in WAREHOUSE_KINDS])

    def take(self) -> Mapping[str, Look]:
        """See the port."""
        return {**self._quick.take(), **self._warehouse.take()}

    def children(self) -> Iterator[IO[bytes]]:
        """What to wait on."""
        for lane in (self._quick, self._warehouse):
            if lane.output is not None:
                yield lane.output

    def close(self) -> None:
        """End the children; what they have not answered is asked again by the next daemon."""
        self._quick.close()
        self._warehouse.close()


class _Lane:
    """One child at a time, and what is to be looked at after it."""

    def __init__(self, command: Sequence[str], limit: float) -> None:
        self._command = [*command]
        self._limit = limit
        self._waiting: list[Poke] = []
        self._asked: dict[str, Poke] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as this object
        self._deadline = 0.0
        self._text = b""

    @property
    def busy(self) -> bool:
        return self._process is not None or bool(self._waiting)

    @property
    def output(self) -> IO[bytes] | None:
        return None if self._process is None else self._process.stdout

    def add(self, pokes: Sequence[Poke]) -> None:
        self._waiting += pokes
        self._launch()

    def take(self) -> dict[str, Look]:
        """Answers that are there; where the child has ended without, why."""
        if self._process is None:
            return {}
        ended = self._drained()
        found = dict(self._answers())
        late = time.monotonic() >= self._deadline
        if ended or late:
            code = self._end()
            said = f"no answer within {self._limit:g} s" if not ended else self._complaint(code)
            found |= {key: Look(met=False, said=said, failed=True) for key in self._asked}
            self._asked = {}
            self._launch()
        return found

    def close(self) -> None:
        self._waiting, self._asked = [], {}
        if self._process is not None:
            self._end()
        self._errors.close()

    def _launch(self) -> None:
        if self._process is not None or not self._waiting:
            return
        batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
        self._asked = {poke.key: poke for poke in batch}
        self._errors.seek(0)
        self._errors.truncate()
        with tempfile.TemporaryFile() as asked:
            asked.write(encode_pokes(batch))
            asked.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*self._command, "--seconds", f"{self._limit:g}"],
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        os.set_blocking(self._process.stdout.fileno(), False)
        self._text, self._deadline = b"", time.monotonic() + self._limit

    def _drained(self) -> bool:
        assert self._process is not None  # noqa: S101 - the caller has looked
        assert self._process.stdout is not None  # noqa: S101 - a pipe, as asked for
        while True:
            try:
                chunk = os.read(self._process.stdout.fileno(), _CHUNK)
            except BlockingIOError:
                return False
            if not chunk:
                return True
            self._text += chunk

    def _answers(self) -> Iterator[tuple[str, Look]]:
        *lines, self._text = self._text.split(b"\n")
        for line in lines:
            answer = decode_answer(line)
            if answer is not None and self._asked.pop(answer[0], None) is not None:
                yield answer

    def _end(self) -> int:
        assert self._process is not None  # noqa: S101 - the caller has looked
        self._process.kill()
        code = self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return code

    def _complaint(self, code: int) -> str:
        self._errors.seek(0)
        said = self._errors.read(_CHUNK).decode(errors="replace").strip().splitlines()
        return " ".join(said[-1:]).removeprefix("Error: ")[:300] or f"the look ended with code {code}"
