"""Between a client and a PostgreSQL server: a network that can lose what it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path


class Proxy:
    """Forwards connections to a socket; see the attributes for how it fails.

    Attributes:
        folder: where clients connect to, as ``host`` of a connection.
        half_open: what a client that is gone leaves behind stays open at the server, as behind a firewall
            that forgets connections.
        cut_after: called with what a client sends; where it says so, that is passed on and the client never
            hears the answer.
    """

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self.half_open = False
        self.cut_after: Callable[[bytes], bool] = lambda _sent: False
        self._server = server
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / server.name))
        self._listening.listen(64)
        self._kept: list[socket.socket] = []
        self._clients: list[socket.socket] = []

    def serve(self) -> None:
        """Accept until closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                self._kept.append(server)
                self._clients.append(client)
                try:
                    server.connect(str(self._server))
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=self._send, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(client, server), daemon=True).start()

    def _send(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while sent := client.recv(65_536):
                cut = self.cut_after(sent)
                if cut:
                    client.shutdown(socket.SHUT_RDWR)
                server.sendall(sent)
                if cut:
                    break
        if not self.half_open:
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65_536):
                client.sendall(said)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def cut_clients(self) -> None:
        """Break every connection as clients see it."""
        clients, self._clients = self._clients, []
        for client in clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End all of it."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for kept in self._kept:
            kept.close()


@contextmanager
def proxied(folder: Path, server: Path) -> Iterator[Proxy]:
    """A proxy of a server's socket that listens in a folder with a short path."""
    with ExitStack() as stack:
        proxy = Proxy(folder, server)
        stack.callback(proxy.close)
        threading.Thread(target=proxy.serve, daemon=True).start()
        yield proxy
