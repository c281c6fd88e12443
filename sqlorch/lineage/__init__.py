"""Reading SQL models: the graph of a dbt project, without dbt."""

from sqlorch.lineage.load import load_project
from sqlorch.lineage.project import DeclaredColumn, LoadStats, LoadWarning, Project, UnresolvedRef

__all__ = ["DeclaredColumn", "LoadStats", "LoadWarning", "Project", "UnresolvedRef", "load_project"]
