"""Does the shape of a project depend on the interval?

dbt renders every file once when it parses, to find refs and configs. With the parsed manifest held over many
intervals only compilation sees an interval's variables. That is right unless a variable decides something
that parsing reads: an argument of ``config``, ``ref`` or ``source``, a branch or loop around one of them, or
a YAML property. Such a project must be parsed again for each interval. What is looked for is on the safe
side: a project may be parsed again needlessly, not the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from dbt.contracts.graph.manifest import Manifest
from dbt_common.clients.jinja import get_environment
from jinja2 import TemplateError, nodes

_N = TypeVar("_N", bound=nodes.Node)
_STRUCTURAL = frozenset({"config", "ref", "source"})
_NOT_PARSED = frozenset(
    {
        "data_tests",
        "tests",
        "unit_tests",
        "description",
        "pre_hook",
        "post_hook",
        "on_run_start",
        "on_run_end",
    }
)
_CALL = re.compile(r"\b(config|ref|source)\s*\(")
_BRANCH = re.compile(r"\{%|\b(config|ref|source)\s*\([^)]*\bvar\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Macros:
    """Names of macros by what calling them may do, callees included."""

    uses_interval: frozenset[str]
    structural: frozenset[str]

    @property
    def both(self) -> frozenset[str]:
        """Macros in which a variable may decide a ref, source or config."""
        return self.uses_interval & self.structural


def interval_dependent(
    manifest: Manifest, names: Collection[str], *, project_files: Mapping[str, Any], internal: Collection[str]
) -> list[str]:
    """Unique ids and YAML files whose parsed form may depend on the interval, sorted.

    Args:
        manifest: the project as parsed with a sample interval; disabled nodes are looked at too.
        names: the interval variables.
        project_files: content of ``dbt_project.yml``, the project's own and its packages', by name.
        internal: packages that dbt and its adapters bring, which know nothing of our variables.
    """
    mention = re.compile(rf"""\bvar\s*\(\s*(['"])({"|".join(map(re.escape, names))})\1""")
    macros = _classify(manifest, mention, internal)
    found = {uid for uid, code in _templates(manifest) if _is_dependent(code, mention, macros)}
    found |= set(_yaml_files(manifest, mention))
    found |= {
        name
        for name, content in project_files.items()
        if any(mention.search(text) for text in _parsed_strings(content))
    }
    return sorted(found)


def _templates(manifest: Manifest) -> Iterator[tuple[str, str]]:
    disabled = (node for group in manifest.disabled.values() for node in group)
    for node in (*manifest.nodes.values(), *disabled):
        code = getattr(node, "raw_code", None)
        if isinstance(code, str) and code and getattr(node, "language", "sql") == "sql":
            yield node.unique_id, code


def _is_dependent(code: str, mention: re.Pattern[str], macros: Macros) -> bool:
    words = set(re.findall(r"\w+", code))
    if words & macros.both:
        return True
    if not (mention.search(code) or words & macros.uses_interval) or not _BRANCH.search(code):
        return False
    try:
        tree = get_environment(None).parse(code)
    except TemplateError:
        return True
    return _Reader(mention, macros).reads_interval(tree)


class _Reader:
    """Walks one template's syntax tree."""

    def __init__(self, mention: re.Pattern[str], macros: Macros) -> None:
        self._mention = mention
        self._macros = macros
        self._tainted: set[str] = set()

    def reads_interval(self, tree: nodes.Template) -> bool:
        """Whether a variable of the interval may decide a ref, source or config of this template."""
        assigns = [(a.target, a) for a in tree.find_all(nodes.Assign)]
        blocks = [(b.target, b) for b in tree.find_all(nodes.AssignBlock)]
        for target, statement in (*assigns, *blocks):
            if self._taints(statement):
                self._tainted |= {name.name for name in _with_itself(target, nodes.Name)}
        for call in tree.find_all(nodes.Call):
            if _callee(call) in _STRUCTURAL and any(
                self._taints(part) for part in (*call.args, *call.kwargs)
            ):
                return True
        branches: list[tuple[nodes.Node, nodes.Node]] = [(b.test, b) for b in tree.find_all(nodes.If)]
        branches += [(loop.iter, loop) for loop in tree.find_all(nodes.For)]
        return any(self._taints(test) and self._is_structural(body) for test, body in branches)

    def _taints(self, part: nodes.Node) -> bool:
        if any(name.name in self._tainted for name in _with_itself(part, nodes.Name)):
            return True
        return any(self._calls_interval(call) for call in _with_itself(part, nodes.Call))

    def _calls_interval(self, call: nodes.Call) -> bool:
        name = _callee(call)
        if name in self._macros.uses_interval:
            return True
        if name != "var" or not call.args:
            return False
        first = call.args[0]
        return not isinstance(first, nodes.Const) or bool(self._mention.search(f"var('{first.value}')"))

    def _is_structural(self, body: nodes.Node) -> bool:
        wanted = _STRUCTURAL | self._macros.structural
        return any(_callee(call) in wanted for call in body.find_all(nodes.Call))


def _with_itself(part: nodes.Node, kind: type[_N]) -> Iterator[_N]:
    if isinstance(part, kind):
        yield part
    yield from part.find_all(kind)


def _callee(call: nodes.Call) -> str:
    target = call.node
    if isinstance(target, nodes.Name):
        return target.name
    return target.attr if isinstance(target, nodes.Getattr) else ""


def _classify(manifest: Manifest, mention: re.Pattern[str], internal: Collection[str]) -> Macros:
    """Which macros of the project and its packages mention the interval or a ref, callees included."""
    texts = {
        macro.name: macro.macro_sql
        for macro in manifest.macros.values()
        if macro.package_name not in internal
    }
    words = {name: set(re.findall(r"\w+", text)) - {name} for name, text in texts.items()}
    uses = {name for name, text in texts.items() if mention.search(text)}
    structural = {name for name, text in texts.items() if _CALL.search(text)}
    return Macros(uses_interval=_callers(uses, words), structural=_callers(structural, words))


def _callers(names: set[str], words: dict[str, set[str]]) -> frozenset[str]:
    found = set(names)
    while True:
        more = {name for name, mentioned in words.items() if name not in found and mentioned & found}
        if not more:
            return frozenset(found)
        found |= more


def _yaml_files(manifest: Manifest, mention: re.Pattern[str]) -> Iterator[str]:
    for file_id, file in manifest.files.items():
        content = getattr(file, "dict_from_yaml", None)
        if content and any(mention.search(text) for text in _parsed_strings(content)):
            yield file_id


def _parsed_strings(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _parsed_strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if str(key).removeprefix("+").replace("-", "_") not in _NOT_PARSED:
                yield from _parsed_strings(item)
