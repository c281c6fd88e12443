"""An alert book as JSON, the way it travels to the process that delivers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlorch.domain.alerts import AlertBook, Contact, Receiver
from sqlorch.domain.errors import StateError


def encode_book(book: AlertBook) -> str:
    """One line of JSON."""
    document = {
        "project": book.project,
        "receivers": [asdict(receiver) for receiver in book.receivers],
        "suppression": book.suppression,
        "link": book.link,
        "project_dir": book.project_dir,
        "contacts": {uid: asdict(contact) for uid, contact in book.contacts.items()},
        "group_owners": dict(book.group_owners),
    }
    return json.dumps(document, separators=(",", ":"))


def decode_book(text: str) -> AlertBook:
    """The book that :func:`encode_book` wrote.

    Raises:
        StateError: the text is something else.
    """
    try:
        document = json.loads(text)
        return AlertBook(
            project=str(document["project"]),
            receivers=tuple(Receiver(**_tuples(data)) for data in document["receivers"]),
            suppression=float(document["suppression"]),
            link=str(document["link"]),
            project_dir=str(document["project_dir"]),
            contacts={uid: Contact(**_tuples(data)) for uid, data in document["contacts"].items()},
            group_owners={name: tuple(owners) for name, owners in document["group_owners"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateError(f"who is to be alerted cannot be read ({type(error).__name__}: {error})") from error


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
