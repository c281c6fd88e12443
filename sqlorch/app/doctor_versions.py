"""What is installed, and whether it is of the versions that sqlorch asks for."""

from __future__ import annotations

import platform
import re
import sqlite3
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version

from sqlorch import __version__
from sqlorch.domain.remarks import Grade, Remark, within

_PART = "versions"
_PACKAGES = ("dbt-core", "sqlglot", "duckdb")
_NO_ADAPTER = frozenset({"", "unknown"})
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)\s*(?P<range>[<>=!~][^;]*)?(?:;.*)?")


def remarks(adapter: str) -> Iterator[Remark]:
    """Versions of Python, sqlorch, SQLite, and of the packages that do the work.

    Args:
        adapter: dbt's adapter type of the project, ``""`` where it is not known.
    """
    message = f"sqlorch {__version__}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    yield Remark(part=_PART, grade=Grade.OK, message=message)
    ranges = _ranges()
    more = () if adapter in _NO_ADAPTER else (f"dbt-{adapter}",)
    for name in (*_PACKAGES, *more):
        yield judge_package(name, _version(name), ranges.get(name, ""))


def judge_package(name: str, found: str | None, wanted: str) -> Remark:
    """What to say of a package.

    Args:
        name: of the package.
        found: the version that is installed, None where it is not.
        wanted: the range that sqlorch asks for, ``""`` where it asks for none.
    """
    install = f"pip install '{name}{wanted}'"
    if found is None:
        message = "is not installed"
        return Remark(part=_PART, grade=Grade.ERROR, subject=name, message=message, advice=install)
    if not within(found, wanted):
        message = f"{found} is not of the supported versions, {wanted}"
        return Remark(part=_PART, grade=Grade.ERROR, subject=name, message=message, advice=install)
    message = f"{found}, supported: {wanted}" if wanted else found
    return Remark(part=_PART, grade=Grade.OK, subject=name, message=message)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _ranges() -> Mapping[str, str]:
    """The versions that sqlorch's own package asks for; none where it runs without being installed."""
    try:
        said = requires("sqlorch") or []
    except PackageNotFoundError:
        return {}
    found = [match for one in reversed(said) if (match := _REQUIREMENT.match(one))]
    return {match["name"]: _in_order(match["range"] or "") for match in found}


def _in_order(wanted: str) -> str:
    """Lower bound first: packages write theirs in any order."""
    return ",".join(sorted((clause.strip() for clause in wanted.split(",")), reverse=True))
