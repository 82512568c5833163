"""Run by Alembic: migrates over the connection that `upgrade()` hands in, inside its transaction."""

from alembic import context

from traceo.state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
