"""The Jinja environment dbt projects are written for: dbt's tags, sandboxed and counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.ext import Extension
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedEnvironment

from sqlorch.lineage.jinja.limits import Budget, CountedLoop, LimitError, Limits, guard_numbers
from sqlorch.lineage.jinja.undefined import Lenient

MACRO_PREFIX = "dbt_macro__"
"""dbt renames a macro where it is defined, so that calls go through its own namespace."""

_WIDE_FORMAT = re.compile(r"\d{7,}|\*")
_SIZED_FILTERS = ("center", "indent", "wordwrap", "batch", "slice", "round", "truncate", "filesizeformat")


class DbtParser(Parser):
    """Jinja's parser with dbt's macro names, typed macro arguments and counted loops."""

    def parse_macro(self) -> nodes.Macro:
        """Parse ``{% macro %}``, renamed as dbt does."""
        node = nodes.Macro(lineno=next(self.stream).lineno)
        node.name = MACRO_PREFIX + self.parse_assign_target(name_only=True).name
        self.parse_signature(node)
        node.body = self.parse_statements(("name:endmacro",), drop_needle=True)
        return node

    def parse_signature(self, node: Any) -> None:
        """Parse ``(a, b: int = 1)``; the types say nothing about lineage."""
        node.args, node.defaults = [], []
        self.stream.expect("lparen")
        while self.stream.current.type != "rparen":
            if node.args:
                self.stream.expect("comma")
            arg = self.parse_assign_target(name_only=True)
            arg.set_ctx("param")
            if self.stream.skip_if("colon"):
                self._skip_type()
            if self.stream.skip_if("assign"):
                node.defaults.append(self.parse_expression())
            elif node.defaults:
                self.fail("non-default argument follows default argument")
            node.args.append(arg)
        self.stream.expect("rparen")

    def _skip_type(self) -> None:
        self.stream.expect("name")
        if self.stream.skip_if("lbracket"):
            while self.stream.current.type != "rbracket":
                self._skip_type()
                self.stream.skip_if("comma")
            self.stream.expect("rbracket")

    def parse_for(self) -> nodes.For:
        """Parse ``{% for %}`` and put the counter around what it runs over."""
        node = super().parse_for()
        node.iter = nodes.Filter(node.iter, "__counted", [], [], None, None, lineno=node.lineno)
        return node


class _CountedConcat:
    """Code generation shared by the text and the native environment: ``~`` through the budget."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 # the visitor's naming
        """Write ``a ~ b`` as a call that knows how long a text may get."""
        generator: Any = self
        generator.write("environment.bounded_concat((")
        for part in node.nodes:
            generator.visit(part, frame)
            generator.write(", ")
        generator.write("))")


class _TextGenerator(_CountedConcat, CodeGenerator):
    pass


class _NativeGenerator(_CountedConcat, NativeCodeGenerator):
    pass


class _Tag(Extension):
    """A block that dbt stores as a macro: its name is the tag's prefix plus the block's."""

    prefix: ClassVar[str]
    end: ClassVar[tuple[str, ...]]
    has_signature: ClassVar[bool] = False

    def parse(self, parser: Parser) -> nodes.Node:
        """Turn the block into a macro node."""
        node = nodes.Macro(lineno=next(parser.stream).lineno)
        node.name = MACRO_PREFIX + self.prefix + parser.parse_assign_target(name_only=True).name
        node.args, node.defaults = [], []
        if self.has_signature:
            parser.parse_signature(node)
        else:
            while parser.stream.current.type != "block_end":
                next(parser.stream)
        node.body = parser.parse_statements(self.end, drop_needle=True)
        return node


class _Test(_Tag):
    tags = {"test", "data_test"}  # noqa: RUF012 # as jinja declares it
    prefix = "test_"
    end = ("name:endtest", "name:enddata_test")
    has_signature = True


class _Materialization(_Tag):
    tags = {"materialization"}  # noqa: RUF012 # as jinja declares it
    prefix = "materialization_"
    end = ("name:endmaterialization",)


class _Docs(_Tag):
    tags = {"docs"}  # noqa: RUF012 # as jinja declares it
    prefix = "docs_"
    end = ("name:enddocs",)


class _Snapshot(_Tag):
    tags = {"snapshot"}  # noqa: RUF012 # as jinja declares it
    prefix = "snapshot_"
    end = ("name:endsnapshot",)


class DbtEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox in which every loop, call, concatenation and repetition is counted.

    Templates may change lists and dictionaries (``{% do columns.append(x) %}`` is everyday dbt), so of the
    immutable sandbox only the refusal of unsafe attributes is kept; what is shared between renders is handed
    out as copies.

    Args:
        limits: the bounds of one render.
    """

    code_generator_class: type[CodeGenerator] = _TextGenerator
    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(
            extensions=[
                "jinja2.ext.do",
                "jinja2.ext.loopcontrols",
                _Test,
                _Materialization,
                _Docs,
                _Snapshot,
            ],
            undefined=Lenient,
            cache_size=0,
        )
        self.budget = Budget(limits or Limits())
        for name in _SIZED_FILTERS:
            self.filters[name] = guard_numbers(self.filters[name], self.budget)
        self.filters["format"] = self._format
        self.filters["list"] = self.budget.drain
        self.filters["__counted"] = self._counted
        for name in ("as_text", "as_bool", "as_native", "as_number"):
            self.filters[name] = _unchanged
        self.filters["is_list"] = _is_list
        self.concat = self.bounded_join  # type: ignore[method-assign] # jinja's is meant to be replaced

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return DbtParser(self, source, name, filename).parse()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what the mutable sandbox allows."""
        return SandboxedEnvironment.is_safe_attribute(self, obj, attr, value)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 # jinja's own spelling: a macro may take an argument called self
        """Call a template's function: counted, and not with a number that would fill the memory."""
        __self.budget.spend()
        if isinstance(getattr(__obj, "__self__", None), str):
            __obj = guard_numbers(__obj, __self.budget)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator whose result could be far larger than its operands."""
        if operator == "*":
            self._check_repeat(left, right)
        elif operator == "**":
            self._check_power(left, right)
        elif operator == "%":
            self._check_format(left)
        elif isinstance(left, str) and isinstance(right, str):
            self.budget.check_text(len(left) + len(right))
        elif isinstance(left, list) and isinstance(right, list):
            self.budget.check_items(len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def bounded_concat(self, parts: tuple[Any, ...]) -> str:
        """Join the operands of ``~``."""
        texts = [str(part) for part in parts]
        self.budget.check_text(sum(map(len, texts)))
        return "".join(texts)

    def bounded_join(self, parts: Iterable[str]) -> str:
        """Join the output of a template or macro."""
        text = "".join(parts)
        self.budget.check_text(len(text))
        return text

    def _counted(self, values: Any) -> CountedLoop:
        return CountedLoop(values, self.budget)

    def _check_repeat(self, left: Any, right: Any) -> None:
        for sized, times in ((left, right), (right, left)):
            if isinstance(times, int) and isinstance(sized, str | bytes):
                self.budget.check_text(len(sized) * times)
            elif isinstance(times, int) and isinstance(sized, list | tuple):
                self.budget.check_items(len(sized) * times)
        if isinstance(left, int) and isinstance(right, int):
            self._check_digits(left.bit_length() + right.bit_length())

    def _check_power(self, left: Any, right: Any) -> None:
        if isinstance(left, int) and isinstance(right, int) and right > 0:
            self._check_digits(left.bit_length() * right)

    def _check_digits(self, bits: int) -> None:
        if bits > self.budget.limits.items:
            raise LimitError("it computes a number of more than a hundred thousand digits")

    def _check_format(self, left: Any) -> None:
        if isinstance(left, str) and _WIDE_FORMAT.search(left):
            raise LimitError("it formats with a width of more than six digits")

    def _format(self, value: Any, *args: Any, **kwargs: Any) -> str:
        self._check_format(str(value))
        return str(value) % (kwargs or args)


class NativeDbtEnvironment(DbtEnvironment):
    """The same, rendering an expression to its Python value, as dbt reads YAML."""

    code_generator_class = _NativeGenerator

    def __init__(self, limits: Limits | None = None) -> None:
        super().__init__(limits)
        self.concat = native_value  # type: ignore[method-assign] # as above


def native_value(parts: Iterable[Any]) -> Any:
    """Join what a native template yields: one part keeps its type, several become text."""
    found = list(parts)
    if not found:
        return ""
    if len(found) == 1:
        return found[0]
    return "".join(str(part) for part in found)


def compile_source(env: DbtEnvironment, source: str) -> Callable[..., Any]:
    """Compile template text once.

    Returns:
        the template's root function: a context goes in, an iterator of parts comes out.

    Raises:
        LimitError: the text is longer than a template may be.
        jinja2.TemplateError: it is not Jinja.
    """
    if len(source) > env.budget.limits.source:
        raise LimitError(f"the file has more than {env.budget.limits.source:,} characters")
    return env.from_string(source).root_render_func


def _unchanged(value: Any) -> Any:
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
