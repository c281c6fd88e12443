"""A template taken apart: its SQL, its Jinja without whitespace and comments, and how its blocks nest."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2 import Environment, TemplateError
from jinja2.lexer import Lexer

_QUIET = frozenset({"whitespace", "comment_begin", "comment", "comment_end", "linecomment"})
_OPENERS = frozenset(
    {"if", "for", "macro", "call", "filter", "test", "data_test", "materialization", "snapshot", "docs"}
)
_BRANCHES = frozenset({"elif", "else"})
_ONE_LINE = frozenset({"ref", "source", "var", "env_var", "this"})
MARK = "jinja_code_"
"""How the name of code begins that may write any text, so that hiding it in an SQL comment matters."""


class NotJinjaError(Exception):
    """The text cannot be taken apart; whoever compares it takes it as changed."""


@dataclass(frozen=True, slots=True)
class Text:
    """Literal text, whitespace as the template's marks (``{%-``) leave it."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """One ``{{ }}`` or ``{% %}`` that opens nothing.

    Attributes:
        words: its tokens, strings in one quoting.
        writes: whether its value appears in the text, as ``{{ }}`` does.
    """

    words: tuple[str, ...]
    writes: bool

    @property
    def mark(self) -> str:
        """A name that stands for it in SQL: equal for equal code."""
        return mark_of(self.words)


@dataclass(slots=True)
class Block:
    """A tag with a body, or several: those of ``elif`` and ``else``.

    Attributes:
        words: tokens of the opening tag.
        conditions: tokens of the tags that open each further body.
        bodies: what each holds.
    """

    words: tuple[str, ...]
    conditions: list[tuple[str, ...]] = field(default_factory=list)
    bodies: list[list[Part]] = field(default_factory=lambda: [[]])

    @property
    def name(self) -> str:
        """The tag: ``if``, ``for``, ``macro``, ``set`` ..."""
        return self.words[0]


Part = Text | Code | Block


def mark_of(words: Sequence[str]) -> str:
    """A name for a piece of code, fit for SQL; :data:`MARK` in front unless the code writes one line."""
    start = "one_line_" if words and words[0] in _ONE_LINE else MARK
    return start + hashlib.blake2b("\0".join(words).encode(), digest_size=8).hexdigest()


def read_parts(source: str) -> list[Part]:
    """Take a template apart; ``config()`` at the top is left out, its values are compared by themselves.

    Raises:
        NotJinjaError: it is no Jinja, or its blocks do not close.
    """
    try:
        flat = list(_flat(source))
    except TemplateError as error:
        raise NotJinjaError(str(error)) from error
    top: list[Part] = []
    open_: list[Block] = []
    for part in flat:
        if isinstance(part, Code) and not part.writes:
            _tag(part, top, open_)
        elif not (isinstance(part, Code) and not open_ and part.words[:2] == ("config", "(")):
            (open_[-1].bodies[-1] if open_ else top).append(part)
    if open_:
        raise NotJinjaError(f"{{% {open_[-1].name} %}} is not closed")
    return top


def skeleton(parts: Sequence[Part]) -> Iterator[tuple[str, ...]]:
    """All code of a template in order, without its text."""
    for part in parts:
        if isinstance(part, Code):
            yield part.words
        elif isinstance(part, Block):
            for words, body in zip([part.words, *part.conditions], part.bodies, strict=True):
                yield words
                yield from skeleton(body)
            yield ("end",)


def _tag(tag: Code, top: list[Part], open_: list[Block]) -> None:
    name = tag.words[0] if tag.words else ""
    here = open_[-1].bodies[-1] if open_ else top
    if name in _OPENERS or (name == "set" and "=" not in tag.words):
        block = Block(tag.words)
        here.append(block)
        open_.append(block)
    elif name in _BRANCHES and open_ and open_[-1].name in {"if", "for"}:
        open_[-1].conditions.append(tag.words)
        open_[-1].bodies.append([])
    elif name.startswith("end"):
        if not open_ or name != f"end{open_[-1].name}":
            raise NotJinjaError(f"{{% {name} %}} closes nothing")
        open_.pop()
    else:
        here.append(tag)


def _flat(source: str) -> Iterator[Text | Code]:
    words: list[str] = []
    for _line, kind, value in _lexer().tokeniter(source, None):
        if kind in {"variable_begin", "block_begin"}:
            words = []
        elif kind in {"variable_end", "block_end"}:
            yield Code(tuple(words), writes=kind == "variable_end")
        elif kind == "data":
            yield Text(value)
        elif kind == "string":
            words.append(_string(value))
        elif kind not in _QUIET and kind not in {"raw_begin", "raw_end"}:
            words.append(value)


def _string(written: str) -> str:
    try:
        return repr(ast.literal_eval(written))
    except (ValueError, SyntaxError):  # an escape Python does not know: as written
        return written


@cache
def _lexer() -> Lexer:
    return Environment(autoescape=False).lexer  # noqa: S701 - nothing is rendered
