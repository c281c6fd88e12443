"""Reports as files that open from disk: the lineage of a project with what its runs left behind."""
