"""The history of the tables, for Alembic. A revision that was released is never changed; a change is a new one."""

HEAD = "origins_and_audit_expiry"
"""The newest revision. Processes compare it with the database without loading Alembic."""
