"""The only room where dbt is imported: open a project, execute its nodes one by one, read its manifest."""
