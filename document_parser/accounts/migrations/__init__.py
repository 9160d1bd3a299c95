"""The history of the tables, for Alembic. A revision that was released is never changed; a change is a new one."""

HEAD = "documents_and_extractions"
"""The newest revision. Processes compare it with the database without loading Alembic."""
