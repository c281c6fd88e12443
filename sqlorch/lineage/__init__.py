"""SQL models read without dbt: the DAG, and which column comes from which."""
