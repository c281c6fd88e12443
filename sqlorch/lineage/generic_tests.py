"""Data tests declared in YAML, on models, seeds, snapshots, sources and their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from sqlorch.lineage.configuration import configure
from sqlorch.lineage.draft import Draft, Finding
from sqlorch.lineage.generic_test_names import short_name, synthetic_name, unique_hash
from sqlorch.lineage.jinja.capture import Reference
from sqlorch.lineage.jinja.functions import TemplateFaultError
from sqlorch.lineage.jinja.macros import MacroIndex
from sqlorch.lineage.jinja.renderer import HAS_JINJA
from sqlorch.lineage.jinja.state import Subject
from sqlorch.lineage.merge import as_list, merge_config
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.project import LoadWarning
from sqlorch.lineage.properties import Entry, entries, mapping, tests_of
from sqlorch.lineage.templates import Templates
from sqlorch.lineage.text import YamlText
from sqlorch.lineage.versions import columns_for, tests_for, versions_of

CONFIG_ARGUMENTS = (
    "severity",
    "tags",
    "enabled",
    "where",
    "limit",
    "warn_if",
    "error_if",
    "fail_calc",
    "store_failures",
    "store_failures_as",
    "meta",
    "database",
    "schema",
    "alias",
)
_CORE_TESTS = frozenset({"unique", "not_null", "accepted_values", "relationships"})
_NAME = re.compile(r"(?:(?P<package>[a-zA-Z_]\w*)\.)?(?P<name>[a-zA-Z_]\w*)")
_CALL = re.compile(r"^\s*(?:env_var|ref|var|source|doc)\s*\(.+\)\s*$")
_QUOTES = {"bigquery": "`", "databricks": "`", "spark": "`"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """What tests are declared on.

    Attributes:
        entry: the properties entry.
        name: what the tests' names say: a model's name with its version, or ``source_table``.
        reference: how a test refers to it.
        columns: its columns as declared.
        tests: its own tests.
        tags: tags every test gets.
        quote_columns: whether column names are quoted by default.
        is_source: whether it is a source table.
    """

    entry: Entry
    name: str
    reference: Reference
    columns: list[Mapping[str, Any]]
    tests: list[Any]
    tags: list[str] = field(default_factory=list)
    quote_columns: bool = False
    is_source: bool = False


def tested_in(entry: Entry) -> Iterator[Tested]:
    """Yield what an entry of ``models``, ``seeds``, ``snapshots`` or ``sources`` declares tests on."""
    data, name = entry.data, entry.name
    if entry.key == "sources":
        yield from _tables(entry)
    elif entry.key in {"models", "seeds", "snapshots"}:
        versions = versions_of(data) if entry.key == "models" else []
        quote = bool(data.get("quote_columns"))
        if not versions:
            yield Tested(
                entry=entry,
                name=name,
                reference=Reference("ref", name),
                columns=entries(data.get("columns")),
                tests=tests_of(data),
                quote_columns=quote,
            )
        for version in versions:
            # dbt takes version 0 for no version: its tests are named and resolved as the latest one's.
            label = version.label if version.data["v"] else None
            yield Tested(
                entry=entry,
                name=f"{name}_v{label}" if label else name,
                reference=Reference("ref", name, None, label),
                columns=columns_for(data, version),
                tests=tests_for(data, version),
                quote_columns=quote,
            )


def _tables(entry: Entry) -> Iterator[Tested]:
    data = entry.data
    for table in entries(data.get("tables")):
        if table.get("name") is None:
            continue
        quoting = {**mapping(data.get("quoting")), **mapping(table.get("quoting"))}
        yield Tested(
            entry=entry,
            name=f"{entry.name}_{table['name']}",
            reference=Reference("source", str(table["name"]), entry.name),
            columns=entries(table.get("columns")),
            tests=tests_of(table),
            tags=[*as_list(data.get("tags")), *as_list(table.get("tags"))],
            quote_columns=bool(quoting.get("column")),
            is_source=True,
        )


class GenericTests:
    """Builds test nodes.

    Args:
        packages: for configuration and behaviour flags.
        index: where a test's macro is looked up.
        templates: render arguments and macros.
        texts: renders the tests' configuration.
    """

    def __init__(self, packages: Packages, index: MacroIndex, templates: Templates, texts: YamlText) -> None:
        self.warnings: list[LoadWarning] = []
        self._packages = packages
        self._index = index
        self._templates = templates
        self._texts = texts
        flag = packages.root.flags.get("require_generic_test_arguments_property", True)
        self._unwraps_arguments = bool(flag)
        self._owners = _owners(index)

    def build(self, tested: Tested) -> Iterator[Draft]:
        """Yield the tests declared on something and on its columns."""
        self._texts.enter(tested.entry.file.package)
        for column in tested.columns:
            for test in tests_of(column):
                yield from self._try(tested, test, column)
        for test in tested.tests:
            yield from self._try(tested, test, None)

    def _try(self, tested: Tested, test: Any, column: Mapping[str, Any] | None) -> Iterator[Draft]:
        try:
            yield self._build(tested, test, column)
        except TemplateFaultError as problem:
            message = f"a test on '{tested.name}' is left out: {problem}"
            entry = tested.entry
            self.warnings.append(
                LoadWarning(path=entry.file.path, line=entry.line(), message=message, kind="invalid")
            )

    def _build(self, tested: Tested, test: Any, column: Mapping[str, Any] | None) -> Draft:
        column_name = self._column_name(tested, column) if column is not None else None
        name, kwargs = self._arguments(test, column_name)
        kwargs["model"] = _model_argument(tested.reference)
        match = _NAME.match(name)
        if match is None:
            raise TemplateFaultError(f"'{name}' is not a test's name")
        config = self._config(kwargs)
        description = str(kwargs.pop("description", None) or "")
        label = f"{'source_' if tested.is_source else ''}{match['name']}"
        label = f"{match['package']}_{label}" if match["package"] else label
        given = kwargs.pop("name", None)
        full = str(given) if given is not None else synthetic_name(label, tested.name, kwargs)
        if given is None and (short := short_name(label, tested.name, full)) != full:
            config.setdefault("alias", short)
        draft = self._draft(tested, full, match["package"], match["name"], kwargs)
        draft.description = description
        draft.on = tested.reference
        draft.test_name = match["name"]
        draft.test_column = column_name
        draft.tags = [*tested.tags, *_column_tags(column)]
        draft.finding = self._render(draft, match["package"], match["name"], kwargs, tested.reference)
        calls = dict(draft.finding.config)
        merge_config(calls, config)
        draft.config = configure(
            self._packages, kind="test", package=draft.package, fqn=draft.fqn, calls=calls
        )
        return draft

    def _draft(
        self, tested: Tested, full: str, namespace: str | None, test: str, kwargs: Mapping[str, Any]
    ) -> Draft:
        file = tested.entry.file
        digest = unique_hash(full, namespace=namespace, test=test, kwargs=kwargs)
        # dbt drops the first folder of the path, whatever it is: `models/`, or `..`.
        folders = file.path.split("/")[1:-1]
        return Draft(
            unique_id=f"test.{file.package}.{full}.{digest}",
            kind="test",
            name=full,
            package=file.package,
            path=file.path,
            fqn=[file.package, *folders, full],
            line=0,
        )

    def _arguments(self, test: Any, column_name: str | None) -> tuple[str, dict[str, Any]]:
        """Split a test into its name and its arguments."""
        if isinstance(test, str):
            test = {test: {}}
        if not isinstance(test, Mapping) or not test:
            raise TemplateFaultError(f"{test!r} is neither a name nor a mapping")
        if "test_name" in test:
            name, arguments = test["test_name"], {k: v for k, v in test.items() if k != "test_name"}
        elif len(test) == 1:
            name, arguments = next(iter(test.items()))
        else:
            raise TemplateFaultError(
                f"it has several names: {', '.join(map(str, test))}; indent its arguments"
            )
        if not isinstance(name, str) or not isinstance(arguments, Mapping):
            raise TemplateFaultError(f"the arguments of '{name}' are not a mapping")
        kwargs: dict[str, Any] = {str(key): value for key, value in deepcopy(dict(arguments)).items()}
        if column_name is not None:
            kwargs["column_name"] = column_name
        if self._unwraps_arguments:
            inner = kwargs.pop("arguments", None)
            kwargs |= inner if isinstance(inner, Mapping) else {}
        if "model" in kwargs:
            raise TemplateFaultError(f"'{name}' may not have an argument called model")
        return name, kwargs

    def _config(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Take a test's settings out of its arguments and render them."""
        nested = dict(mapping(kwargs.pop("config", None)))
        found: dict[str, Any] = {}
        for key in CONFIG_ARGUMENTS:
            value = kwargs.pop(key, None) or nested.pop(key, None)
            if value is not None:
                found[key] = value
        found |= nested
        rendered = {k: self._texts.value(v) if isinstance(v, str) else v for k, v in found.items()}
        return {key: value for key, value in rendered.items() if value is not None}

    def _column_name(self, tested: Tested, column: Mapping[str, Any]) -> str:
        name = str(column.get("name", ""))
        quote = column.get("quote")
        if not (tested.quote_columns if quote is None else quote):
            return name
        mark = _QUOTES.get(self._templates.state.target.adapter, '"')
        return f"{mark}{name}{mark}"

    def _render(
        self, draft: Draft, namespace: str | None, test: str, kwargs: Mapping[str, Any], target: Reference
    ) -> Finding:
        macro = f"test_{test}"
        inner = namespace if namespace in self._index.packages else self._owner(draft.package, macro)
        if inner is not None and macro not in self._index.packages[inner]:
            inner = None
        written_out = all(_is_plain(value) for key, value in kwargs.items() if key != "model")
        if inner is None and (written_out or test in _CORE_TESTS - {"accepted_values", "relationships"}):
            return Finding(references=(target,))
        subject = Subject(
            unique_id=draft.unique_id,
            kind="test",
            name=draft.name,
            package=draft.package,
            path=draft.path,
            fqn=tuple(draft.fqn),
        )
        return self._templates.render_test(subject, macro, inner, kwargs)

    def _owner(self, package: str, macro: str) -> str | None:
        """Find whose macro an unqualified test means: its own package's, the root's, then the last of any."""
        if macro in self._index.packages.get(package, {}):
            return package
        return self._owners.get(macro)


def _owners(index: MacroIndex) -> dict[str, str]:
    packages = [*(name for name in index.packages if name != index.root), index.root]
    return {macro: package for package in packages for macro in index.packages.get(package, {})}


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_plain, value.values()))
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return not isinstance(value, str) or not (HAS_JINJA.search(value) or _CALL.match(value))


def _model_argument(reference: Reference) -> str:
    if reference.kind == "source":
        call = f"source('{reference.group}', '{reference.name}')"
    else:
        version = f", version='{reference.version}'" if reference.version else ""
        call = f"ref('{reference.name}'{version})"
    return f"{{{{ get_where_subquery({call}) }}}}"


def _column_tags(column: Mapping[str, Any] | None) -> list[str]:
    if column is None:
        return []
    return [*as_list(column.get("tags")), *as_list(mapping(column.get("config")).get("tags"))]
