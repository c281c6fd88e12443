"""From the name of a target file to the exporter that writes it."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from sqlorch.domain.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from sqlorch.engine.ports import Exporter

GROUP = "sqlorch.exporters"


def exporter_for(target: Path) -> Exporter:
    """The exporter whose entry point carries the suffix of ``target``.

    An entry point of the group ``sqlorch.exporters`` is named after a file suffix without its dot, in lower
    case, and leads to a callable that takes the path of the target and returns an
    :class:`~sqlorch.engine.ports.Exporter`. Nothing is imported but the one that is wanted.

    Raises:
        ConfigError: no exporter, or more than one, claims the suffix, or it cannot be imported.
    """
    found = _candidates(target.suffix.lower().removeprefix("."))
    if not found:
        raise ConfigError(
            f"cannot export to {target}: no exporter writes {_shown(target)}; "
            f"known suffixes: {', '.join(_known()) or 'none (is sqlorch installed?)'}"
        )
    if len(found) > 1:
        claims = " and ".join(sorted(point.value for point in found))
        raise ConfigError(f"cannot export to {target}: {claims} both claim {_shown(target)}; uninstall one")
    return _made(found[0], target)


def _candidates(suffix: str) -> list[EntryPoint]:
    points = entry_points(group=GROUP, name=suffix)
    # A distribution that is seen twice on the path (an editable install beside a copy) is still one claim.
    return list({point.value: point for point in points}.values())


def _known() -> list[str]:
    return [f".{name}" for name in sorted(entry_points(group=GROUP).names)]


def _shown(target: Path) -> str:
    return f"{target.suffix} files" if target.suffix else "files without a suffix"


def _made(point: EntryPoint, target: Path) -> Exporter:
    try:
        factory = point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"cannot export to {target}: the exporter {point.value} does not load ({error}); "
            "reinstall what provides it"
        ) from error
    exporter: Exporter = factory(target)
    return exporter
