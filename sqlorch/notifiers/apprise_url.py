"""Messages to any service Apprise knows: mail, Slack, Teams, Telegram, webhooks ... by URL."""

from __future__ import annotations

import logging
from typing import Any

from sqlorch.domain.alert_message import Message
from sqlorch.domain.errors import ConfigError, IntegrationError
from sqlorch.domain.masking import Masker
from sqlorch.notifiers.apprise_log import Complaints

_CONNECT = 10.0  # seconds; unless the URL says otherwise (?cto=, ?rto=)
_READ = 10.0
_LOGGER = "apprise"


class AppriseUrl:
    """A :class:`sqlorch.engine.alert_ports.Notifier`.

    Redirects are not followed: a receiver must not be able to send us on to an address of its choice inside
    the network.

    Args:
        url: as Apprise reads it (https://appriseit.com/services).

    Raises:
        ConfigError: Apprise is not installed, or cannot read the URL.
    """

    def __init__(self, url: str) -> None:
        try:
            import apprise  # noqa: PLC0415 - an extra, and heavy
        except ImportError as error:
            raise ConfigError(
                "alerts are sent by Apprise, which is not installed: pip install 'sqlorch[alerts]'"
            ) from error
        logging.getLogger(_LOGGER).propagate = False  # what it complains of may hold the URL
        asset = apprise.AppriseAsset(app_id="sqlorch", app_desc="sqlorch", http_redirects=False, app_url="")
        plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if plugin is None:
            scheme = url.partition("://")[0]
            raise ConfigError(
                f"Apprise cannot read the URL, which begins with {scheme}://; "
                "https://appriseit.com/services says how it is written"
            )
        self._apprise = apprise
        self._plugin: Any = plugin
        self._mask = Masker([url, *_parts(plugin)])
        _limit(plugin, apprise)

    def send(self, message: Message) -> None:
        """See the port."""
        formats = self._apprise.NotifyFormat
        as_html = self._plugin.notify_format == formats.HTML
        with Complaints(logging.getLogger(_LOGGER)) as complaints:
            taken = self._plugin.notify(
                title=message.title,
                body=message.html if as_html else message.text,
                notify_type=self._apprise.NotifyType(message.weight.value),
                body_format=formats.HTML if as_html else formats.TEXT,
            )
        if not taken:
            said = self._mask(complaints.text) or "the receiver did not take it, and said no more"
            raise IntegrationError(said)


def _limit(plugin: Any, apprise: Any) -> None:
    """Bound waits that the URL leaves at Apprise's defaults; long messages are cut, not refused."""
    base = apprise.URLBase
    if plugin.socket_connect_timeout == base.socket_connect_timeout:
        plugin.socket_connect_timeout = _CONNECT
    if plugin.socket_read_timeout == base.socket_read_timeout:
        plugin.socket_read_timeout = _READ
    if plugin.overflow_mode == apprise.OverflowMode.UPSTREAM:
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE


def _parts(plugin: Any) -> list[str]:
    """Words of the URL that are secrets by themselves."""
    names = ("password", "token", "token_a", "token_b", "token_c", "access_token", "apikey", "webhook_token")
    return [str(value) for name in names if (value := getattr(plugin, name, None))]
