"""Exposures and unit tests: nodes that only point at models."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlorch.lineage.configuration import configure, plain
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.merge import as_list
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.properties import Entry, config_of, mapping
from sqlorch.lineage.templates import Templates

_CASE = ("given", "expect", "overrides")


def read_exposure(entry: Entry, packages: Packages, templates: Templates) -> Draft:
    """Build an exposure from its entry."""
    file, data = entry.file, entry.data
    draft = Draft(
        unique_id=f"exposure.{file.package}.{entry.name}",
        kind="exposure",
        name=entry.name,
        package=file.package,
        path=file.path,
        fqn=[file.package, *file.relative.split("/")[:-1], entry.name],
        description=str(data.get("description") or ""),
        line=entry.line(),
    )
    calls = "\n".join(f"{{{{ {call} }}}}" for call in as_list(data.get("depends_on")))
    draft.finding = templates.render(draft.subject(), calls, "depends_on")
    config = config_of(data)
    config["tags"] = [*as_list(data.get("tags")), *as_list(mapping(data.get("config")).get("tags"))]
    draft.config = configure(
        packages, kind="exposure", package=file.package, fqn=draft.fqn, properties=config
    )
    for key in ("owner", "url", "type", "label", "maturity"):
        if data.get(key) is not None:
            draft.config.setdefault(key, data[key])
    return draft


def read_unit_tests(entry: Entry, packages: Packages, versions: Mapping[str, list[Draft]]) -> list[Draft]:
    """Build a unit test, once for each version of a versioned model it covers.

    Args:
        entry: its entry.
        packages: for configuration.
        versions: drafts of versioned models by ``package.name``.
    """
    model, _, version = str(entry.data.get("model", "")).strip().partition(" ")
    version = version.strip() or ""
    covered = versions.get(f"{entry.file.package}.{model}", [])
    if not covered:
        return [_unit_test(entry, packages, model, version or None, "")]
    rule = mapping(entry.data.get("versions"))
    include, exclude = _labels(rule.get("include")), _labels(rule.get("exclude"))
    return [
        _versioned(_unit_test(entry, packages, model, draft.version, f"_v{draft.version}"), draft)
        for draft in covered
        if (not include or draft.version in include) and draft.version not in exclude
    ]


def _versioned(test: Draft, model: Draft) -> Draft:
    test.version_value = model.version_value
    return test


def _labels(value: Any) -> set[str]:
    return {str(item) for item in as_list(value)}


def _unit_test(entry: Entry, packages: Packages, model: str, version: str | None, suffix: str) -> Draft:
    file = entry.file
    written = str(entry.data.get("model", ""))
    fqn = [file.package, *file.path.split("/")[1:-1], written, entry.name]
    draft = Draft(
        unique_id=f"unit_test.{file.package}.{written}.{entry.name}{suffix}",
        kind="unit_test",
        name=entry.name,
        package=file.package,
        path=file.path,
        fqn=fqn,
        description=str(entry.data.get("description") or ""),
        extra=[Reference("ref", model, file.package, version)],
        line=entry.line(),
        definition=json.dumps(plain({key: entry.data.get(key) for key in _CASE}), sort_keys=True),
    )
    draft.config = configure(
        packages,
        kind="unit_test",
        package=file.package,
        fqn=fqn,
        properties=mapping(entry.data.get("config")),
    )
    return draft
