"""What has changed in nodes since they were made, by comparing remembered code with the project's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlorch.domain.ledger import LedgerEntry
    from sqlorch.engine.schedule_ports import LedgerStore
    from sqlorch.lineage.code.book import CodeBook


class CodeChanges:
    """Answers for :data:`sqlorch.engine.forecast.ChangedIn`.

    A fingerprint that equals the present one is no change, and neither is ``""``, the code nobody
    knows. sqlglot is imported when two texts must be compared, not before.

    Args:
        book: what nodes are made by now.
        adapter: dbt's adapter type, which says the SQL dialect.
        ledger: remembers former code; None remembers nothing.
        entries: all that will be asked about, so that one look into the store is enough.
    """

    def __init__(
        self,
        book: CodeBook,
        adapter: str,
        ledger: LedgerStore | None,
        entries: Mapping[str, Sequence[LedgerEntry]],
    ) -> None:
        self._book = book
        self._adapter = adapter
        self._known: dict[tuple[str, str], str] = {}
        former = self._former(entries)
        if former and ledger is not None:
            self._compare(former, _remembered(ledger, {code for codes in former.values() for code in codes}))

    def __call__(self, unique_id: str, code: str) -> str:
        """What has changed in a node since its code had that fingerprint; ``""`` for nothing."""
        return self._known.get((unique_id, code), "")

    def _former(self, entries: Mapping[str, Sequence[LedgerEntry]]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for uid, some in entries.items():
            now = self._book.fingerprints.get(uid)
            codes = {entry.code for entry in some} - {"", now}
            if now is not None and codes:
                found[uid] = codes
        return found

    def _compare(self, former: Mapping[str, Iterable[str]], texts: Mapping[str, str]) -> None:
        from sqlorch.lineage.code.compare import CodeComparison  # noqa: PLC0415 - sqlglot, when something differs
        from sqlorch.lineage.project_columns import dialect_of  # noqa: PLC0415 - likewise

        comparison = CodeComparison(dialect_of(self._adapter), {**texts, **self._book.texts(former)})
        for uid, codes in former.items():
            for code in codes:
                before = texts.get(code)
                self._known[uid, code] = (
                    "code that is not remembered"
                    if before is None
                    else comparison.difference(before, self._book.documents[uid])
                )


def _remembered(ledger: LedgerStore, codes: Iterable[str]) -> dict[str, str]:
    """Former documents and all they name: macros, and documents of what they had inlined."""
    found: dict[str, str] = {}
    wanted = set(codes)
    while wanted:
        fresh = ledger.code(wanted)
        found.update(fresh)
        named = {code for text in fresh.values() for code in _named(text)}
        wanted = named - found.keys()
        if not fresh:
            break
    return found


def _named(text: str) -> Iterable[str]:
    """Fingerprints a document names; a macro's text, which is no document, names none."""
    try:
        document = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(document, dict):
        return ()
    return [*document.get("macros", {}).values(), *document.get("inlined", {}).values()]
