"""Lines out of a file descriptor, without blocking and without growing for ever."""

from __future__ import annotations

import os

from sqlorch.domain.errors import ExecutionError
from sqlorch.executors.messages import LONGEST

_CHUNK = 65_536


class LineReader:
    """Collects what arrives on a non-blocking descriptor.

    Args:
        descriptor: open for reading; stays the caller's.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._partial = b""
        self.ended = False

    def read(self) -> list[bytes]:
        """The whole lines that have arrived since; sets ``ended`` when the other side is gone.

        Raises:
            ExecutionError: a line is longer than any message.
        """
        lines: list[bytes] = []
        while not self.ended:
            try:
                chunk = os.read(self._descriptor, _CHUNK)
            except BlockingIOError:
                break
            self.ended = not chunk
            *whole, self._partial = (self._partial + chunk).split(b"\n")
            lines += whole
            if len(self._partial) > LONGEST:
                raise ExecutionError(f"a line of the worker is longer than {LONGEST} bytes")
        return [line for line in lines if line]
