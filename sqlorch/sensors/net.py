"""One HTTP request that cannot be led astray (OWASP's rules against server-side request forgery).

The host is resolved once and the connection goes to exactly that address, so that a name cannot mean another
machine a moment later; private, local and otherwise special addresses are refused unless they are allowed.
No proxy of the environment is used, and the whole exchange has ten seconds.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult

from sqlorch.domain.errors import IntegrationError
from sqlorch.sensors.words import brief

SECONDS = 10.0
_LONGEST = 200  # characters of an error that are told
_Address = IPv4Address | IPv6Address
_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")


@contextmanager
def connected(parts: SplitResult, allow_hosts: Sequence[str]) -> Iterator[http.client.HTTPConnection]:
    """A connection to the host of a URL, for requests of ten seconds all together.

    Raises:
        IntegrationError: the host cannot be found, may not be reached, or does not answer in time.
    """
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connection = _Pinned(host, port, address=resolve(host, port, allow_hosts), secure=secure)
    watch = threading.Timer(SECONDS, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        yield connection
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = connection.was_cut or isinstance(error, TimeoutError)
        said = f"no answer within {SECONDS:g} s" if late else _cause(error)
        raise IntegrationError(said) from error
    finally:
        watch.cancel()
        connection.close()


def resolve(host: str, port: int, allow_hosts: Sequence[str]) -> str:
    """The address to connect to.

    Args:
        host: as in the URL.
        port: of the service.
        allow_hosts: hosts in lower case, addresses and networks that are allowed though private.

    Raises:
        IntegrationError: the host cannot be found, or an address of it may not be reached.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise IntegrationError(f"the host {host} cannot be found") from error
    addresses = [str(entry[4][0]) for entry in found]
    if host.lower().rstrip(".") not in allow_hosts:
        # all of them: who controls the name must not get a second throw
        for address in addresses:
            if not _may_reach(ip_address(address.partition("%")[0]), allow_hosts):
                raise IntegrationError(
                    f"{host} is the private or local address {address}; to allow that, add it to allow_hosts "
                    "under sensors: in sqlorch.yml"
                )
    return addresses[0]


def _may_reach(address: _Address, allow_hosts: Sequence[str]) -> bool:
    address = _inner(address)
    if address.is_global and not address.is_multicast and _is_given_out(address):
        return True
    return any(address in network for network in _networks(allow_hosts))


def _is_given_out(address: _Address) -> bool:
    """Whether it is of the space that the Internet's hosts get theirs from.

    The standard library's lists are those of its own age: a prefix that was reserved later, such as the one
    of local translations to IPv4 (RFC 8215), counts as global in older Pythons.
    """
    return isinstance(address, IPv4Address) or address in _UNICAST


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _networks(allow_hosts: Sequence[str]) -> Iterator[IPv4Network | IPv6Network]:
    for text in allow_hosts:
        with suppress(ValueError):  # a host's name
            yield ip_network(text)


class _Pinned(http.client.HTTPConnection):
    """Connects to one address, whatever the name means by then; TLS is for the name."""

    def __init__(self, host: str, port: int, *, address: str, secure: bool) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._address = address
        self._secure = secure
        self.was_cut = False

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), SECONDS)
        self.sock = plain
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self.host)

    def cut(self) -> None:
        """End it from another thread: what is being waited for fails at once."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    text = getattr(error, "strerror", None) or str(error)
    return f"cannot be reached: {brief(text, _LONGEST) or type(error).__name__}"
