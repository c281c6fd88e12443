"""Column lineage: which column of which model is made from which columns, read from SQL text alone.

Nothing here does I/O. Callers bring the SQL of the models in topological order, what is known of the columns
of sources, seeds and tables, and (for files) a function that describes them::

    lineage = column_lineage(models, known, dialect="duckdb")
    lineage.trace("model.shop.orders", "total")

How a model is read: its text is parsed once (`parsing`), then one walk looks up every name where SQL looks it
up (`scope`) and carries the origin of each column from FROM to the output (`queries`, `selects`, `tables`,
`reading`). What cannot be known is reported as unknown with a reason; it is never guessed.
"""

from sqlorch.lineage.columns.analysis import read_model
from sqlorch.lineage.columns.graph import ColumnEdge, ColumnLineage, Coverage, TraceStep
from sqlorch.lineage.columns.project import column_lineage
from sqlorch.lineage.columns.records import LineageCache
from sqlorch.lineage.columns.values import (
    Column,
    ColumnRef,
    EdgeKind,
    IndirectEdge,
    KnownColumns,
    Label,
    Limits,
    ModelColumns,
    ModelSql,
    OutputColumn,
    SchemaOrigin,
    Source,
    Status,
)

__all__ = [
    "Column",
    "ColumnEdge",
    "ColumnLineage",
    "ColumnRef",
    "Coverage",
    "EdgeKind",
    "IndirectEdge",
    "KnownColumns",
    "Label",
    "Limits",
    "LineageCache",
    "ModelColumns",
    "ModelSql",
    "OutputColumn",
    "SchemaOrigin",
    "Source",
    "Status",
    "TraceStep",
    "column_lineage",
    "read_model",
]
