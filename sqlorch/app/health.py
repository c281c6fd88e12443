"""How the daemon is, over HTTP, for whoever keeps containers alive.

``/healthz`` says whether its loop turns, ``/readyz`` whether it schedules. Both answer with a JSON document:
200 for yes, 503 for no. It listens on loopback unless told otherwise, says nothing secret and takes nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sqlorch.domain.errors import ConfigError

Status = Callable[[], Mapping[str, Any]]
_TIMEOUT = 5.0  # seconds a client may take to ask
_FOR_EVER = 3600.0  # seconds between two looks whether to stop; the process ends without being asked
_QUESTIONS = {"/healthz": "alive", "/readyz": "ready"}


class Health:
    """An HTTP server in threads of its own.

    Args:
        address: ``host:port``; port 0 takes a free one.
        status: what to answer with; ``alive`` and ``ready`` in it decide the code. Called from other threads.

    Raises:
        ConfigError: the address cannot be used.
    """

    def __init__(self, address: str, status: Status) -> None:
        host, port = _parsed(address)
        try:
            self._server = ThreadingHTTPServer((host, port), _handler(status))
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"cannot listen on {address} for health checks: {getattr(error, 'strerror', None) or error}; "
                "choose another address with --health, or none with --health off"
            ) from error
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(_FOR_EVER,), daemon=True).start()

    def close(self) -> None:
        """Take no more questions."""
        self._server.server_close()


def _parsed(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdigit():
        raise ConfigError(f"--health {address}: give an address and a port, as in 127.0.0.1:8391, or off")
    return host.strip("[]") or "127.0.0.1", int(port)


def _handler(status: Status) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _TIMEOUT
        server_version = "sqlorch"
        sys_version = ""

        def do_GET(self) -> None:
            question = _QUESTIONS.get(self.path.partition("?")[0])
            document = dict(status()) if question else {"error": f"ask for {' or '.join(_QUESTIONS)}"}
            code = 404 if question is None else 200 if document[question] else 503
            self._answer(code, document)

        do_HEAD = do_GET  # noqa: N815 - likewise

        def _answer(self, code: int, document: Mapping[str, Any]) -> None:
            body = json.dumps(document, indent=2).encode() + b"\n"
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Every few seconds somebody asks; nobody wants to read that."""

    return Handler
