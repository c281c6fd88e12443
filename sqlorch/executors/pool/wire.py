"""Objects through a socket pair between a process and its own fork: framed, versioned, bounded."""

from __future__ import annotations

import pickle
import select
import socket
import struct
import threading
from typing import Any

from sqlorch.domain.errors import ExecutionError

VERSION = 1
LARGEST = 256 * 1024 * 1024  # bytes of a message; the relations of a very large warehouse take a tenth
_HEAD = struct.Struct("!BI")
_CHUNK = 262_144


class Wire:
    """One end of the pair. Any thread may send, one receives.

    Unpickling is safe here: the pair has no name, so what arrives was sent by our own fork.

    Args:
        end: a connected stream socket, which is this object's from now on.
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._turn = threading.Lock()
        self._buffer = bytearray()

    def fileno(self) -> int:
        """What to wait on."""
        return self._socket.fileno()

    def send(self, message: object, *, patient: bool = True) -> bool:
        """Send a message; False when nobody can receive it any more.

        Args:
            message: to send.
            patient: wait while the other side does not read; else False then, too.

        Raises:
            ExecutionError: it is larger than any message.
        """
        body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        if len(body) > LARGEST:
            raise ExecutionError(f"a message of {len(body)} bytes between sqlorch's processes is too large")
        if not self._turn.acquire(blocking=patient):
            return False
        try:
            if not patient and not select.select([], [self._socket], [], 0)[1]:
                return False
            self._socket.sendall(_HEAD.pack(VERSION, len(body)) + body)
        except (OSError, ValueError):  # ValueError: closed by ourselves meanwhile
            return False
        finally:
            self._turn.release()
        return True

    def readable(self, timeout: float) -> bool:
        """Whether something arrives within so many seconds; the end counts."""
        return bool(select.select([self._socket], [], [], timeout)[0])

    def receive(self) -> list[Any] | None:
        """The messages that are complete now, without waiting; None when the other side is gone.

        Raises:
            ExecutionError: what arrives is no message.
        """
        try:
            chunk = self._socket.recv(_CHUNK, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not chunk:
            return None
        self._buffer += chunk
        return self._complete()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _complete(self) -> list[Any]:
        messages: list[Any] = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            version, length = _HEAD.unpack_from(self._buffer, at)
            if version != VERSION or length > LARGEST:
                raise ExecutionError("what arrives from a worker process is no message")
            end = at + _HEAD.size + length
            if len(self._buffer) < end:
                break
            messages.append(pickle.loads(self._buffer[at + _HEAD.size : end]))  # noqa: S301 - see the class
            at = end
        del self._buffer[:at]
        return messages
