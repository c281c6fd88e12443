"""Lineage against dbt: precision and recall of nodes and edges by kind, and times, for a project.

    python benchmarks/lineage_vs_dbt.py PROJECT [--profiles-dir DIR] [--profile NAME] [--target NAME]
                                        [--vars YAML] [--manifest FILE] [--show N]

Without --manifest, `dbt parse` is run for it (cold, then warm) in a temporary target folder.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from sqlorch.lineage import load_project
from sqlorch.lineage.verify import verify


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("project", type=Path)
    parser.add_argument("--profiles-dir", type=Path)
    parser.add_argument("--profile")
    parser.add_argument("--target")
    parser.add_argument("--vars", default="{}")
    parser.add_argument("--manifest", type=Path, help="compare with this manifest instead of running dbt")
    parser.add_argument("--show", type=int, default=5, help="how many differences to name")
    return parser.parse_args()


def dbt_parse(args: argparse.Namespace, folder: str, *, cold: bool) -> float:
    command = [str(Path(sys.executable).with_name("dbt"))]
    command += ["--no-partial-parse"] if cold else []
    command += ["parse", "--target-path", folder, "--log-path", folder, "--vars", args.vars]
    for flag, value in (
        ("--profiles-dir", args.profiles_dir),
        ("--profile", args.profile),
        ("--target", args.target),
    ):
        command += [flag, str(Path(value).resolve() if flag == "--profiles-dir" else value)] if value else []
    env = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=args.project, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"dbt parse failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.perf_counter() - start


def main() -> int:
    args = arguments()
    times: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        if args.manifest is None:
            times["dbt parse cold"] = dbt_parse(args, folder, cold=True)
            times["dbt parse warm"] = dbt_parse(args, folder, cold=False)
            args.manifest = Path(folder, "manifest.json")
        manifest = json.loads(args.manifest.read_text())
        for label in ("sqlorch cold", "sqlorch warm"):
            start = time.perf_counter()
            project = load_project(
                args.project,
                profiles_dir=args.profiles_dir,
                profile=args.profile,
                target=args.target,
                vars=yaml.safe_load(args.vars),
                cache_dir=Path(folder, "cache"),
            )
            times[label] = time.perf_counter() - start
    result = verify(project.dag, manifest, inferred=project.inferred)
    print(f"{args.project.name}: {len(project.dag)} nodes, {len(project.dag.edges)} edges")
    print(f"  {'kind':<16}{'nodes':>7}  P      R      {'edges':>7}  P      R")
    for kind, nodes in result.nodes.items():
        edges = result.edges[kind]
        print(
            f"  {kind:<16}{nodes.right:>7}  {nodes.precision:.3f}  {nodes.recall:.3f}  "
            f"{edges.right:>7}  {edges.precision:.3f}  {edges.recall:.3f}"
        )
    print(
        f"  {len(project.unresolved)} unresolved, {len(project.warnings)} warnings, "
        f"{len(project.inferred)} inferred edges"
    )
    print("  " + ", ".join(f"{label} {seconds:.2f} s" for label, seconds in times.items()))
    differences = result.warnings()
    for line in differences[: args.show]:
        print(f"  - {line}")
    if len(differences) > args.show:
        print(f"  - and {len(differences) - args.show} more")
    return 0 if result.exact else 1


if __name__ == "__main__":
    sys.exit(main())
