"""Run by Alembic; the connection, already inside one transaction, comes from :mod:`sqlorch.state.upgrade`."""

from alembic import context

from sqlorch.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by building it anew
    transactional_ddl=True,  # Alembic assumes that SQLite cannot; with our BEGIN it can
)
with context.begin_transaction():
    context.run_migrations()
