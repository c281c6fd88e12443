"""Which adapter a project is written for, where no profile tells: by its requirements, else by its SQL."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

# dbt's adapter types, as their packages are called: dbt-<type>.
ADAPTERS = frozenset(
    """
    athena bigquery clickhouse databricks doris dremio duckdb exasol fabric fabricspark firebolt glue
    greenplum hive impala mariadb materialize mysql oracle postgres presto redshift risingwave singlestore
    snowflake spark sqlite sqlserver starrocks synapse teradata trino vertica
    """.split()  # noqa: SIM905 - a table of 34 words
)
_REQUIREMENTS = (
    "requirements*.txt",
    "requirements/*.txt",
    "pyproject.toml",
    "Pipfile",
    "setup.py",
    "setup.cfg",
    "environment.y*ml",
    "Dockerfile",
)
_PACKAGE = re.compile(r"\bdbt-([a-z]+)\b", re.IGNORECASE)
_FOLDERS_ABOVE = 2
_LARGEST = 1_000_000  # bytes of a file that is looked at
_FILES = 1_000  # of a project that are looked at
_SUFFIXES = frozenset({".sql", ".yml", ".yaml"})

# Words that one warehouse's SQL or configuration has and the others' lacks.
_MARKS = {
    "bigquery": r"\bsafe_(?:cast|divide|offset)\s*[(\[]|\b_table_suffix\b|`[\w-]+\.\w+\.\w+`",
    "clickhouse": r"\btoStartOf\w+\s*\(|\bengine\s*=\s*['\"]\w*MergeTree|\barrayJoin\s*\(",
    "databricks": r"\bliquid_clustered_by\b|\bunity_catalog\b|\bfile_format\s*=\s*['\"]delta\b",
    "duckdb": r"\bread_(?:parquet|csv|json)(?:_auto)?\s*\(|\bexternal_location\b|\blist_transform\s*\(",
    "postgres": r"::\s*jsonb\b|\bjsonb_\w+\s*\(|\bto_tsvector\s*\(|\bunlogged\s*=",
    "redshift": r"\bdist(?:style)?\s*=\s*['\"]|\bjson_extract_path_text\s*\(|\bsort_type\s*=",
    "snowflake": r"\bflatten\s*\(\s*input\b|::\s*variant\b|\bsnowflake_warehouse\b|\btry_to_\w+\s*\(",
    "spark": r"\blateral\s+view\b|\bfile_format\s*=\s*['\"](?:parquet|hudi|iceberg)",
    "sqlserver": r"\bgetdate\s*\(\s*\)|\btop\s*\(?\d+\)?\s|\[dbo\]",
    "trino": r"\bfrom_iso8601_\w+\s*\(|\bcross\s+join\s+unnest\s*\(",
}
_WORDS = {adapter: re.compile(pattern, re.IGNORECASE) for adapter, pattern in _MARKS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """An adapter and what speaks for it.

    Attributes:
        adapter: dbt's adapter type.
        why: the end of a sentence: "as requirements.txt asks for dbt-trino".
    """

    adapter: str
    why: str


def guess_adapter(root: Path, model_paths: Iterable[str] = ("models",)) -> Guess | None:
    """Look for an adapter's package in the requirements near a project, then for its words in the models.

    Args:
        root: the project's folder.
        model_paths: its folders of models.

    Returns:
        None when nothing speaks for one adapter more than for the others.
    """
    return _by_requirements(root) or _by_words(root, model_paths)


def _by_requirements(root: Path) -> Guess | None:
    for folder in islice((root, *root.parents), _FOLDERS_ABOVE + 1):
        named: dict[str, str] = {}
        for file in (file for pattern in _REQUIREMENTS for file in sorted(folder.glob(pattern))):
            for word in _PACKAGE.findall(_text(file)):
                named.setdefault(word.lower(), file.name)
        adapters = sorted(named.keys() & ADAPTERS)
        if len(adapters) == 1:
            return Guess(adapter=adapters[0], why=f"as {named[adapters[0]]} asks for dbt-{adapters[0]}")
        if adapters or (folder / ".git").exists():
            return None
    return None


def _by_words(root: Path, model_paths: Iterable[str]) -> Guess | None:
    votes: Counter[str] = Counter()
    example: dict[str, str] = {}
    for file in islice(_models(root, model_paths), _FILES):
        text = _text(file)
        for adapter, pattern in _WORDS.items():
            found = pattern.search(text)
            if found is not None:
                votes[adapter] += 1
                example.setdefault(adapter, f"{file.relative_to(root).as_posix()} has {_word(found)}")
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return Guess(adapter=ranked[0][0], why=f"as {example[ranked[0][0]]}")


def _word(found: re.Match[str]) -> str:
    return " ".join(found[0].split()).strip("( ")


def _models(root: Path, model_paths: Iterable[str]) -> Iterator[Path]:
    for folder in model_paths:
        yield from sorted(file for file in (root / folder).rglob("*") if file.suffix in _SUFFIXES)


def _text(file: Path) -> str:
    try:
        if not file.is_file() or file.stat().st_size > _LARGEST:
            return ""
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # it may not be read: then it says nothing
        return ""
