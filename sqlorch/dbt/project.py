"""A dbt project opened: profile, configuration, manifest, adapter."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.factory import adapter_management, get_adapter, get_adapter_package_names
from dbt.cli.flags import Flags
from dbt.clients.yaml_helper import load_yaml_text
from dbt.config import RuntimeConfig
from dbt.config.catalogs import get_active_write_integration, load_catalogs
from dbt.config.runtime import load_profile, load_project
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import ManifestLoader, parse_manifest
from dbt.plugins import set_up_plugin_manager
from dbt_common.context import get_invocation_context

from sqlorch.dbt.interval_use import interval_dependent
from sqlorch.dbt.invocation import begin_invocation
from sqlorch.dbt.options import SessionOptions


@dataclass(slots=True, kw_only=True)
class OpenProject:
    """dbt's own objects for one project on one target.

    Attributes:
        flags: the session's flags.
        config: RuntimeConfig parsed with the sample interval.
        manifest: the parsed manifest; never compiled into, only copied from.
        adapter: the registered adapter.
        resources: what must be undone at the end.
    """

    flags: Flags
    config: RuntimeConfig
    manifest: Manifest
    adapter: Any
    resources: ExitStack


def open_project(options: SessionOptions) -> OpenProject:
    """Load profile and project, parse the manifest (dbt's partial parsing included), register the adapter."""
    with ExitStack() as stack:
        flags = begin_invocation(options)
        stack.enter_context(adapter_management())
        config = load_config(flags)
        manifest = parse(config, flags)
        return OpenProject(
            flags=flags,
            config=config,
            manifest=manifest,
            adapter=get_adapter(config),
            resources=stack.pop_all(),
        )


def load_config(flags: Flags) -> RuntimeConfig:
    """What ``dbt build`` knows of profile and project before it parses."""
    profile = load_profile(flags.PROJECT_DIR, flags.VARS, flags.PROFILE, flags.TARGET, flags.THREADS)
    get_invocation_context().uses_adapter(profile.credentials.type)
    project = load_project(flags.PROJECT_DIR, flags.VERSION_CHECK, profile, flags.VARS, validate=True)
    set_up_plugin_manager(project_name=project.project_name)
    return RuntimeConfig.from_parts(project, profile, flags)


def parse(config: RuntimeConfig, flags: Flags) -> Manifest:
    """Parse the project as ``dbt build`` does; dbt keeps its parse cache below the session's target path."""
    Path(config.project_target_path).mkdir(parents=True, exist_ok=True)
    catalogs = load_catalogs(flags.PROJECT_DIR, config.project_name, flags.VARS)
    integrations = [get_active_write_integration(catalog) for catalog in catalogs]
    return parse_manifest(config, False, False, False, integrations)


def depends_on_interval(project: OpenProject, names: Collection[str]) -> list[str]:
    """What makes the parsed project depend on the interval; empty when one parse serves every interval."""
    internal = get_adapter_package_names(project.config.credentials.type)
    files = {
        f"{name}/dbt_project.yml": _project_file(Path(package.project_root))
        for name, package in project.config.load_dependencies().items()
        if name not in internal
    }
    return interval_dependent(project.manifest, names, project_files=files, internal=internal)


def _project_file(root: Path) -> Any:
    return load_yaml_text((root / "dbt_project.yml").read_text(encoding="utf-8", errors="replace"))


def reparse(project: OpenProject, flags: Flags, target_path: Path) -> Manifest:
    """Parse the whole project with one run's variables, leaving the session's parse cache alone."""
    config = load_config(flags)
    config.target_path = str(target_path)
    Path(config.project_target_path).mkdir(parents=True, exist_ok=True)
    manifest = ManifestLoader.get_full_manifest(config)
    project.adapter.set_macro_resolver(manifest)
    return manifest


def config_for_run(
    base: RuntimeConfig, flags: Flags, *, variables: Mapping[str, Any], target_path: Path
) -> RuntimeConfig:
    """The session's configuration with the variables and the target path of one run.

    A copy, not ``RuntimeConfig.from_parts``: the latter validates the whole configuration again, and nothing
    it validates differs.
    """
    config = copy.copy(base)
    config.args = flags
    config.cli_vars = dict(variables)
    config.target_path = str(target_path)
    dependencies = dict(base.load_dependencies())
    dependencies[base.project_name] = config
    config.dependencies = dependencies
    return config
