"""Renders a node's text in the names of its package and hands back what it found."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import TemplateSyntaxError

from sqlorch.lineage.jinja import functions
from sqlorch.lineage.jinja.capture import Capture
from sqlorch.lineage.jinja.environment import (
    DbtEnvironment,
    NativeDbtEnvironment,
    compile_source,
    native_value,
)
from sqlorch.lineage.jinja.expressions import Frame, evaluate
from sqlorch.lineage.jinja.fallback import read_literals
from sqlorch.lineage.jinja.limits import Limits
from sqlorch.lineage.jinja.macros import MacroIndex
from sqlorch.lineage.jinja.modules import make_modules
from sqlorch.lineage.jinja.quick import QuickReader
from sqlorch.lineage.jinja.relation import Relation
from sqlorch.lineage.jinja.state import State, Subject
from sqlorch.lineage.jinja.undefined import Lenient
from sqlorch.lineage.jinja.view import API, Adapter, MacroPool, View

HAS_JINJA = re.compile(r"\{[{%#]")
_LOOKS_LIKE_CALL = re.compile(r"^\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$")
THIS = "__sqlorch_this__"


class Renderer:
    """Renders templates of a project, one after the other.

    Args:
        state: target, variables and the render under way.
        index: every macro of the project and its packages.
        limits: bounds of one render.
    """

    def __init__(self, state: State, index: MacroIndex, limits: Limits | None = None) -> None:
        self.state = state
        self.index = index
        self.env = DbtEnvironment(limits)
        self._native = NativeDbtEnvironment(limits)
        self._native.budget = self.env.budget
        self._quick = QuickReader(self.env)
        self._pool = MacroPool(self.env, self._quick)
        self._views: dict[tuple[str, str | None], View] = {}
        self._small: dict[str, Callable[..., Any]] = {}

    def render(self, subject: Subject, source: str, **names: Any) -> Capture:
        """Render a file.

        Returns:
            what it found; one that cannot be rendered has a ``problem``, and what its syntax tree shows.
        """
        capture = self._begin(subject)
        view = self._view(subject.package)
        self._introduce(view, subject, names)
        try:
            capture.sql = self._run(source, view)
        except functions.MacroReturn:
            capture.problem = "it calls return() outside a macro"
        except Exception as error:  # noqa: BLE001 # a template may raise anything; the file degrades, visibly
            capture.problem = describe(error)
        if capture.problem:
            self._salvage(capture, source)
        return capture

    def render_test(
        self, subject: Subject, macro: str, inner: str | None, kwargs: Mapping[str, Any]
    ) -> Capture:
        """Render a generic test: its arguments first, then its macro's body with them.

        Args:
            subject: the test.
            macro: the macro's name, ``test_...``.
            inner: the package of the macro, None when no macro of that name exists.
            kwargs: the arguments as written in YAML, ``model`` among them.
        """
        capture = self._begin(subject)
        view = self._view(subject.package, inner)
        self._introduce(view, subject, {})
        try:
            values = {key: self._argument(view, key, value) for key, value in kwargs.items()}
            if inner is not None:
                view.packages[inner][macro](**values)
        except Exception as error:  # noqa: BLE001 # as above
            capture.problem = describe(error)
        return capture

    def render_name(
        self, subject: Subject, package: str, macro: str, custom: Any, node: Mapping[str, Any]
    ) -> Any:
        """Call a macro that names a relation, ``generate_schema_name`` and the like.

        Returns:
            the name; None when the macro cannot be called.
        """
        capture = self._begin(subject)
        view = self._view(package)
        self._introduce(view, subject, {})
        try:
            value = view.packages[package][macro](
                custom, _Model({**_model(subject, self.state.target), **node})
            )
        except Exception as error:  # noqa: BLE001 # as above
            capture.problem = describe(error)
            return None
        return str(value).strip() if value is not None else None

    def _begin(self, subject: Subject) -> Capture:
        self.env.budget.reset()
        self.state.subject = subject
        self.state.capture = Capture()
        return self.state.capture

    def _salvage(self, capture: Capture, source: str) -> None:
        found = read_literals(self.env, source)
        for reference in found.references:
            capture.refer(reference)
        capture.config = {**found.config, **capture.config}

    def _run(self, source: str, view: View) -> str:
        steps = self._quick.read(source)
        if steps is None:
            return self._text(compile_source(self.env, source), view)
        context = self.env.context_class(self.env, view.names, None, {})
        return self._quick.run(steps, Frame(self.env, view.names, context))

    def _text(self, root: Callable[..., Any], view: View) -> str:
        context = self.env.context_class(self.env, view.names, None, {})
        return self.env.bounded_join(root(context))

    def _argument(self, view: View, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: self._argument(view, "", v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._argument(view, "", item) for item in value]
        if not isinstance(value, str) or key == "column_name":
            return value
        if _LOOKS_LIKE_CALL.match(value):
            value = f"{{{{ {value} }}}}"
        return self._native_value(view, value) if HAS_JINJA.search(value) else value

    def _native_value(self, view: View, text: str) -> Any:
        expression = self._quick.read_value(text)
        if expression is not None:
            context = self.env.context_class(self.env, view.names, None, {})
            return evaluate(expression, Frame(self.env, view.names, context))
        root = self._compiled(self._native, "native", text)
        return native_value(root(self._native.context_class(self._native, view.names, None, {})))

    def _compiled(self, env: DbtEnvironment, kind: str, text: str) -> Callable[..., Any]:
        key = kind + text
        root = self._small.get(key)
        if root is None:
            root = self._small[key] = compile_source(env, text)
        return root

    def _view(self, package: str, inner: str | None = None) -> View:
        key = (package, inner)
        view = self._views.get(key)
        if view is None:
            names = {**self.env.globals, **functions.PLAIN}
            view = View(state=self.state, index=self.index, pool=self._pool, names=names)
            view.names.update(self._functions(view))
            view.populate(package, inner=inner)
            self._views[key] = view
        return view

    def _functions(self, view: View) -> dict[str, Any]:
        state = self.state

        def render(text: str) -> str:
            return self._text(self._compiled(self.env, "text", text), view)

        names: dict[str, Any] = {
            "ref": functions.make_ref(state),
            "source": functions.make_source(state),
            "metric": functions.make_named(state, "metric"),
            "function": functions.make_named(state, "function"),
            "config": functions.Config(state),
            "var": functions.Var(state, render),
            "env_var": functions.make_env_var(state),
            "render": render,
            "adapter": Adapter(view),
            "api": API,
            "target": dict(state.target.values),
            "env": dict(state.target.values),
            "project_name": state.root,
            "modules": make_modules(state, self.env.budget),
            "run_started_at": state.today,
        }
        names["builtins"] = {**functions.PLAIN, **names}
        return names

    def _introduce(self, view: View, subject: Subject, names: Mapping[str, Any]) -> None:
        target = self.state.target
        relation = Relation(THIS, database=target.database, schema=target.schema, identifier=subject.name)
        view.names.update(
            this=relation,
            schema=target.schema,
            database=target.database,
            model=_model(subject, target),
            **names,
        )


class _Model(dict[str, Any]):
    """``model``: what is known of the node before it is configured; the rest is blank."""

    def __missing__(self, key: str) -> Any:
        return Lenient(name=key)


def _model(subject: Subject, target: Any) -> _Model:
    return _Model(
        name=subject.name,
        alias=subject.name,
        unique_id=subject.unique_id,
        resource_type=subject.kind,
        package_name=subject.package,
        path=subject.path.partition("/")[2],
        original_file_path=subject.path,
        fqn=list(subject.fqn),
        database=target.database,
        schema=target.schema,
        raw_code=subject.raw,
        raw_sql=subject.raw,
        language="sql",
        description="",
        columns={},
        tags=[],
        meta={},
        config={"enabled": True, "materialized": "view", "tags": [], "meta": {}},
        depends_on={"nodes": [], "macros": []},
        refs=[],
        sources=[],
    )


def describe(error: BaseException) -> str:
    """Say in one short line why a template could not be rendered."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply, or a macro calls itself without end"
    text = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {text}"
    return text
