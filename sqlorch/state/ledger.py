"""Which interval of which node is done. Implements :class:`sqlorch.engine.schedule_ports.LedgerStore`."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select
from sqlalchemy import text as sql

from sqlorch.domain.interval import Interval
from sqlorch.domain.ledger import LedgerEntry
from sqlorch.state import audit, ledger_read, outcomes
from sqlorch.state.codec import clean_text
from sqlorch.state.engine import Database
from sqlorch.state.repeating import repeating
from sqlorch.state.tables import code

_CHUNK = 1000  # bound values a statement; SQLite takes 32,766
_TEXTS = select(code).where(code.c.fingerprint.in_(bindparam("fingerprints", expanding=True)))
_KEEP = sql("INSERT INTO code (fingerprint, text) VALUES (:fingerprint, :text) ON CONFLICT DO NOTHING")


@repeating
class SqlLedger:
    """See the port for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(
        self,
        unique_ids: Iterable[str] | None = None,
        span: Interval | None = None,
        *,
        merged: bool = False,
    ) -> Mapping[str, Sequence[LedgerEntry]]:
        """See :meth:`sqlorch.engine.schedule_ports.LedgerStore.entries`.

        An entry that only meets the span, ending where it begins or beginning where it ends, touches it.
        Nodes without an entry are left out.
        """
        with self._database.read() as connection:
            return ledger_read.entries(connection, unique_ids, span, merged=merged)

    def mark(self, entries: Sequence[LedgerEntry], *, who: str, now: datetime) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.LedgerStore.mark`."""
        with self._database.write() as connection:
            outcomes.mark(connection, entries)
            for unique_id, detail in _summary(entries).items():
                audit.note(connection, who=who, action="mark", subject=unique_id, detail=detail, now=now)

    def remember_code(self, texts: Mapping[str, str]) -> None:
        """See :meth:`sqlorch.engine.schedule_ports.LedgerStore.remember_code`."""
        with self._database.read() as connection:  # nearly always all are known: no need for the write lock
            known = _code(connection, texts)
        rows = [
            {"fingerprint": fingerprint, "text": zlib.compress(clean_text(text).encode())}
            for fingerprint, text in texts.items()
            if fingerprint not in known
        ]
        if rows:
            with self._database.write() as connection:
                connection.execute(_KEEP, rows)

    def code(self, fingerprints: Iterable[str]) -> Mapping[str, str]:
        """See :meth:`sqlorch.engine.schedule_ports.LedgerStore.code`."""
        with self._database.read() as connection:
            found = _code(connection, fingerprints)
        return {fingerprint: zlib.decompress(text).decode() for fingerprint, text in found.items()}


def _code(connection: Connection, fingerprints: Iterable[str]) -> dict[str, bytes]:
    wanted = list(dict.fromkeys(fingerprints))
    found: dict[str, bytes] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(_TEXTS, {"fingerprints": wanted[start : start + _CHUNK]})
        found |= {row.fingerprint: bytes(row.text) for row in rows}
    return found


def _summary(entries: Sequence[LedgerEntry]) -> dict[str, str]:
    """One line a node: how many intervals, from where to where, as what."""
    of: dict[str, list[LedgerEntry]] = {}
    for entry in entries:
        of.setdefault(entry.unique_id, []).append(entry)
    return {
        unique_id: f"{' and '.join(sorted({entry.mark for entry in some}))}: {len(some)} within "
        f"{Interval(min(e.interval.start for e in some), max(e.interval.end for e in some))}"
        for unique_id, some in of.items()
    }
