"""Reads all files of a project: from text to nodes, edges and SQL."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from sqlorch.lineage.assemble import Assembler, Graph
from sqlorch.lineage.code.record import CodeRecorder
from sqlorch.lineage.configuration import hooks_of, is_enabled
from sqlorch.lineage.docs import Descriptions
from sqlorch.lineage.draft import Draft
from sqlorch.lineage.exposures import read_exposure, read_unit_tests
from sqlorch.lineage.files import SourceFile
from sqlorch.lineage.generic_tests import GenericTests, tested_in
from sqlorch.lineage.jinja.macros import MACRO_TAGS, TEST_TAGS, MacroIndex, MacroSource, read_macros
from sqlorch.lineage.jinja.renderer import Renderer
from sqlorch.lineage.jinja.state import State, Target
from sqlorch.lineage.memory import Memory
from sqlorch.lineage.names import Names
from sqlorch.lineage.packages import Packages
from sqlorch.lineage.patches import Patcher
from sqlorch.lineage.project import DeclaredColumn, LoadStats, LoadWarning, Project
from sqlorch.lineage.properties import Entry, PropertiesReader
from sqlorch.lineage.relations import RelationNamer
from sqlorch.lineage.semantic import measures_of, read_semantic
from sqlorch.lineage.snapshot import digest_of
from sqlorch.lineage.sources import apply_overrides, read_sources
from sqlorch.lineage.sql_nodes import read_file_nodes
from sqlorch.lineage.templates import Templates
from sqlorch.lineage.text import YamlText
from sqlorch.lineage.warehouse import namespace_of


@dataclass(slots=True, kw_only=True)
class Reading:
    """One reading of all files.

    Attributes:
        packages: the root project and what is installed in it.
        files: of each package.
        target: of the profile.
        memory: what earlier readings found, if anything is remembered.
    """

    packages: Packages
    files: Mapping[str, list[SourceFile]]
    target: Target
    memory: Memory | None = None
    warnings: list[LoadWarning] = field(default_factory=list)

    def read(self) -> Project:
        """Read everything, and remember it.

        Raises:
            ProjectError: the references form a cycle.
        """
        packages = self.packages
        if self.target.assumed:
            self.warnings.append(
                LoadWarning(path="profiles.yml", message=self.target.assumed, kind="assumed")
            )
        index = self._index()
        state = State(target=self.target, root=packages.root.name, variables=packages.variables)
        known = self.memory.records(index.fingerprint()) if self.memory else {}
        templates = Templates(renderer=Renderer(state, index), known=known, digests=index.digests())
        texts = YamlText(State(target=self.target, root=packages.root.name, variables=packages.variables))
        drafts, entries = self._drafts(templates, texts)
        drafts += self._tests(entries, index, templates, texts)
        self._degraded(drafts)
        names = self._names(drafts, entries)
        namer = RelationNamer(packages=packages, index=index, templates=templates)
        descriptions = Descriptions(self._of_kind("docs"), packages.root.name)
        assembler = Assembler(packages=packages, names=names, namer=namer, descriptions=descriptions)
        project = self._project(drafts, assembler.assemble(drafts), templates, descriptions)
        project = self._with_code(project, drafts, index)
        if self.memory is not None:
            templates.dated = templates.dated or texts.state.capture.dated
            env = {**templates.env, **texts.state.capture.env}
            self.memory.keep(project, templates, index.fingerprint(), env)
        return project

    def _of_kind(self, kind: str) -> Iterable[SourceFile]:
        return (file for files in self.files.values() for file in files if file.kind == kind)

    def _index(self) -> MacroIndex:
        macros = [macro for file in self._of_kind("macro") for macro in _macros(file, MACRO_TAGS)]
        macros += [macro for file in self._of_kind("generic_test") for macro in _macros(file, TEST_TAGS)]
        return MacroIndex(
            macros,
            root=self.packages.root.name,
            adapter=self.target.adapter,
            search_orders=self.packages.root.search_orders,
            packages=self.packages.by_name,
        )

    def _drafts(self, templates: Templates, texts: YamlText) -> tuple[list[Draft], list[Entry]]:
        drafts: list[Draft] = []
        for name in self.packages.by_name:
            drafts += read_file_nodes(self.files[name], templates)
        reader = PropertiesReader(texts=texts, warnings=self.warnings)
        if self.memory is not None:
            reader.recall, reader.keep = self.memory.document, self.memory.keep_document
        entries = apply_overrides(reader.read(self._of_kind("properties")))
        patcher = Patcher(drafts, self.packages)
        patcher.apply(entries)
        self.warnings += patcher.warnings
        for draft in patcher.drafts:
            _render_hooks(draft, templates)
        return [*drafts, *self._declared(entries, drafts, templates)], entries

    def _declared(self, entries: Iterable[Entry], drafts: list[Draft], templates: Templates) -> list[Draft]:
        versions: dict[str, list[Draft]] = {}
        for draft in drafts:
            if draft.version is not None:
                versions.setdefault(f"{draft.package}.{draft.name}", []).append(draft)
        found: list[Draft] = []
        for entry in entries:
            if entry.key == "sources":
                found += read_sources(entry, self.packages)
            elif entry.key == "exposures":
                found.append(read_exposure(entry, self.packages, templates))
            elif entry.key == "unit_tests":
                found += read_unit_tests(entry, self.packages, versions)
            elif entry.key in {"semantic_models", "metrics", "saved_queries"}:
                found += read_semantic(entry, self.packages)
        return found

    def _tests(
        self, entries: Iterable[Entry], index: MacroIndex, templates: Templates, texts: YamlText
    ) -> list[Draft]:
        tests = GenericTests(self.packages, index, templates, texts)
        found = [draft for entry in entries for tested in tested_in(entry) for draft in tests.build(tested)]
        self.warnings += tests.warnings
        return found

    def _names(self, drafts: Iterable[Draft], entries: Iterable[Entry]) -> Names:
        first = bool(self.packages.root.flags.get("require_ref_searches_node_package_before_root"))
        names = Names(self.packages.root.name, node_package_first=first)
        by_uid = {draft.unique_id: draft for draft in drafts if draft.kind == "semantic_model"}
        names.add((draft, is_enabled(draft.config)) for draft in drafts)
        for entry in entries:
            owner = by_uid.get(f"semantic_model.{entry.file.package}.{entry.name}")
            if entry.key == "semantic_models" and owner is not None and is_enabled(owner.config):
                names.add_measures(owner, measures_of(entry))
        return names

    def _degraded(self, drafts: Iterable[Draft]) -> None:
        for draft in drafts:
            if draft.finding.problem and is_enabled(draft.config):
                message = f"{draft.finding.problem}; its references are read from its text"
                self.warnings.append(LoadWarning(path=draft.path, unique_id=draft.unique_id, message=message))

    def _project(
        self, drafts: Iterable[Draft], graph: Graph, templates: Templates, descriptions: Descriptions
    ) -> Project:
        live = [draft for draft in drafts if draft.unique_id in graph.dag]
        return Project(
            name=self.packages.root.name,
            root=self.packages.root.root,
            adapter=self.target.adapter,
            target=self.target.name,
            warehouse=namespace_of(self.target.adapter, self.target.values),
            dag=graph.dag,
            inferred=graph.inferred,
            unresolved=graph.unresolved,
            warnings=tuple(dict.fromkeys((*self.packages.warnings, *self.warnings, *graph.warnings))),
            sql=graph.sql,
            code={d.unique_id: self._code(d, graph, templates) for d in live if d.unique_id in graph.sql},
            columns={draft.unique_id: _columns(draft, descriptions) for draft in live if draft.columns},
            macros={draft.unique_id: draft.finding.macros for draft in live if draft.finding.macros},
            macro_digests=templates.digests,
            stats=LoadStats(
                files=sum(map(len, self.files.values())),
                rendered=templates.rendered,
                cached=len(templates.used),
            ),
        )

    @staticmethod
    def _code(draft: Draft, graph: Graph, templates: Templates) -> str:
        macros = [templates.digests.get(uid, "") for uid in sorted(draft.finding.macros)]
        return digest_of(draft.raw, graph.sql[draft.unique_id], macros)

    def _with_code(self, project: Project, drafts: Iterable[Draft], index: MacroIndex) -> Project:
        recorder = CodeRecorder(index, self.packages)
        live = {draft.unique_id: draft for draft in drafts if draft.unique_id in project.dag}
        made_by = recorder.record(live.values(), {uid: project.dag.parents(uid) for uid in live})
        seeds = {uid: self._file(draft) for uid, draft in live.items() if draft.kind == "seed"}
        return replace(project, made_by=made_by, macro_texts=recorder.macros, seeds=seeds)

    def _file(self, draft: Draft) -> str:
        folder = self.packages.by_name[draft.package].root
        return os.path.relpath(folder / draft.path, self.packages.root.root)


def _columns(draft: Draft, descriptions: Descriptions) -> tuple[DeclaredColumn, ...]:
    return tuple(
        replace(column, description=descriptions.render(column.description, draft.package))
        for column in draft.columns
    )


def _macros(file: SourceFile, tags: frozenset[str]) -> list[MacroSource]:
    return read_macros(file.package, file.path, file.text, tags)


def _render_hooks(draft: Draft, templates: Templates) -> None:
    """Note what a node's hooks refer to; a seed's are never looked at, as in dbt."""
    if draft.kind == "seed":
        return
    hooks = [*hooks_of(draft.config, "pre-hook"), *hooks_of(draft.config, "post-hook")]
    for index, hook in enumerate(hooks):
        draft.extra += templates.render(draft.subject(), str(hook["sql"]), f"hook{index}").references
