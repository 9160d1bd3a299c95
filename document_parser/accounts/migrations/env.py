"""Run by Alembic for every command: it migrates over the connection that ``schema`` opened."""

from alembic import context

from document_parser.accounts.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
