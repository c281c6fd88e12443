"""Who is told what of a project that was read from its files."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from sqlorch.config.alerts import make_book

if TYPE_CHECKING:
    from sqlorch.app.lineage import LineageView
    from sqlorch.domain.alerts import AlertBook

_LOG = "log"


def read_book(view: LineageView) -> tuple[AlertBook, tuple[str, ...]]:
    """The book of a project, and what a person should know of it.

    Raises:
        SqlorchError: the groups cannot be used.
    """
    settings = view.workspace.settings.alerts
    book, notices = make_book(
        settings, project=view.project.name, dag=view.project.dag, groups=view.grouping.groups
    )
    book = replace(book, project_dir=str(view.workspace.location.project_dir))
    needed = any(receiver.url != _LOG for receiver in settings.receivers)
    if needed and find_spec("apprise") is None:
        notices += ("alerts cannot be sent, because Apprise is missing: pip install 'sqlorch[alerts]'",)
    return book, notices
