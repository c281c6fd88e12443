"""The pages: template, style, scripts and data put into one file that needs nothing else.

A Content-Security-Policy in the file lets run and apply what is here, by hash, and nothing else: should a
name ever find a way into the markup, it would still be inert.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlorch.domain.masking import replace_texts
from sqlorch.reports.payload import detail_document, graph_document, packed
from sqlorch.reports.run_payload import run_document, texts_document

if TYPE_CHECKING:
    from sqlorch.reports.model import LineageReport
    from sqlorch.reports.run_model import RunReport

_MARK = re.compile(r"@@([A-Z]+)@@")
# Lines of comment and indentation, a fifth of the scripts: every report would carry them.
_NOT_RUN = re.compile(r"^[ ]*(?://.*\n|/\*\*(?s:.*?)\*/\n)|^[ ]+", re.MULTILINE)


def lineage_page(report: LineageReport, *, mask: Callable[[str], str] = str) -> str:
    """The whole file, as text. The same report always gives the same text.

    Args:
        report: what it shows.
        mask: takes secrets out of a text; templates may have put them into SQL, and so into columns' names.
    """
    documents = {"GRAPH": graph_document(report), "DETAIL": detail_document(report)}
    data = {name: packed(replace_texts(document, mask)) for name, document in documents.items()}
    style = _asset("style.css")
    return _page("page.html", f"{report.project} lineage", style, _scripts("order.txt"), data)


def run_page(report: RunReport) -> str:
    """The whole file of a report on one run, as text. The same report always gives the same text."""
    data = {"RUN": packed(run_document(report)), "TEXTS": packed(texts_document(report))}
    style = _asset("style.css") + _asset("run.css")
    title = f"{report.group} {report.interval}: {report.state}"
    return _page("run.html", title, style, _scripts("run_order.txt"), data)


def _page(template: str, title: str, style: str, script: str, data: Mapping[str, str]) -> str:
    return _filled(
        _asset(template),
        {
            "POLICY": html.escape(_policy(style, script)),
            "TITLE": html.escape(title),
            "STYLE": style,
            "SCRIPT": script,
            **data,
        },
    )


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data: blob:",  # the exported picture
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    """As browsers compute it for an inline element: over exactly what stands between its tags."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _scripts(order: str) -> str:
    """The scripts in the order a file of ``js`` names, as one function that leaves nothing global."""
    script = "\n".join(_asset(f"js/{name}") for name in _asset(f"js/{order}").split())
    return f"(() => {{\n'use strict';\n{_NOT_RUN.sub('', script)}\n}})();"


def _asset(name: str) -> str:
    return files("sqlorch.reports").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Every mark replaced at once, so that what is put in is not looked through again."""
    return _MARK.sub(lambda found: values[found[1]], template)
