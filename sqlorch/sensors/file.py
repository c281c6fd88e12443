"""Waits for files: of this machine by the standard library, of object stores by fsspec."""

from __future__ import annotations

import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.sensor import Look
from sqlorch.sensors.words import brief

if TYPE_CHECKING:
    from sqlorch.engine.sensor_ports import Occasion

_EXTRA = {"s3": "s3", "s3a": "s3"}
_LONGEST = 300


class FileSensor:
    """True when at least one file matches a path or pattern (``*``, ``?``, ``[...]``, ``**``)."""

    def __init__(self, occasion: Occasion) -> None:
        self._target = occasion.target
        self._project_dir = occasion.project_dir

    def look(self) -> Look:
        """See :meth:`sqlorch.engine.sensor_ports.Sensor.look`."""
        found = self._remote() if "://" in self._target else self._local()
        if not found:
            return Look(met=False, said="no file matches" if glob.has_magic(self._target) else "not there")
        return Look(met=True, said="1 file" if found == 1 else f"{found} files")

    def _local(self) -> int:
        try:
            pattern = self._project_dir / Path(self._target).expanduser()
        except RuntimeError as error:
            raise IntegrationError(f"its home folder cannot be found: {error}") from error
        if not glob.has_magic(self._target):
            return int(pattern.exists())
        # the project's own folder may be called anything
        wanted = self._target if Path(self._target).is_absolute() else str(Path(self._target).expanduser())
        # Path.glob refuses absolute patterns
        return len(glob.glob(wanted, root_dir=self._project_dir, recursive=True))  # noqa: PTH207 - see above

    def _remote(self) -> int:
        import fsspec.core  # noqa: PLC0415 - local files do without

        protocol = self._target.partition("://")[0]
        try:
            # a listing that is kept from the last look would never show what has come since
            system, path = fsspec.core.url_to_fs(
                self._target, skip_instance_cache=True, use_listings_cache=False
            )
            return len(system.glob(path)) if glob.has_magic(path) else int(system.exists(path))
        except FileNotFoundError:  # a bucket or folder that is still to be made
            return 0
        except ImportError as error:
            extra = _EXTRA.get(protocol)
            hint = (
                f"pip install 'sqlorch[{extra}]'" if extra else f"install what reads {protocol}:// ({error})"
            )
            raise IntegrationError(f"{protocol}:// cannot be read here; {hint}") from error
        except Exception as error:
            raise IntegrationError(_flat(error)) from error


def _flat(error: Any) -> str:
    return brief(str(error), _LONGEST) or type(error).__name__
