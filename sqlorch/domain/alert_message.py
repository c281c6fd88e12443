"""A message to people: what happened, to whom it belongs, what to do next. As text and as HTML.

Names, errors and reasons are other people's text: escaped in HTML, and in text without what chat services
would act on (``@everyone``, ``<!channel>``).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlorch.domain.alerts import Weight

_LONGEST_TITLE = 160
_BREAKS = re.compile(r"\s+")
_MENTION = re.compile(r"(?:@(?=(?:everyone|here|channel|all)\b)|<(?=[!@#]))", re.IGNORECASE)
_PAUSE = "\u200b"  # zero-width space: it reads the same, and is no mention any more


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Points:
    """A list under a heading; ``heading`` may be empty."""

    heading: str
    points: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """A line to type into a terminal, after a word on what it does."""

    label: str
    line: str


@dataclass(frozen=True, slots=True)
class Link:
    """An address to open."""

    address: str


Block = Paragraph | Points | Command | Link


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent.

    Attributes:
        title: one line.
        weight: how bad it is.
        blocks: the body, from the most important down, so that a receiver that cuts it keeps the best.
    """

    title: str
    weight: Weight
    blocks: tuple[Block, ...]

    @property
    def text(self) -> str:
        """The body as plain text."""
        return "\n\n".join(_as_text(block) for block in self.blocks)

    @property
    def html(self) -> str:
        """The body as a fragment of HTML."""
        return "\n".join(_as_html(block) for block in self.blocks)


def make_message(title: str, weight: Weight, blocks: Iterable[Block]) -> Message:
    """A message with a title that fits a subject line."""
    return Message(title=clip(title, _LONGEST_TITLE), weight=weight, blocks=tuple(blocks))


def clip(text: str, longest: int) -> str:
    """``text`` on one line of at most so many characters, and without a mention of everybody."""
    line = harmless(_BREAKS.sub(" ", text).strip())
    line = "".join(char if char.isprintable() or char == _PAUSE else "?" for char in line)
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def harmless(text: str) -> str:
    """``text`` without what would call for everybody in a chat."""
    return _MENTION.sub(lambda found: found[0] + _PAUSE, text)


def _as_text(block: Block) -> str:
    match block:
        case Paragraph(text):
            return text
        case Points(heading, points):
            lines = [f"- {point}" for point in points]
            return "\n".join([heading, *lines] if heading else lines)
        case Command(label, line):
            return f"{label}: {line}"
        case Link(address):
            return address


def _as_html(block: Block) -> str:
    match block:
        case Paragraph(text):
            return f"<p>{_escaped(text)}</p>"
        case Points(heading, points):
            head = f"<p><b>{_escaped(heading)}</b></p>" if heading else ""
            return f"{head}<ul>{_listed(points)}</ul>"
        case Command(label, line):
            return f"<p>{_escaped(label)}: <code>{_escaped(line)}</code></p>"
        case Link(address):
            return f'<p><a href="{_escaped(address)}">{_escaped(address)}</a></p>'


def _listed(points: Sequence[str]) -> str:
    return "".join(f"<li>{_escaped(point)}</li>" for point in points)


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
