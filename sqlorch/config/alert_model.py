"""What ``sqlorch.yml`` says under ``alerts:``: every key and what it may be."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
    model_validator,
)

from sqlorch.config.fields import GroupNames, OneLine, Timeout, refusal
from sqlorch.config.keys import Keys
from sqlorch.config.places import shown
from sqlorch.domain.alerts import DEFAULT_SUPPRESSION, KINDS

LOG = "log"
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*\Z|file:/[^\0]+\Z", re.ASCII)
_FORMS = "env:NAME of an environment variable, file:/absolute/path, or log"
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS = ("run_id", "group")
_HTTP = ("http", "https")


def _reference(value: object) -> str:
    if not isinstance(value, str):
        raise refusal(f"must be {_FORMS}, not {shown(value)}")
    if value == LOG or _REFERENCE.match(value):
        return value
    if "://" in value:  # it may hold a password: never said again
        raise refusal(
            "a URL is not written here, where everybody who sees the project could send with it; put it into "
            "an environment variable and write env:NAME, or into a file and write file:/path"
        )
    raise refusal(f"must be {_FORMS}")


def _kind(name: str) -> str:
    if name not in KINDS:
        near = get_close_matches(name[:64], KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"they are: {', '.join(KINDS)}"
        raise refusal(f"there are no alerts of the kind {shown(name)}; {hint}")
    return name


def _link(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in _HTTP and bool(parts.hostname) and text.isprintable() and " " not in text
        secret = bool(parts.username or parts.password)
    except ValueError:
        usable = secret = False
    if secret:
        raise refusal("must hold no name and password: everybody who is alerted sees it")
    if not usable:
        raise refusal(f"must be an address like https://host/runs/{{run_id}}, not {shown(text)}")
    for name in _PLACEHOLDER.findall(text):
        if name not in _PLACEHOLDERS:
            raise refusal(f"knows {{run_id}} and {{group}}, not {shown('{' + name + '}')}")
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _receivers(value: object) -> object:
    if value is None:
        return []
    if not isinstance(value, list):
        raise refusal(f"must be a list of receivers, as in [{{url: env:SLACK_URL}}], not {shown(value)}")
    return value


def _texts(description: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [description, {"type": "array", "items": description}]})


Reference = Annotated[
    str,
    BeforeValidator(_reference),
    WithJsonSchema({"type": "string", "pattern": "^(log|env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$"}),
]
KindName = Annotated[StrictStr, AfterValidator(_kind)]
KindNames = Annotated[
    list[KindName], BeforeValidator(_listed), _texts({"type": "string", "enum": list(KINDS)})
]
Names = Annotated[list[OneLine], BeforeValidator(_listed), _texts({"type": "string", "minLength": 1})]
LinkAddress = Annotated[
    StrictStr, AfterValidator(_link), WithJsonSchema({"type": "string", "pattern": "^https?://"})
]


class ReceiverKeys(Keys):
    """One receiver of alerts, and what it is told."""

    url: Reference = Field(
        description="Where its URL is, as Apprise reads it: env:NAME or file:/path; log for a file in the "
        "state folder. Never the URL itself.",
        examples=["env:SLACK_URL", "file:/run/secrets/mail_url", "log"],
    )
    optional: StrictBool = Field(
        default=False,
        description="There is no such receiver while its variable or file is not set; otherwise that is told "
        "as a failed delivery.",
        examples=[True],
    )
    name: OneLine | None = Field(
        default=None,
        description="What sqlorch calls it; needed where two have the same url.",
        examples=["on-call"],
    )
    kinds: KindNames = Field(
        default_factory=list,
        description="Kinds of alerts it is told of; by default all but node_slow.",
        examples=[["run_failed", "run_recovered"]],
    )
    groups: GroupNames = Field(
        default_factory=list, description="Groups it is told of; all by default.", examples=[["daily"]]
    )
    owners: Names = Field(
        default_factory=list,
        description="Owners (meta.owner of a node, owner of a group) whose alerts it is told of.",
        examples=[["data-team@example.org"]],
    )
    channels: Names = Field(
        default_factory=list,
        description="Values of meta.channel it is told of, and then of nothing else; other receivers are not "
        "told of these.",
        examples=[["finance"]],
    )


class AlertKeys(Keys):
    """Who is told when something goes wrong."""

    to: Annotated[list[ReceiverKeys], BeforeValidator(_receivers)] = Field(
        default_factory=list,
        description="The receivers.",
        examples=[[{"url": "env:SLACK_URL"}, {"url": "env:MAIL_URL", "owners": ["finance@example.org"]}]],
    )
    suppression: Timeout = Field(
        default=DEFAULT_SUPPRESSION,
        description="The same trouble is told again after this long at the earliest.",
        examples=["1h"],
    )
    manual: StrictBool = Field(
        default=False, description="Whether runs that a person starts are told of too.", examples=[False]
    )
    link: LinkAddress | None = Field(
        default=None,
        description="Address of a run for people; {run_id} and {group} are filled in.",
        examples=["https://sqlorch.example.org/runs/{run_id}"],
    )

    @model_validator(mode="after")
    def _names_differ(self) -> AlertKeys:
        names = [receiver.name or receiver.url for receiver in self.to]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise refusal(f"two receivers are called {shown(twice)}; give one of them a name:", key="to")
        return self
