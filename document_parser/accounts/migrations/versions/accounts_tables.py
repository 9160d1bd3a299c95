"""Create the tables of keys, usage, history and audit.

Revision ID: accounts_tables
"""

import sqlalchemy as sa
from alembic import op

revision = "accounts_tables"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
COUNT = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create all tables."""
    _create_keys()
    _create_usage()
    _create_jobs()
    _create_audit()


def downgrade() -> None:
    """Drop all tables."""
    for table in ("audit", "jobs", "usage_batches", "usage", "api_keys"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_is_append_only()")


def _text(name: str, length: int, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False, **options)  # type: ignore[arg-type]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, MOMENT, nullable=nullable)


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        _text("id", 36, primary_key=True),
        _text("hash", 64, unique=True),
        _text("hint", 16),
        _text("name", 128),
        _text("owner", 64),
        _text("tier", 32),
        _text("scopes", 128),
        _moment("created_at", nullable=False),
        _moment("expires_at"),
        _moment("revoked_at"),
        _moment("last_used_at"),
        _text("replaced_by", 36),
    )
    op.create_index("api_keys_owner", "api_keys", ["owner"])


def _create_usage() -> None:
    op.create_table(
        "usage",
        _text("owner", 64, primary_key=True),
        _text("key_id", 36, primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        _text("engine", 32, primary_key=True),
        *(_number(name) for name in ("documents", "pages", "bytes", "milliseconds", "tokens")),
    )
    op.create_index("usage_day", "usage", ["day"])
    op.create_table("usage_batches", _text("id", 36, primary_key=True), _moment("written_at", nullable=False))
    op.create_index("usage_batches_written_at", "usage_batches", ["written_at"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        _text("job_id", 36, primary_key=True),
        _text("owner", 64),
        _text("key_id", 36),
        _text("state", 16),
        sa.Column("complete", sa.Boolean(), nullable=True),
        _text("filename", 1024),
        _text("media_type", 128),
        _number("size"),
        _text("sha256", 64),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        _text("accuracy_mode", 16),
        _text("output_format", 16),
        _text("lane", 16),
        _text("cache", 8),
        sa.Column("total_pages", sa.Integer(), nullable=True),
        sa.Column("page_counts", sa.JSON(), nullable=False),
        _text("error_code", 64),
        sa.Column("error_message", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("revision", "retries", "children")),
        _text("parent", 36),
        _text("batch_id", 36),
        _text("webhook_host", 255),
        _text("request_id", 128),
        _moment("created_at", nullable=False),
        *(_moment(name) for name in ("started_at", "completed_at", "expires_at", "deleted_at")),
    )
    op.create_index("jobs_owner_created_at", "jobs", ["owner", "created_at"])
    op.create_index("jobs_state_created_at", "jobs", ["state", "created_at"])
    op.create_index("jobs_created_at", "jobs", ["created_at"])
    op.create_index("jobs_sha256", "jobs", ["sha256"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", COUNT, primary_key=True, autoincrement=True),
        _text("entry", 36, unique=True),
        _moment("at", nullable=False),
        _text("owner", 64),
        _text("key_id", 36),
        _text("actor", 16),
        _text("action", 32),
        _text("subject", 64),
        _text("job_id", 36),
        _text("address", 64),
        sa.Column("status", sa.Integer(), nullable=False),
        _text("request_id", 128),
    )
    op.create_index("audit_at", "audit", ["at"])
    op.create_index("audit_owner", "audit", ["owner", "id"])
    op.create_index("audit_job_id", "audit", ["job_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
        )
        return
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_no_{change.lower()} BEFORE {change} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
