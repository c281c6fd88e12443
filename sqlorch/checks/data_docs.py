"""What Great Expectations found, as the pages that library makes of it (Data Docs).

Its templates write names and values into the pages as they are, so that a value such as ``<script>`` in a
table would be executed by whoever opens them, and load an image that tells its makers of it. So texts are
escaped before, and a policy in each page lets it reach the hosts of its styles and scripts alone.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlorch.checks.great_expectations import library
from sqlorch.domain.errors import IntegrationError
from sqlorch.domain.masking import replace_texts

# Where the library's pages have their styles and scripts; it has no option to leave them out.
_HOSTS = " ".join(
    f"https://{host}"
    for host in (
        "cdn.jsdelivr.net",
        "cdnjs.cloudflare.com",
        "code.jquery.com",
        "maxcdn.bootstrapcdn.com",
        "stackpath.bootstrapcdn.com",
        "unpkg.com",
    )
)
_HEAD = re.compile(r"<head[^>]*>")
_POLICY = (
    r'\g<0><meta http-equiv="Content-Security-Policy" content="'
    f"default-src 'none'; script-src 'unsafe-inline' {_HOSTS}; "
    f"style-src 'self' file: 'unsafe-inline' {_HOSTS}; "
    f"font-src {_HOSTS}; img-src 'self' file: data:; base-uri 'none'; form-action 'none'\">"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One attempt at a suite.

    Attributes:
        run_id: the run.
        at: when it ended.
        record: the file in which the library's documents were kept.
    """

    run_id: str
    at: datetime
    record: Path


def build(checked: Iterable[Checked], folder: Path) -> int:
    """Make the pages of these attempts, in place of those that were in the folder before.

    Attempts whose record is gone are left out.

    The context of the process is another one afterwards: nothing can be checked in it any more.

    Returns:
        How many validations there are pages of; the first page is ``index.html``.

    Raises:
        IntegrationError: the folder cannot be written, or holds something else.
    """
    if folder.exists() and not _may_go(folder):
        raise IntegrationError(f"{folder} holds something else than Data Docs; name a new or an empty folder")
    with TemporaryDirectory() as place:
        context = library().get_context(mode="file", project_root_dir=place)
        count = sum(_store(context, one) for one in checked)
        context.build_data_docs()
        site = next(Path(place).rglob("data_docs/local_site"))
        for page in site.rglob("*.html"):
            page.write_text(_HEAD.sub(_POLICY, page.read_text(encoding="utf-8"), count=1), encoding="utf-8")
        try:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(site, folder)
        except OSError as error:
            raise IntegrationError(f"{folder} cannot be written: {error.strerror or error}") from error
    return count


def _may_go(folder: Path) -> bool:
    """Whether it is an empty folder, or holds what Data Docs consist of and nothing else."""
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()}
    return not names or names <= {"index.html", "static", "validations", "expectations"}


def _store(context: Any, one: Checked) -> int:
    from great_expectations.core.expectation_validation_result import (  # noqa: PLC0415 - takes seconds
        ExpectationSuiteValidationResult,
        expectationSuiteValidationResultSchema,
    )

    count = 0
    for number, document in enumerate(_documents(one.record)):
        loaded = expectationSuiteValidationResultSchema.load(document)
        result = ExpectationSuiteValidationResult(**loaded) if isinstance(loaded, dict) else loaded
        context.validation_results_store.set(_key(one, str(document["suite_name"]), number), result)
        count += 1
    return count


def _key(one: Checked, suite: str, number: int) -> Any:
    from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415 - takes seconds
    from great_expectations.data_context.types.resource_identifiers import (  # noqa: PLC0415 - likewise
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    run = RunIdentifier(run_name=one.run_id, run_time=one.at)
    return ValidationResultIdentifier(ExpectationSuiteIdentifier(suite), run, f"{suite}-{number}")


def _documents(record: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # pruned, or cut off by a full disk
        return []
    return [replace_texts(document, escape) for document in found]
