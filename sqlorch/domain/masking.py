"""Secrets out of text that leaves the house, in whatever form they are written there."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus, unquote

MASK = "*****"
SECRET_NAME = re.compile(
    r"PASSWORD|PASSWD|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|DSN", re.IGNORECASE
)
_SHORTEST = 4  # characters; masking less would tear ordinary words apart
_LONG = 8  # characters of what only its variable's name makes a secret
_DBT = "DBT_ENV_SECRET"
_URL_PASSWORD = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s/@:'\"]*):[^\s/@'\"]+@")
_ASSIGNED = re.compile(
    r"(?P<head>\b[\w-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)"
    r"['\"]?\s*(?:=>|[=:])\s*)(?:'[^']*'|\"[^\"]*\"|[^\s,;&)'\"]+)",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<head>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}")


class Masker:
    """Replaces secrets; mask first and shorten afterwards, or a half of one is left.

    Args:
        secrets: values that must not be told; each also as it looks in a URL and in base64.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        self._forms = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """``text`` without secrets, and without what looks like one: passwords in URLs and assignments."""
        for form in self._forms:
            text = text.replace(form, MASK)
        text = _URL_PASSWORD.sub(rf"\g<head>:{MASK}@", text)
        text = _ASSIGNED.sub(rf"\g<head>{MASK}", text)
        return _BEARER.sub(rf"\g<head>{MASK}", text)


def secrets_of(environ: Mapping[str, str]) -> list[str]:
    """Values of the environment whose names say that they are secrets.

    Short ones are left out, ``true`` and ``3600`` among them, unless dbt's prefix says they are secret.
    """
    return [
        value
        for name, value in environ.items()
        if name.startswith(_DBT) or (SECRET_NAME.search(name) and len(value) >= _LONG)
    ]


def _forms(secret: str) -> set[str]:
    secret = secret.strip()
    if len(secret) < _SHORTEST:
        return set()
    raw = secret.encode()
    forms = {secret, quote(secret, safe=""), quote_plus(secret), unquote(secret)}
    forms |= {base64.b64encode(raw).decode().rstrip("="), base64.urlsafe_b64encode(raw).decode().rstrip("=")}
    return {form for form in forms if len(form) >= _SHORTEST}
