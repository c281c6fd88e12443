"""Secrets out of text that leaves the house, in whatever form they are written there.

What is masked may be written by anybody, an error may quote a megabyte of somebody's data: every pattern is
bounded, so that the time grows with the length of the text and not with its square.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus, unquote

MASK = "*****"
SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|DSN", re.IGNORECASE
)
_SHORTEST = 4  # characters; masking less would tear ordinary words apart
_LONG = 8  # characters of what only its variable's name makes a secret
_LINE = (
    16  # characters of a line of a secret that has several; texts are put on one line before they are kept
)
_DBT = "DBT_ENV_SECRET"
_URL_PASSWORD = re.compile(r"(?P<head>[A-Za-z0-9+.-]://[^\s/@:'\"]{0,256}):[^\s/'\"]{1,512}@")
_ASSIGNED = re.compile(
    r"(?P<head>(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"['\"]?\s{0,9}(?:=>|[=:])\s{0,9})"
    # in quotes, doubled ones and those behind a backslash within; the closing one may have been cut off
    r"(?:'(?:[^'\\]|''|\\.){0,2000}'?|\"(?:[^\"\\]|\"\"|\\.){0,2000}\"?|[^\s,;&)'\"]{1,2000})",
    re.IGNORECASE | re.DOTALL,
)
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic)\s{1,9})[A-Za-z0-9._~+/=-]{8,}")


class Masker:
    """Replaces secrets; mask first and shorten afterwards, or a half of one is left.

    Args:
        secrets: values that must not be told; each also as it looks in a URL, in base64, in JSON and in SQL.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """``text`` without secrets, and without what looks like one: passwords in URLs and assignments."""
        text = _ASSIGNED.sub(rf"\g<head>{MASK}", self.known(text))
        return _BEARER.sub(rf"\g<head>{MASK}", text)

    def known(self, text: str) -> str:
        """``text`` without secrets and passwords in URLs: for SQL, where ``token = ...`` is ordinary."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return _URL_PASSWORD.sub(rf"\g<head>:{MASK}@", text) if "://" in text else text


def replace_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Plain data with every text in it changed, those in lists and mappings and their keys too.

    Args:
        value: the data.
        change: makes the new text, by masking what is secret in it for example.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {replace_texts(key, change): replace_texts(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(replace_texts(item, change) for item in value)
    return value


def names_secret(name: str) -> bool:
    """Whether the name of an environment variable says that it holds a secret."""
    return name.startswith(_DBT) or SECRET_NAME.search(name) is not None


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """Values of the environment whose names say that they are secrets.

    Short ones are left out, ``true`` and ``3600`` among them, unless dbt's prefix says they are secret.
    """
    return [
        value
        for name, value in environ.items()
        if name.startswith(_DBT) or (SECRET_NAME.search(name) and len(value) >= _LONG)
    ]


def secrets_in(settings: Any) -> Iterator[str]:
    """Values in nested settings, such as a profile's, whose keys say that they are secrets."""
    if isinstance(settings, Mapping):
        for key, value in settings.items():
            if isinstance(value, str) and (SECRET_NAME.search(str(key)) or key == "pass"):
                yield value
            else:
                yield from secrets_in(value)
    elif isinstance(settings, Sequence) and not isinstance(settings, str | bytes):
        for value in settings:
            yield from secrets_in(value)


def _forms(secret: str) -> set[str]:
    secret = secret.strip()
    if len(secret) < _SHORTEST:
        return set()
    raw = secret.encode(errors="surrogateescape")
    forms = {secret, quote(raw, safe=""), quote_plus(raw), unquote(secret)}
    forms |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    forms |= {
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("'", "''"),
    }
    lines = secret.splitlines()
    if len(lines) > 1:
        forms |= {line.strip() for line in lines if len(line.strip()) >= _LINE}
    return {form for form in forms if len(form) >= _SHORTEST}
