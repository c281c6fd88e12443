"""From the URL of a receiver to the notifier that sends to it."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from sqlorch.engine.alert_ports import Notifier

GROUP = "sqlorch.notifiers"
ANY_SCHEME = "apprise"
"""Sends to whatever no other notifier claims."""


def notifier_for(url: str) -> Notifier:
    """The notifier whose entry point carries the scheme of ``url``, else the one of Apprise.

    An entry point of the group ``sqlorch.notifiers`` is named after a URL scheme in lower case, and leads to
    a callable that takes the URL and returns a :class:`~sqlorch.engine.alert_ports.Notifier`.

    Raises:
        ConfigError: the URL has no scheme, more than one claims it, or what claims it does not load; the URL
            itself is never told.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or not scheme:
        raise ConfigError(
            "it is no URL of a receiver; one looks like mailto://user:password@host or slack://..."
        )
    found = _candidates(scheme.lower()) or _candidates(ANY_SCHEME)
    if not found:
        raise ConfigError(f"no notifier sends to {scheme}://; is sqlorch installed?")
    if len(found) > 1:
        claims = " and ".join(sorted(point.value for point in found))
        raise ConfigError(f"{claims} both claim {scheme}://; uninstall one")
    return _made(found[0], url)


def _candidates(scheme: str) -> list[EntryPoint]:
    points = entry_points(group=GROUP, name=scheme)
    # A distribution that is seen twice on the path (an editable install beside a copy) is still one claim.
    return list({point.value: point for point in points}.values())


def _made(point: EntryPoint, url: str) -> Notifier:
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the notifier {point.value} does not load ({error}); reinstall what provides it"
        ) from error
    notifier: Notifier = factory(url)
    return notifier
