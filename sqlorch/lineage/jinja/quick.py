"""Runs everyday templates without compiling them: text, expressions, ``if``, ``for``, ``set`` and ``do``.

Whatever else a file contains (macros, ``call``, ``raw``, ...) is left to Jinja itself: the reader says None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.runtime import LoopContext
from jinja2.utils import Namespace

from sqlorch.lineage.jinja.environment import DbtEnvironment, DbtParser
from sqlorch.lineage.jinja.expressions import Frame, evaluate, supported
from sqlorch.lineage.jinja.limits import CountedLoop, LimitError
from sqlorch.lineage.jinja.undefined import Lenient

_OPEN = re.compile(r"\{([{%#])([-+]?)")
# A string that does not end is matched too: what is behind it must not be looked at again and again.
_INSIDE = re.compile(
    r"'[^'\\]*(?:\\.[^'\\]*)*(?:'|(?P<cut>\\?\Z))|\"[^\"\\]*(?:\\.[^\"\\]*)*(?:\"|(?P<cut2>\\?\Z))"
    r"|(?P<open>[\[({])|(?P<end>-?\}\}|[-+]?%\})|(?P<shut>[\])}])",
    re.DOTALL,
)
_STATEMENT = re.compile(r"\s*(?P<word>\w+)\b(?P<rest>.*)\Z", re.DOTALL)
_SET = re.compile(
    r"\s*(?P<name>[A-Za-z_]\w*)(?:\.(?P<attr>[A-Za-z_]\w*))?\s*(?:=(?!=)(?P<value>.*))?\Z", re.DOTALL
)
_REF = re.compile(r"\s*ref\(\s*(['\"])([^'\"\\]+)\1\s*\)\s*\Z")
_KEPT_EXPRESSIONS = 20_000
_LONGEST_KEPT = 300

Run = Callable[[Frame, list[str]], None]


class _NotQuickError(Exception):
    """The template needs the compiler."""


@dataclass(slots=True)
class _Block:
    """A tag that is still open: its word, its expression, and the bodies read so far."""

    word: str
    head: Any
    bodies: list[tuple[Any, list[Run]]] = field(default_factory=list)

    @property
    def body(self) -> list[Run]:
        return self.bodies[-1][1]


class QuickReader:
    """Reads templates; expressions that come again are parsed once.

    Args:
        env: parses expressions and knows filters and tests.
    """

    def __init__(self, env: DbtEnvironment) -> None:
        self._env = env
        self._expressions: dict[str, nodes.Expr] = {}

    def read(self, source: str) -> list[Run] | None:
        """Return the template as steps to run, or None when it has to be compiled."""
        if len(source) > self._env.budget.limits.source:
            raise LimitError(f"the file has more than {self._env.budget.limits.source:,} characters")
        if "\r" in source:
            # Jinja has its own idea of old line ends.
            return None
        try:
            return self._steps(source.removesuffix("\n"))
        except (_NotQuickError, TemplateError):
            return None

    def read_value(self, text: str) -> nodes.Expr | None:
        """Return the expression of a text that is exactly one ``{{ expression }}``, or None."""
        try:
            tokens = list(_tokens(text))
            return self._expression(tokens[0][1]) if len(tokens) == 1 and tokens[0][0] == "{" else None
        except (_NotQuickError, TemplateError):
            return None

    def run(self, steps: list[Run], frame: Frame) -> str:
        """Run what :meth:`read` returned."""
        out: list[str] = []
        _run_all(steps, frame, out)
        return self._env.bounded_join(out)

    def _steps(self, source: str) -> list[Run]:
        stack = [_Block("", None, [(None, [])])]
        for kind, content in _tokens(source):
            if kind == "text":
                stack[-1].body.append(_text(content))
            elif kind == "{":
                stack[-1].body.append(self._output(content))
            else:
                self._statement(content, stack)
        if len(stack) > 1:
            raise _NotQuickError
        return stack[0].body

    def _statement(self, content: str, stack: list[_Block]) -> None:
        match = _STATEMENT.match(content)
        word, rest = (match["word"], match["rest"]) if match else ("", "")
        block = stack[-1]
        if word == "if":
            stack.append(_Block("if", None, [(self._condition(rest), [])]))
        elif word in {"elif", "else"}:
            self._branch(block, word, rest)
        elif word == "for":
            stack.append(_Block("for", self._loop(content), [(None, [])]))
        elif word == "set":
            self._set(rest, stack)
        elif word == "do":
            block.body.append(_do(self._expression(rest)))
        elif word == f"end{block.word}" and block.word and not rest.strip():
            stack.pop()
            stack[-1].body.append(_close(block))
        else:
            raise _NotQuickError

    def _branch(self, block: _Block, word: str, rest: str) -> None:
        has_else = len(block.bodies) > 1 and block.bodies[-1][0] is None
        if block.word not in {"if", "for"} or has_else or (word == "elif" and block.word == "for"):
            raise _NotQuickError
        if word == "else" and rest.strip():
            raise _NotQuickError
        block.bodies.append((self._condition(rest) if word == "elif" else None, []))

    def _set(self, rest: str, stack: list[_Block]) -> None:
        match = _SET.match(rest)
        if match is None or (match["value"] is None and match["attr"]):
            raise _NotQuickError
        if match["value"] is None:
            stack.append(_Block("set", match["name"], [(None, [])]))
        else:
            stack[-1].body.append(_assign(match["name"], match["attr"], self._expression(match["value"])))

    def _loop(self, content: str) -> tuple[tuple[str, ...], bool, nodes.Expr]:
        tree = DbtParser(self._env, f"{{% {content} %}}{{% endfor %}}").parse()
        node = tree.body[0]
        if not isinstance(node, nodes.For) or node.test is not None or node.recursive:
            raise _NotQuickError
        iterated = node.iter.node if isinstance(node.iter, nodes.Filter) else None
        targets = list(getattr(node.target, "items", [node.target]))
        names = tuple(target.name for target in targets if isinstance(target, nodes.Name))
        if iterated is None or len(names) != len(targets) or not supported(iterated):
            raise _NotQuickError
        return names, isinstance(node.target, nodes.Tuple), iterated

    def _output(self, content: str) -> Run:
        literal = _REF.match(content)
        return _reference(literal[2]) if literal else _print(self._expression(content))

    def _expression(self, text: str) -> nodes.Expr:
        return self._known(f"{{{{ {text.strip()} }}}}")

    def _condition(self, text: str) -> nodes.Expr:
        # The grammar of a condition differs: it may not itself be "a if b else c".
        return self._known(f"{{% if {text.strip()} %}}{{% endif %}}")

    def _known(self, template: str) -> nodes.Expr:
        known = self._expressions.get(template)
        if known is None:
            known = self._parse(template)
            if len(template) <= _LONGEST_KEPT and len(self._expressions) < _KEPT_EXPRESSIONS:
                self._expressions[template] = known
        return known

    def _parse(self, template: str) -> nodes.Expr:
        body = DbtParser(self._env, template).parse().body
        node: Any = body[0] if len(body) == 1 else None
        if isinstance(node, nodes.Output) and len(node.nodes) == 1:
            node = node.nodes[0]
        elif isinstance(node, nodes.If):
            node = node.test
        if not isinstance(node, nodes.Expr) or isinstance(node, nodes.TemplateData) or not supported(node):
            raise _NotQuickError
        return node


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    """Split a template into text, expressions (``{``) and statements (``%``), whitespace already trimmed."""
    position, trim_next = 0, False
    while True:
        match = _OPEN.search(source, position)
        text = source[position : match.start() if match else len(source)]
        text = text.lstrip() if trim_next else text
        if match is None:
            if text:
                yield "text", text
            return
        text = text.rstrip() if match[2] == "-" else text
        if text:
            yield "text", text
        start = match.end()
        if match[1] == "#":
            end = source.find("#}", start)
            if end < 0:
                raise _NotQuickError
            trim_next = source[start:end].endswith("-")
            position = end + 2
            continue
        end, position = _end(source, start, "}}" if match[1] == "{" else "%}")
        trim_next = source[end] == "-"
        yield match[1], source[start:end]


def _end(source: str, start: int, mark: str) -> tuple[int, int]:
    depth, position = 0, start
    while match := _INSIDE.search(source, position):
        position = match.end()
        if match["open"]:
            depth += 1
        elif match["shut"]:
            depth -= 1
        elif match["end"]:
            if depth > 0 and match["end"].endswith("}}"):
                # Two closing braces of dictionaries, not the end of the tag: take one at a time.
                depth -= 1
                position = match.start() + match["end"].index("}") + 1
            elif match["end"].endswith(mark) and depth == 0:
                return match.start(), match.end()
    raise _NotQuickError


def _run_all(steps: list[Run], frame: Frame, out: list[str]) -> None:
    for step in steps:
        step(frame, out)


def _text(text: str) -> Run:
    return lambda _frame, out: out.append(text)


def _print(node: nodes.Expr) -> Run:
    return lambda frame, out: out.append(str(evaluate(node, frame)))


def _do(node: nodes.Expr) -> Run:
    def run(frame: Frame, _out: list[str]) -> None:
        evaluate(node, frame)

    return run


def _reference(name: str) -> Run:
    def run(frame: Frame, out: list[str]) -> None:
        out.append(str(frame.env.call(frame.context, frame.lookup("ref"), name)))

    return run


def _assign(name: str, attribute: str | None, node: nodes.Expr) -> Run:
    def run(frame: Frame, _out: list[str]) -> None:
        value = evaluate(node, frame)
        if attribute is None:
            frame.scope[name] = value
            return
        holder = frame.lookup(name)
        if not isinstance(holder, Namespace):
            raise TypeError("cannot assign attribute on non-namespace object")
        holder[attribute] = value

    return run


def _close(block: _Block) -> Run:
    if block.word == "if":
        return _if(block.bodies)
    return _for(block) if block.word == "for" else _set_block(block)


def _if(bodies: list[tuple[Any, list[Run]]]) -> Run:
    def run(frame: Frame, out: list[str]) -> None:
        for condition, body in bodies:
            if condition is None or evaluate(condition, frame):
                _run_all(body, frame, out)
                return

    return run


def _set_block(block: _Block) -> Run:
    def run(frame: Frame, _out: list[str]) -> None:
        inner = frame.inner()
        found: list[str] = []
        _run_all(block.body, inner, found)
        frame.scope[block.head] = frame.env.bounded_join(found)

    return run


def _for(block: _Block) -> Run:
    names, unpacks, iterated = block.head
    body = block.bodies[0][1]
    otherwise = block.bodies[1][1] if len(block.bodies) > 1 else []

    def run(frame: Frame, out: list[str]) -> None:
        empty = True
        values = CountedLoop(evaluate(iterated, frame), frame.env.budget)
        for item, loop in LoopContext(values, undefined=Lenient):
            empty = False
            inner = frame.inner()
            inner.scope["loop"] = loop
            _bind(inner, names, item, unpacks=unpacks)
            _run_all(body, inner, out)
        if empty:
            _run_all(otherwise, frame.inner(), out)

    return run


def _bind(frame: Frame, names: tuple[str, ...], item: Any, *, unpacks: bool) -> None:
    if not unpacks:
        frame.scope[names[0]] = item
        return
    values = list(item)
    if len(values) != len(names):
        raise ValueError(f"expected {len(names)} values to unpack, got {len(values)}")
    frame.scope.update(zip(names, values, strict=True))
