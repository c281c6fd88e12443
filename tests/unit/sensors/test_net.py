"""Where HTTP sensors may connect, and what they take for an answer. Loopback alone."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.promises import within
from support.web import Web, serving

from sqlorch.domain.errors import IntegrationError
from sqlorch.engine.sensor_ports import Occasion, Warehouse
from sqlorch.sensors import file as file_module
from sqlorch.sensors import net
from sqlorch.sensors.http import MOST_BYTES, HttpSensor
from sqlorch.sensors.net import resolve


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as made:
        yield made


@contextmanager
def no_warehouse() -> Iterator[Warehouse]:
    raise AssertionError("an address needs no warehouse")
    yield


def sensor(url: str, *, allow: list[str] | None = None, **options: Any) -> HttpSensor:
    allowed = ["127.0.0.1"] if allow is None else allow
    return HttpSensor(
        Occasion(target=url, options=options, project_dir=Path(), allow_hosts=allowed, warehouse=no_warehouse)
    )


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name mean these addresses; returns the names that were looked up."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host in addresses:
            return real(host, port, *rest, **more)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(net.socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0",  # noqa: S104 - one that must be refused
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "64:ff9b:1::a9fe:a9fe", "::7f00:1", "fec0::1", "5f00::1", "2001::1", "::ffff:0:7f00:1", "198.18.0.1",
    ],
)  # fmt: skip
def test_private_and_local_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names(monkeypatch, address)
    with pytest.raises(IntegrationError, match=r"is the private or local address .* add it to allow_hosts"):
        resolve("innocent.example.org", 443, [])


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1"])
def test_public_addresses_are_not(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    names(monkeypatch, address)
    assert resolve("example.org", 443, []) == address


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "93.184.215.14", "10.0.0.1")
    with pytest.raises(IntegrationError, match=r"10\.0\.0\.1"):
        resolve("example.org", 443, [])


@pytest.mark.parametrize("allow", [["intra.example.org"], ["10.0.0.0/8"], ["10.1.2.3/32"]])
def test_hosts_and_networks_can_be_allowed(monkeypatch: pytest.MonkeyPatch, allow: list[str]) -> None:
    names(monkeypatch, "10.1.2.3")
    assert resolve("Intra.Example.org.", 80, allow) == "10.1.2.3"
    with pytest.raises(IntegrationError):
        resolve("intra.example.org", 80, ["other.example.org", "10.9.0.0/16"])


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_ways_to_write_an_address_change_nothing(host: str, web: Web) -> None:
    with pytest.raises(IntegrationError, match=r"private or local|cannot be found"):
        sensor(f"http://{host}:{web.port}/", allow=[]).look()
    assert web.asked == []


def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch, web: Web
) -> None:
    asked = names(monkeypatch, "127.0.0.1")
    assert sensor(f"http://rebinding.example.org:{web.port}/a?b=1").look().met
    assert asked == ["rebinding.example.org"]
    assert web.asked == ["/a?b=1"]


def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(IntegrationError, match=r"the host a\.\.b cannot be found"):
        sensor("http://a..b/").look()


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch, web: Web) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert sensor(web.url).look().met


def test_other_hosts_are_not_redirected_to(web: Web) -> None:
    for location, said in (
        ("http://127.0.0.2/x", "another host, 127.0.0.2,"),
        (f"http://127.0.0.1:{web.port + 1}/", f"another port, 127.0.0.1:{web.port + 1},"),
        (f"https://127.0.0.1:{web.port}/", f"another scheme, {web.url.replace('http', 'https')},"),
        ("file:///etc/passwd", "another host"),
        ("//evil.example.org/", "another host, evil.example.org,"),
    ):
        web.status, web.headers = 302, {"Location": location}
        with pytest.raises(IntegrationError, match=f"redirects to {said}"):
            sensor(web.url).look()


def test_the_same_host_is_a_few_times(web: Web) -> None:
    web.status, web.headers = 302, {"Location": "/moved"}
    assert sensor(f"{web.url}/old").look().met
    assert web.asked == ["/old", "/moved"]
    web.headers = {"Location": "/again"}
    with pytest.raises(IntegrationError, match="redirects more than 3 times"):
        sensor(web.url).look()


def test_a_redirect_that_is_expected_is_not_followed(web: Web) -> None:
    web.status, web.headers = 302, {"Location": "http://evil.example.org/"}
    assert sensor(web.url, status=[302]).look().met


def test_statuses(web: Web) -> None:
    web.status = 503
    look = sensor(web.url).look()
    assert (look.met, look.said) == (False, "answered 503")
    assert sensor(web.url, status=[200, 503]).look().met


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ({"a.b": 1}, "answered as expected"),
        ({"files[1].state": "done", "ok": True}, "answered as expected"),
        ({"none": None}, "answered as expected"),
        ({"a.b": 2}, "a.b is 1"),
        ({"a.b": True}, "a.b is 1"),
        ({"a.c": 1}, "its answer has no a.c"),
        ({"files[2].state": "done"}, "its answer has no files[2].state"),
        ({"a.b.c": 1}, "its answer has no a.b.c"),
        ({"files": "x"}, 'files is [{"state": "new"}, {"state": "done"}]'),
    ],
)
def test_values_in_json(web: Web, expected: dict[str, Any], said: str) -> None:
    document = {"a": {"b": 1}, "files": [{"state": "new"}, {"state": "done"}], "ok": True, "none": None}
    web.body = json.dumps(document).encode()
    look = sensor(web.url, json=expected).look()
    assert (look.met, look.said) == (said == "answered as expected", said)


def test_an_answer_that_is_not_json_or_too_long(web: Web) -> None:
    for body, said in [
        (b"<html>", "is not JSON"),
        (b"[" * 20_000, "is not JSON"),
        (b'"' + b"x" * MOST_BYTES + b'"', "longer than 64 KB"),
    ]:
        web.body = body
        with pytest.raises(IntegrationError, match=said):
            sensor(web.url, json={"a": 1}).look()


def test_a_long_body_nobody_asked_for_is_not_read(web: Web) -> None:
    web.body = b"x" * (50 * MOST_BYTES)
    assert sensor(web.url).look().met


def test_one_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch, web: Web) -> None:
    monkeypatch.setattr(net, "SECONDS", 0.3)
    web.hold.clear()
    before = time.monotonic()
    with pytest.raises(IntegrationError, match="no answer within"):
        sensor(web.url).look()
    assert time.monotonic() - before < within(5)


def test_one_that_answers_a_byte_at_a_time_is_given_up_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(net, "SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200:
                        connection.sendall(bytes([byte]))
                        time.sleep(0.05)
                except OSError:
                    return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(IntegrationError, match="no answer within"):
            sensor(f"http://127.0.0.1:{listener.getsockname()[1]}/").look()
        thread.join(10)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(IntegrationError, match="cannot be reached: Connection refused"):
        sensor(f"http://127.0.0.1:{port}/").look()


def test_a_server_that_speaks_no_tls(web: Web) -> None:
    with pytest.raises(IntegrationError, match="cannot be reached"):
        sensor(web.url.replace("http:", "https:")).look()


def test_a_secret_is_masked_before_a_text_is_cut(monkeypatch: pytest.MonkeyPatch, web: Web) -> None:
    monkeypatch.setenv("DBT_ENV_SECRET_X", "hunter2-hunter2")
    web.body = json.dumps({"state": "x" * 50 + "hunter2-hunter2"}).encode()
    assert sensor(web.url, json={"state": 1}).look().said == f'state is "{"x" * 50}*****"'
    web.status, web.headers = 302, {"Location": f"http://{'h' * 92}.hunter2-hunter2/"}
    with pytest.raises(IntegrationError, match=r"hh\.\*{5},"):
        sensor(web.url).look()
    assert file_module._flat(ValueError("x" * 295 + "hunter2-hunter2")) == "x" * 295 + "*****"
    assert net._cause(ValueError("x" * 150 + " hunter2-hunter2")).endswith("x *****")
