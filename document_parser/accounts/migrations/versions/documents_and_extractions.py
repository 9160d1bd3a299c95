"""Keep documents with the values that extractions found, and count extractions in the usage.

Revision ID: documents_and_extractions
Revises: origins_and_audit_expiry
"""

import sqlalchemy as sa
from alembic import op

revision = "documents_and_extractions"
down_revision = "origins_and_audit_expiry"
branch_labels = None
depends_on = None

INDEXES = {
    "documents_owner_created_at": ["owner", "created_at"],
    "documents_owner_type": ["owner", "type", "created_at"],
    "documents_owner_invoice_number": ["owner", "invoice_number"],
    "documents_owner_order_number": ["owner", "order_number"],
    "documents_owner_sha256": ["owner", "sha256"],
    "documents_created_at": ["created_at"],
}


def upgrade() -> None:
    """Add the table, and the column of the usage."""
    op.create_table(
        "documents",
        _text("job_id", 36, primary_key=True),
        _text("source_id", 64, primary_key=True),
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        *(_text(*column) for column in (("owner", 64), ("sha256", 64), ("filename", 1024), ("media_type", 128))),
        *(_text(*column) for column in (("type", 64), ("status", 16), ("invoice_number", 128), ("order_number", 128))),
        sa.Column("dated", sa.Date(), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("ungrounded", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "documents", columns)
    op.add_column("usage", sa.Column("extractions", sa.BigInteger(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Remove both."""
    op.drop_column("usage", "extractions")
    op.drop_table("documents")


def _text(name: str, length: int, *, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, primary_key=primary_key)
