"""The worker's side of the conversation: its own descriptors, so that nothing printed can get in between."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from sqlorch.executors.lines import LineReader
from sqlorch.executors.messages import FromWorker, Message, decode, encode

_PR_SET_PDEATHSIG = 1  # prctl(2)


class Channel:
    """Messages to and from the daemon.

    Args:
        incoming, outgoing: descriptors of the two pipes, which are ours alone.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        os.set_blocking(incoming, False)
        self._incoming = incoming
        self._outgoing = outgoing
        self._turn = threading.Lock()
        self._reader = LineReader(incoming)
        self._bell = os.pipe()

    def send(self, message: FromWorker) -> None:
        """Tell the daemon; when there is none any more, the end of its input says so."""
        line = encode(message)
        with self._turn, suppress(OSError):
            while line:
                line = line[os.write(self._outgoing, line) :]

    def messages(self) -> Iterator[Message]:
        """What the daemon says, until it hangs up or :meth:`ring` is called; a later call goes on from there.

        Raises:
            ExecutionError: it says what no daemon says.
        """
        heard, _ = self._bell
        while not self._reader.ended:
            ready, _, _ = select.select([self._incoming, heard], [], [])
            if heard in ready:
                os.read(heard, 1)
                return
            for line in self._reader.read():
                yield decode(line)

    @property
    def ended(self) -> bool:
        """Whether the daemon has hung up."""
        return self._reader.ended

    def ring(self) -> None:
        """Have whoever waits for messages stop waiting; from another thread."""
        os.write(self._bell[1], b"\0")


def take_over_streams(keep: Sequence[int] = ()) -> Channel:
    """Move standard input and output out of everybody's reach, and make the daemon's death ours.

    Standard output becomes standard error, standard input becomes empty. Signals of the terminal do not get
    here (we lead a session of our own), so SIGINT and SIGTERM mean that somebody meant us.

    Args:
        keep: inherited descriptors; kept open until we end, and from our own children.
    """
    for descriptor in keep:
        os.set_inheritable(descriptor, False)
    incoming, outgoing = os.dup(0), os.dup(1)  # not inheritable
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    _end_with_parent()
    return Channel(incoming, outgoing)


def _end_with_parent() -> None:
    """On Linux have SIGTERM sent to us when the daemon dies; elsewhere the end of our input has to do.

    The daemon may have died before we asked, which a new parent shows.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)
