"""The text behind a fingerprint: one JSON document a node, of all that decides what it builds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlorch.lineage.code.calls import MacroReach, variables_in
from sqlorch.lineage.configuration import final, plain
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.jinja.macros import MacroIndex, MacroSource
from sqlorch.lineage.packages import Packages, visible_variables

FORMAT = 1
_RECORDED = frozenset({"model", "seed", "snapshot", "test", "unit_test", "function"})
_ASIDE = frozenset(
    """
    enabled tags meta group access docs description persist_docs grants packages freshness labels query_tag
    resource_tags store_failures store_failures_as full_refresh on_configuration_change concurrent_batches
    on_error static_analysis snowflake_warehouse threads
    """.split()  # noqa: SIM905 - a list of words to read
)
"""Settings that change nothing in the data; any other counts, known or not."""


class CodeRecorder:
    """Writes down what nodes are made by.

    Args:
        index: every macro.
        packages: for the variables of dbt_project.yml. Those of the command line belong to a run.
    """

    def __init__(self, index: MacroIndex, packages: Packages) -> None:
        self._reach = MacroReach(index)
        self._variables = {
            name: visible_variables(package, packages.root, {}) for name, package in packages.by_name.items()
        }
        self.macros: dict[str, str] = {}

    def record(self, drafts: Iterable[Draft], parents: Mapping[str, Iterable[str]]) -> dict[str, str]:
        """One JSON text for each node that is executed; the macros they need are in :attr:`macros` after.

        Args:
            drafts: the nodes there are.
            parents: what each refers to, by unique id.
        """
        return {
            draft.unique_id: compact(self._document(draft, parents[draft.unique_id]))
            for draft in drafts
            if draft.kind in _RECORDED
        }

    def _document(self, draft: Draft, parents: Iterable[str]) -> dict[str, Any]:
        config = {key: value for key, value in final(draft.config).items() if _counts(key, value)}
        texts = [draft.raw, *_strings(config)]
        macros = self._macros(draft, texts)
        self.macros |= {macro.digest: macro.text for macro in macros.values()}
        declared = self._variables.get(draft.package, {})
        read = frozenset[str]().union(
            *map(variables_in, texts), *(self._reach.variables(macro) for macro in macros.values())
        )
        document: dict[str, Any] = {
            "format": FORMAT,
            "kind": draft.kind,
            "language": "python" if draft.path.endswith(".py") else "sql",
            "text": draft.raw,
            "config": config,
            "macros": {uid: macro.digest for uid, macro in macros.items()},
            "parents": sorted(parents),
            "variables": {name: plain(declared[name]) for name in sorted(read & declared.keys())},
        }
        if draft.definition:
            document["definition"] = draft.definition
        contract = config.get("contract")
        if isinstance(contract, Mapping) and contract.get("enforced"):
            document["columns"] = [[column.name, column.data_type] for column in draft.columns]
        return document

    def _macros(self, draft: Draft, texts: Iterable[str]) -> dict[str, MacroSource]:
        found = self._reach.named(texts, draft.package)
        found |= {self._reach.sources[uid] for uid in draft.finding.macros if uid in self._reach.sources}
        if draft.test_name:
            # a generic test's macro is called test_<name>; the call is dbt's, in no text
            found |= self._reach.named([f"{{{{ test_{draft.test_name} }}}}"], draft.package)
        config = draft.config
        materialized, strategy = config.get("materialized", ""), config.get("incremental_strategy", "")
        return self._reach.closure(found | self._reach.implied(str(materialized), str(strategy)))


def compact(document: Mapping[str, Any]) -> str:
    """JSON without needless characters, equal for equal documents."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _counts(key: str, value: Any) -> bool:
    return key not in _ASIDE and value is not None and value not in ("", [], {})


def _strings(value: Any) -> Iterator[str]:
    """Every text inside a configuration: hooks hold SQL with Jinja of their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
