"""Give keys the origins of web pages that may use them, and let entries of the audit expire.

Revision ID: origins_and_audit_expiry
Revises: accounts_tables
"""

import sqlalchemy as sa
from alembic import op

revision = "origins_and_audit_expiry"
down_revision = "accounts_tables"
branch_labels = None
depends_on = None

HAS_EXPIRED = "EXISTS (SELECT 1 FROM audit_expiry WHERE OLD.at < before)"
"""Whether an entry is older than the moment up to which the table may lose entries."""
REFUSE_IN_SQLITE = "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
REFUSE_IN_POSTGRESQL = "RAISE EXCEPTION 'audit is append-only'"


def upgrade() -> None:
    """Add a column to the keys, and make the triggers of the audit let go of what has expired."""
    op.add_column("api_keys", sa.Column("origins", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "audit_expiry",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("before", sa.DateTime(timezone=True), nullable=False),
    )
    if op.get_bind().dialect.name == "postgresql":
        _replace_function(f"IF TG_OP = 'DELETE' AND {HAS_EXPIRED} THEN RETURN OLD; END IF; {REFUSE_IN_POSTGRESQL};")
        return
    op.execute("DROP TRIGGER audit_no_delete")
    op.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN NOT {HAS_EXPIRED} {REFUSE_IN_SQLITE}")


def downgrade() -> None:
    """Refuse all deletions again. What has expired stays deleted."""
    if op.get_bind().dialect.name == "postgresql":
        _replace_function(f"{REFUSE_IN_POSTGRESQL};")
    else:
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute(f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {REFUSE_IN_SQLITE}")
    op.drop_table("audit_expiry")
    op.drop_column("api_keys", "origins")


def _replace_function(body: str) -> None:
    op.execute(f"CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
