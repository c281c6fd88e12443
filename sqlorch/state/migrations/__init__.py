"""Alembic's scripts: how a state file of an older sqlorch becomes one of this version."""
