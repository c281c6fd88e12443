"""Rendering dbt's Jinja without dbt: what a template refers to, and the SQL it becomes."""
