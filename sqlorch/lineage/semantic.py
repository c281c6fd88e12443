"""Semantic models, metrics and saved queries: who stands on whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlorch.lineage.configuration import configure
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.merge import as_list
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.patches import read_call
from sqlorch.lineage.properties import Entry, config_of, entries, mapping

_KINDS = {"semantic_models": "semantic_model", "metrics": "metric", "saved_queries": "saved_query"}


def read_semantic(entry: Entry, packages: Packages) -> Iterator[Draft]:
    """Yield what a semantic entry defines: itself, and a metric for each measure that asks for one."""
    draft = _draft(entry, _KINDS[entry.key], entry.name, packages, config_of(entry.data))
    if entry.key == "semantic_models":
        reference = read_call(str(entry.data.get("model", "")))
        draft.extra = [reference] if reference else []
        yield draft
        for measure in entries(entry.data.get("measures")):
            if measure.get("create_metric") is True:
                made = _draft(
                    entry, "metric", str(measure["name"]), packages, {"enabled": draft.config["enabled"]}
                )
                made.description = str(
                    measure.get("description") or f"Metric created from measure {made.name}"
                )
                made.extra = [Reference("measure", str(measure["name"]))]
                yield made
        return
    draft.extra = _saved_query(entry.data) if entry.key == "saved_queries" else _metric(entry.data)
    yield draft


def measures_of(entry: Entry) -> list[str]:
    """Return the names of a semantic model's measures."""
    return [str(measure["name"]) for measure in entries(entry.data.get("measures")) if "name" in measure]


def _draft(entry: Entry, kind: str, name: str, packages: Packages, config: Mapping[str, Any]) -> Draft:
    file = entry.file
    draft = Draft(
        unique_id=f"{kind}.{file.package}.{name}",
        kind=kind,
        name=name,
        package=file.package,
        path=file.path,
        fqn=[file.package, *file.relative.split("/")[:-1], name],
        description=str(entry.data.get("description") or ""),
        line=entry.line(),
    )
    tags = [*as_list(entry.data.get("tags")), *as_list(config.get("tags"))]
    draft.config = configure(
        packages, kind=kind, package=file.package, fqn=draft.fqn, properties={**config, "tags": tags}
    )
    return draft


def _metric(data: Mapping[str, Any]) -> list[Reference]:
    params = mapping(data.get("type_params"))
    kind = str(data.get("type", "")).lower()
    if kind in {"simple", "cumulative"}:
        return _named("measure", [params.get("measure")])
    if kind == "conversion":
        inner = mapping(params.get("conversion_type_params"))
        return _named("measure", [inner.get("base_measure"), inner.get("conversion_measure")])
    if kind == "ratio":
        return _named("metric", [params.get("numerator"), params.get("denominator")])
    return _named("metric", as_list(params.get("metrics")))


def _saved_query(data: Mapping[str, Any]) -> list[Reference]:
    return _named("metric", as_list(mapping(data.get("query_params")).get("metrics")))


def _named(kind: str, values: list[Any]) -> list[Reference]:
    names = [value.get("name") if isinstance(value, Mapping) else value for value in values]
    return [Reference(kind, str(name)) for name in names if name]
