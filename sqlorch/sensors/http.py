"""Waits for an address to answer as expected."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from sqlorch import __version__
from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.sensor import Look
from sqlorch.sensors.net import connected
from sqlorch.sensors.words import brief

if TYPE_CHECKING:
    import http.client

    from sqlorch.engine.sensor_ports import Occasion

MOST_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HOPS = 3
_LONGEST = 60  # characters of a value that is told
_HOST = 100  # likewise of a host
_STEP = re.compile(r"\[(?P<index>\d{1,6})\]|(?P<key>[^.\[\]]+)")
_MISSING = object()
_HEADERS = {"User-Agent": f"sqlorch/{__version__}", "Accept": "application/json, */*", "Connection": "close"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    location: str
    body: bytes


class HttpSensor:
    """True when a GET answers with one of the statuses expected, and its JSON holds the values expected."""

    def __init__(self, occasion: Occasion) -> None:
        self._url = occasion.target
        self._allow_hosts = occasion.allow_hosts
        self._statuses: list[int] = list(occasion.options.get("status") or [200])
        self._expected: Mapping[str, Any] = occasion.options.get("json") or {}

    def look(self) -> Look:
        """See :meth:`sqlorch.engine.sensor_ports.Sensor.look`."""
        answer = self._ask()
        if answer.status not in self._statuses:
            return Look(met=False, said=f"answered {answer.status}")
        return (
            self._judge(answer.body) if self._expected else Look(met=True, said=f"answered {answer.status}")
        )

    def _ask(self) -> _Answer:
        """The answer, after redirects within the host: anywhere else, its rules would be somebody else's."""
        parts = urlsplit(self._url)
        for _ in range(_HOPS + 1):
            answer = self._get(parts)
            if answer.status not in _REDIRECTS or answer.status in self._statuses or not answer.location:
                return answer
            target = urlsplit(urljoin(parts.geturl(), answer.location))
            if (target.scheme, target.netloc.lower()) != (parts.scheme, parts.netloc.lower()):
                raise IntegrationError(f"redirects to {_elsewhere(parts, target)}, which is not followed")
            parts = target
        raise IntegrationError(f"redirects more than {_HOPS} times")

    def _get(self, parts: SplitResult) -> _Answer:
        path = parts.path or "/"
        with connected(parts, self._allow_hosts) as connection:
            connection.request("GET", f"{path}?{parts.query}" if parts.query else path, headers=_HEADERS)
            response = connection.getresponse()
            body = self._body(response) if response.status in self._statuses and self._expected else b""
            return _Answer(status=response.status, location=response.getheader("Location") or "", body=body)

    @staticmethod
    def _body(response: http.client.HTTPResponse) -> bytes:
        body = response.read(MOST_BYTES + 1)
        if len(body) > MOST_BYTES:
            raise IntegrationError(f"its answer is longer than {MOST_BYTES // 1024} KB")
        return body

    def _judge(self, body: bytes) -> Look:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise IntegrationError("its answer is not JSON") from error
        for path, wanted in self._expected.items():
            found = _at(document, path)
            if found is _MISSING:
                return Look(met=False, said=f"its answer has no {path}")
            if not _same(found, wanted):
                return Look(met=False, said=f"{path} is {brief(json.dumps(found), _LONGEST)}")
        return Look(met=True, said="answered as expected")


def _elsewhere(parts: SplitResult, target: SplitResult) -> str:
    """What is another about where a redirect leads."""
    there = brief(target.netloc, _HOST)
    if target.hostname != parts.hostname:
        return f"another host, {there}"
    if target.scheme != parts.scheme:
        return f"another scheme, {brief(target.scheme, _HOST)}://{there}"
    return f"another port, {there}"


def _at(document: Any, path: str) -> Any:
    """What ``files[0].state`` leads to."""
    for step in _STEP.finditer(path):
        if step["index"] is not None:
            at = int(step["index"])
            document = document[at] if isinstance(document, list) and at < len(document) else _MISSING
        else:
            document = document.get(step["key"], _MISSING) if isinstance(document, dict) else _MISSING
    return document


def _same(found: Any, wanted: Any) -> bool:
    """Equality of JSON, where true is not 1."""
    return bool(found == wanted and isinstance(found, bool) == isinstance(wanted, bool))
