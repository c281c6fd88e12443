"""What an error of PostgreSQL means for the person who meets it: one sentence, what, where, what to do."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, IntegrityError

from sqlorch.domain.errors import StateError

_KEPT = "everything recorded before is kept"

# by SQLSTATE or its class, the longest that fits (https://www.postgresql.org/docs/current/errcodes-appendix.html)
_SENTENCES = {
    "08": f"could not be reached ({{detail}}); repeat when it can be ({_KEPT})",
    "22001": "refused a name that is too long ({detail}); shorten it",
    "25006": "is read-only: it is a standby, or was made so; give the URL of the primary",
    "28": "refused to log in ({detail}); check user and password of the state's URL",
    "3D000": "does not exist ({detail}); create it: createdb NAME",
    "40": f"had the transaction undone for the sake of another ({{detail}}); repeat ({_KEPT})",
    "42501": "allows too little ({detail}); grant CREATE and USAGE on the schema to the user of the URL",
    "53100": f"cannot grow: its disk is full; free some space and repeat ({_KEPT})",
    "53300": "takes no more connections; raise max_connections, or end some",
    "53": f"is short of something ({{detail}}); repeat when it is not ({_KEPT})",
    "55P03": f"is being written to by another process for long; repeat, or end it ({_KEPT})",
    "57014": f"took longer than a statement may ({{detail}}); repeat when the server is less busy ({_KEPT})",
    "57P": f"ended the connection ({{detail}}); repeat ({_KEPT})",
    "25P03": f"ended a transaction this process had left idle for too long; repeat ({_KEPT})",
}
# These say that a transaction under way is no more; a lock that was not had in time leaves it to the caller.
_UNDONE = ("08", "40001", "40P01", "57P01", "57P02", "57P03", "25P03")
_PASSING = ("08", "40", "55P03", "57P01", "57P02", "57P03", "53300")
_STARTING = (
    "connection refused",
    "starting up",
    "shutting down",
    "accepting connections",  # not yet, or not any more
    "recovery mode",
    "server closed the connection",
    "reset by peer",
    "broken pipe",
    "timeout expired",
    "no such file",
)


def explain(error: DBAPIError, where: str) -> StateError:
    """The :class:`StateError` to raise instead of a driver's error."""
    detail = _detail(error)
    if isinstance(error, IntegrityError):
        return StateError(
            f"the state database {where} refused a contradiction ({detail}); nothing was changed"
        )
    sentence = _sentence(_code(error))
    if sentence is None:
        lost = error.connection_invalidated or not _code(error)
        sentence = _SENTENCES["08"] if lost else "could not be used: {detail}"
    return StateError(f"the state database {where} {sentence.format(detail=detail)}")


def is_passing(error: DBAPIError) -> bool:
    """Whether a transaction that has done nothing yet may well begin in a moment.

    libpq gives no code for a connection that cannot be made, so its words are looked at. Words of another
    language are not found: then nothing is tried again.
    """
    code = _code(error)
    if code:
        return code.startswith(_PASSING)
    text = str(error.orig).lower()
    return any(words in text for words in _STARTING)


def is_undone(error: DBAPIError) -> bool:
    """Whether a transaction was undone by no fault of its own, so that all of it may be done again."""
    return error.connection_invalidated or _code(error).startswith(_UNDONE)


def _sentence(code: str) -> str | None:
    found = [key for key in _SENTENCES if code.startswith(key)]
    return _SENTENCES[max(found, key=len)] if found else None


def _code(error: DBAPIError) -> str:
    return str(getattr(error.orig, "pgcode", None) or "")


def _detail(error: DBAPIError) -> str:
    """The driver's first line: those that follow point into a statement nobody has written."""
    lines = str(error.orig).strip().splitlines()
    return lines[0].removeprefix("ERROR:").strip() if lines else type(error.orig).__name__
