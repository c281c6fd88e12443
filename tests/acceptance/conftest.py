"""A browser for the tests that look at reports; the others do not start one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.browser import Report, ShowReport, chromium, opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files by name: shop (it ran), new (it did not), large (740 nodes), empty."""
    from support.report_graphs import made_up_report  # noqa: PLC0415 - only tests of reports need these
    from support.report_shop import shop  # noqa: PLC0415

    from sqlorch.reports.model import LineageReport  # noqa: PLC0415
    from sqlorch.reports.page import lineage_page  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("reports")
    made = {
        "shop": shop(),
        "new": shop(ran=False),
        "large": made_up_report(740),
        "empty": LineageReport(project="nothing", adapter="duckdb", nodes=()),
    }
    for name, report in made.items():
        (folder / f"{name}.html").write_text(lineage_page(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture
def show(browser: Browser, reports: dict[str, Path]) -> Iterator[ShowReport]:
    """Opens reports by name, and at the end holds them to: no request, no complaint."""
    with ExitStack() as places:
        shown: list[Report] = []

        def show(name: str, **context: Any) -> Report:
            shown.append(places.enter_context(opened(browser, reports[name], **context)))
            return shown[-1]

        yield show
        for report in shown:
            assert (report.requests, report.complaints) == ([], [])
