"""Rendering with a memory: what was rendered before and would come out the same is not rendered again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlorch.lineage.configuration import plain
from sqlorch.lineage.draft import Finding
from sqlorch.lineage.jinja.capture import Capture, Reference
from sqlorch.lineage.jinja.renderer import HAS_JINJA, Renderer
from sqlorch.lineage.jinja.state import State, Subject, variable_digest

Records = Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Templates:
    """Renders, or remembers.

    A record holds for as long as the text, the macros called, the variables and environment variables read
    and, if it was asked for, the day are the same. Which macro a name means is not recorded: the records are
    kept apart by :meth:`MacroIndex.fingerprint`, which changes with the set of names.

    Attributes:
        renderer: does the work.
        known: records of earlier loads, by key.
        digests: of every macro, by unique id.
        fresh: records made by this load.
        used: keys whose record was good.
    """

    renderer: Renderer
    known: Records
    digests: Mapping[str, str]
    fresh: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    rendered: int = 0
    env: dict[str, str | None] = field(default_factory=dict)
    dated: bool = False

    @property
    def state(self) -> State:
        """The state of the renderer."""
        return self.renderer.state

    def render(self, subject: Subject, source: str, key: str = "") -> Finding:
        """Render a text for a node.

        Args:
            subject: the node.
            source: the text.
            key: tells several texts of one node apart.
        """
        if not HAS_JINJA.search(source):
            return Finding(sql=source)
        identity = f"{subject.unique_id}:{subject.path}#{key}"
        return self._remember(identity, source, subject, lambda: self.renderer.render(subject, source))

    def render_test(
        self, subject: Subject, macro: str, inner: str | None, kwargs: Mapping[str, Any]
    ) -> Finding:
        """Render a generic test: its arguments and its macro."""
        source = f"{macro}|{inner}|{kwargs!r}"
        return self._remember(
            f"{subject.unique_id}#test",
            source,
            subject,
            lambda: self.renderer.render_test(subject, macro, inner, kwargs),
        )

    def name(
        self, subject: Subject, package: str, macro: str, custom: str | None, node: Mapping[str, Any]
    ) -> Any:
        """Call a macro that names a relation; its result is not remembered beyond this load."""
        value = self.renderer.render_name(subject, package, macro, custom, node)
        self.env.update(self.state.capture.env)
        self.dated = self.dated or self.state.capture.dated
        return value

    def _remember(self, key: str, source: str, subject: Subject, compute: Callable[[], Capture]) -> Finding:
        digest = hashlib.blake2b(source.encode(), digest_size=12).hexdigest()
        record = self._valid(key, digest, subject)
        if record is None:
            capture = compute()
            self.rendered += 1
            record = _to_record(capture, digest, self.digests, self.state)
            self.fresh[key] = json.dumps(record)
        else:
            self.used.add(key)
        self.env.update(record["env"])
        self.dated = self.dated or bool(record["day"])
        return _to_finding(record)

    def _valid(self, key: str, digest: str, subject: Subject) -> dict[str, Any] | None:
        text = self.known.get(key)
        try:
            return self._holding(json.loads(text), digest, subject) if text is not None else None
        except (ValueError, KeyError, TypeError, AttributeError):
            # Not what was written: a damaged file. The text is rendered anew.
            return None

    def _holding(self, record: dict[str, Any], digest: str, subject: Subject) -> dict[str, Any] | None:
        if record["digest"] != digest or record["day"] not in ("", self.state.today.date().isoformat()):
            return None
        if any(self.digests.get(uid) != was for uid, was in record["macros"].items()):
            return None
        scope = self.state.variables.get(subject.package) or self.state.variables.get(self.state.root, {})
        if any(variable_digest(scope, name) != was for name, was in record["variables"].items()):
            return None
        return record if all(self._env(name) == was for name, was in record["env"].items()) else None

    def _env(self, name: str) -> str | None:
        return self.state.environment.get(name)


def _to_record(capture: Capture, digest: str, digests: Mapping[str, str], state: State) -> dict[str, Any]:
    return {
        "digest": digest,
        "references": [[r.kind, r.name, r.group, r.version] for r in capture.references],
        "config": plain(capture.config),
        "sql": capture.sql,
        "macros": {uid: digests.get(uid, "") for uid in sorted(capture.macros)},
        "variables": capture.variables,
        "env": capture.env,
        "day": state.today.date().isoformat() if capture.dated else "",
        "problem": capture.problem,
    }


def _to_finding(record: Mapping[str, Any]) -> Finding:
    return Finding(
        references=tuple(Reference(*parts) for parts in record["references"]),
        config=record["config"],
        sql=record["sql"],
        macros=tuple(record["macros"]),
        problem=record["problem"],
    )
