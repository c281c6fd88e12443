"""The page: template, style, scripts and data put into one file that needs nothing else.

A Content-Security-Policy in the file lets run and apply what is here, by hash, and nothing else: should a
name ever find a way into the markup, it would still be inert.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING

from sqlorch.reports.payload import detail_document, graph_document, packed

if TYPE_CHECKING:
    from sqlorch.reports.model import LineageReport

_MARK = re.compile(r"@@([A-Z]+)@@")
# Lines of comment and indentation, a fifth of the scripts: every report would carry them.
_NOT_RUN = re.compile(r"^[ ]*(?://.*\n|/\*\*(?s:.*?)\*/\n)|^[ ]+", re.MULTILINE)


def lineage_page(report: LineageReport) -> str:
    """The whole file, as text. The same report always gives the same text."""
    style, script = _asset("style.css"), _scripts()
    return _filled(
        _asset("page.html"),
        {
            "POLICY": html.escape(_policy(style, script)),
            "TITLE": html.escape(f"{report.project} lineage"),
            "STYLE": style,
            "GRAPH": packed(graph_document(report)),
            "DETAIL": packed(detail_document(report)),
            "SCRIPT": script,
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


def _scripts() -> str:
    """The scripts in the order of ``js/order.txt``, as one function that leaves nothing global."""
    script = "\n".join(_asset(f"js/{name}") for name in _asset("js/order.txt").split())
    return f"(() => {{\n'use strict';\n{_NOT_RUN.sub('', script)}\n}})();"


def _asset(name: str) -> str:
    return files("sqlorch.reports").joinpath("assets", *name.split("/")).read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Every mark replaced at once, so that what is put in is not looked through again."""
    return _MARK.sub(lambda found: values[found[1]], template)
