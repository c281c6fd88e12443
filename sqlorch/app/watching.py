"""Notice that a project was edited: by looking at its files' times and sizes now and then.

Cheaper than it sounds, and it works on every file system, network and container mounts included, where
notifications do not. The pause between two looks grows with what a look costs, so that it stays a small part
of one processor however large the project is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

_READ = (".sql", ".yml", ".yaml", ".py", ".csv", ".md", ".dbtignore")
_PASSED_OVER = frozenset({"target", "logs", "node_modules", "__pycache__"})
_PAUSE = 1.0  # seconds between two looks, at least
_SHARE = 400  # a pause is so many times as long as a look


class Watch:
    """The files of a project.

    Args:
        root: its folder; hidden folders, virtual environments, dbt's output and ``apart`` are passed over.
        files: single files elsewhere.
        apart: a folder below the root that is not part of the project (the state folder).
    """

    def __init__(self, root: Path, files: Iterable[Path] = (), *, apart: Path | None = None) -> None:
        self._root = root
        self._files = [str(file) for file in files]
        self._apart = None if apart is None else str(apart)
        self._known = self._look()
        self._seen = self._known
        self.next_at = 0.0
        self._plan_next(0.0)

    def edited(self) -> bool:
        """Whether something differs from when this last said so, and has come to rest since.

        An editor or a checkout that is still writing is left to finish: two looks must agree.
        """
        began = time.monotonic()
        now = self._look()
        settled = now == self._seen
        self._seen = now
        self._plan_next(time.monotonic() - began)
        if not settled or now == self._known:
            return False
        self._known = now
        return True

    def differs(self) -> bool:
        """Whether something differs now, come to rest or not, from when :meth:`edited` last said so."""
        return self._look() != self._known

    def _plan_next(self, cost: float) -> None:
        self.next_at = time.monotonic() + max(_PAUSE, cost * _SHARE)

    def _look(self) -> tuple[int, int]:
        """A number for all names, times and sizes together, and how many there are."""
        together, count = 0, 0
        for entry in self._entries():
            together ^= hash(entry)
            count += 1
        return together, count

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        for path in self._files:
            try:
                status = os.stat(path)  # noqa: PTH116 - strings all along, this runs for ever
            except OSError:
                continue
            yield path, status.st_mtime_ns, status.st_size
        folders = [str(self._root)]
        linked: set[str] = set()
        while folders:
            yield from self._folder(folders.pop(), folders, linked)

    def _folder(self, folder: str, folders: list[str], linked: set[str]) -> Iterator[tuple[str, int, int]]:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if self._enters(entry) and not (entry.is_symlink() and _known(entry.path, linked)):
                            folders.append(entry.path)
                    elif entry.name.endswith(_READ):
                        status = entry.stat()
                        yield entry.path, status.st_mtime_ns, status.st_size
        except OSError:  # it has just been removed, or may not be read: as if it were empty
            return

    def _enters(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith(".") or entry.name in _PASSED_OVER or entry.path == self._apart:
            return False
        return not os.path.exists(f"{entry.path}/pyvenv.cfg")  # noqa: PTH110 - as above


def watch_project(project_dir: Path, *, profiles_dir: Path | None, state_dir: Path) -> Watch:
    """What a process has to look at that holds a project open."""
    profiles = [] if profiles_dir is None else [profiles_dir / "profiles.yml"]
    return Watch(project_dir, profiles, apart=state_dir)


def _known(link: str, linked: set[str]) -> bool:
    """Whether a link leads where we have been or come from: such links would never end."""
    real = os.path.realpath(link)
    if real in linked or os.path.realpath(os.path.dirname(link)).startswith(real):  # noqa: PTH120 - as above
        return True
    linked.add(real)
    return False
