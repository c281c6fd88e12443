"""From the name of a sensor to what makes it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from sqlorch.engine.sensor_ports import Occasion, Sensor

GROUP = "sqlorch.sensors"


def sensor_factory(kind: str) -> Callable[[Occasion], Sensor]:
    """What makes the sensors of a kind.

    An entry point of the group ``sqlorch.sensors`` is named after the kind and leads to a callable that takes
    an :class:`~sqlorch.engine.sensor_ports.Occasion` and returns a
    :class:`~sqlorch.engine.sensor_ports.Sensor`. Nothing is imported but the one that is wanted.

    Raises:
        ConfigError: nobody, or more than one, provides the kind, or it cannot be imported.
    """
    # a distribution that is seen twice on the path (an editable install beside a copy) is still one claim
    found = list({point.value: point for point in entry_points(group=GROUP, name=kind)}.values())
    if not found:
        known = ", ".join(sorted(entry_points(group=GROUP).names)) or "none (is sqlorch installed?)"
        raise ConfigError(f"there is no sensor {kind!r}; known are: {known}")
    if len(found) > 1:
        claims = " and ".join(sorted(point.value for point in found))
        raise ConfigError(f"{claims} both provide the sensor {kind!r}; uninstall one")
    return _loaded(found[0])


def _loaded(point: EntryPoint) -> Callable[[Occasion], Sensor]:
    try:
        factory: Callable[[Occasion], Sensor] = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the sensor {point.name!r} ({point.value}) does not load ({error}); reinstall what provides it"
        ) from error
    return factory
