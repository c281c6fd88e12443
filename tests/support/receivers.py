"""Receivers of alerts on loopback: a real SMTP server, and webhooks that behave as they are told."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Mailbox:
    """Mails that arrived; ``url`` is how Apprise sends there."""

    url: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    @staticmethod
    def body(mail: EmailMessage, kind: str) -> str:
        part = mail.get_body((kind,))
        assert part is not None
        return str(part.get_content())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """An SMTP server until the block ends."""
    box = Mailbox()
    loop = asyncio.new_event_loop()
    serving = threading.Thread(target=loop.run_forever, daemon=True)
    serving.start()

    async def listen() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(box, hostname="shop.example"), "127.0.0.1", 0)

    async def close(server: asyncio.Server) -> None:
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    port = server.sockets[0].getsockname()[1]
    box.url = f"mailto://127.0.0.1:{port}?from=sqlorch@shop.example&to=data@shop.example&mode=insecure"
    try:
        yield box
    finally:
        asyncio.run_coroutine_threadsafe(close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        serving.join(10)
        loop.close()


@dataclass
class Webhook:
    """Messages that were posted, as Apprise's ``json://`` sends them; set ``answer`` to misbehave."""

    url: str = ""
    posts: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    status: int = 200
    location: str = ""
    delay: float = 0.0
    on_post: Callable[[], None] | None = None

    @property
    def titles(self) -> list[str]:
        return [post["title"] for post in self.posts]


@contextmanager
def webhook(port: int = 0, path: str = "/hook") -> Iterator[Webhook]:
    """An HTTP server until the block ends."""
    hook = Webhook()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.asked += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if hook.on_post is not None:
                hook.on_post()
            if over.wait(hook.delay):
                return  # gone before it answered
            if hook.status < 300:
                hook.posts.append(json.loads(body))
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hook.url = f"json://127.0.0.1:{server.server_port}{path}"
    try:
        yield hook
    finally:
        over.set()
        server.shutdown()
        server.server_close()


def until(true: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.05)
    return found
