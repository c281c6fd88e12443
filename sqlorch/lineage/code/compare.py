"""What differs between two texts behind fingerprints, in the words of whoever changed it."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from typing import Any

from sqlorch.lineage.code.same_sql import same_sql

_SQL_SETTINGS = frozenset({"pre-hook", "post-hook", "sql_header"})
_SHOWN = 40


class CodeComparison:
    """Tells what has changed between two documents of :mod:`sqlorch.lineage.code.record`.

    Formatting, comments, the case of keywords and needless brackets are no change, in SQL, macros and hooks;
    whatever cannot be read counts as changed.

    Args:
        dialect: sqlglot's name of the warehouse's SQL.
        texts: macros by digest and documents by fingerprint, former and present ones.
    """

    def __init__(self, dialect: str, texts: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._texts = texts
        self._same: dict[tuple[str, str], bool] = {}

    def difference(self, old: str, new: str) -> str:
        """What has changed, a few words for each thing; ``""`` when nothing that matters has."""
        if old == new:
            return ""
        try:
            before, after = json.loads(old), json.loads(new)
            return ", ".join(self._differences(before, after))
        except (ValueError, KeyError, TypeError, AttributeError):
            return "code"  # what was remembered is damaged

    def _differences(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        if old["kind"] != new["kind"] or old["language"] != new["language"]:
            yield "kind"
        elif not self._same_text(old, new):
            yield "Python" if new["language"] == "python" else "SQL"
        if old.get("file") != new.get("file"):
            yield "file"
        if old.get("definition") != new.get("definition") or old.get("columns") != new.get("columns"):
            yield "YAML"
        yield from self._macros(old["macros"], new["macros"])
        yield from self._inlined(old.get("inlined", {}), new.get("inlined", {}))
        yield from self._settings(old["config"], new["config"])
        yield from _named("variable", old["variables"], new["variables"])
        if old["parents"] != new["parents"]:
            yield _reads(set(old["parents"]), set(new["parents"]))

    def _same_text(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        if new["language"] == "python":
            return same_python(old["text"], new["text"])
        return same_sql(old["text"], new["text"], self._dialect)

    def _macros(self, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
        for uid in sorted(old.keys() | new.keys()):
            if not self._same_macro(old.get(uid), new.get(uid)):
                yield f"macro {_name(uid)}"

    def _same_macro(self, old: str | None, new: str | None) -> bool:
        if old == new:
            return True
        if old is None or new is None or old not in self._texts or new not in self._texts:
            return False
        if (old, new) not in self._same:
            self._same[old, new] = same_sql(self._texts[old], self._texts[new], self._dialect)
        return self._same[old, new]

    def _inlined(self, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
        for uid in sorted(old.keys() & new.keys()):
            if old[uid] != new[uid]:
                what = self._difference_of(old[uid], new[uid])
                if what:
                    yield f"{_name(uid)}, which is ephemeral ({what})"
        # one that came or went shows among the parents

    def _difference_of(self, old: str, new: str) -> str:
        if old not in self._texts or new not in self._texts:
            return "code"
        return self.difference(self._texts[old], self._texts[new])

    def _settings(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
        alike = {
            key for key in _SQL_SETTINGS & old.keys() & new.keys() if self._same_setting(old[key], new[key])
        }
        kept = ({key: value for key, value in side.items() if key not in alike} for side in (old, new))
        yield from _named("config", *kept)

    def _same_setting(self, old: Any, new: Any) -> bool:
        if isinstance(old, str) and isinstance(new, str):
            return same_sql(old, new, self._dialect)
        if isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(map(self._same_setting, old, new))
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            return old.keys() == new.keys() and all(self._same_setting(old[key], new[key]) for key in old)
        return bool(old == new)


def same_python(old: str, new: str) -> bool:
    """Whether two Python sources have the same syntax tree."""
    try:
        return old == new or ast.dump(ast.parse(old)) == ast.dump(ast.parse(new))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _named(what: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        if key not in old or key not in new or old[key] != new[key]:
            yield f"{what} {key} ({_said(old.get(key))} -> {_said(new.get(key))})"


def _said(value: Any) -> str:
    text = "not set" if value is None else value if isinstance(value, str) else json.dumps(value)
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _reads(old: set[str], new: set[str]) -> str:
    more = [f"now {_name(uid)}" for uid in sorted(new - old)]
    return "reads " + ", ".join([*more, *(f"no longer {_name(uid)}" for uid in sorted(old - new))])


def _name(unique_id: str) -> str:
    return unique_id.split(".", 2)[-1]
