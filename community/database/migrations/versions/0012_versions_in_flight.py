"""versions of the SOP: when each came into force, and which ones are in flight in a stage"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("publications", sa.Column("published_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("UPDATE publications SET published_at = published_wall")
    op.alter_column("publications", "published_at", nullable=False)
    op.add_column("publications", sa.Column("in_flight", sa.Text(), nullable=True))
    op.add_column("publications", sa.Column("returns_to", sa.BigInteger(), nullable=True))
    op.add_column("plan_rows", sa.Column("bundle", sa.Text(), nullable=True))
    op.create_table(
        "stage_versions",
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("bundle", sa.Text(), nullable=False),
        sa.Column("edition", sa.Text(), nullable=False),
        sa.Column("added", sa.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("stage", "bundle"),
    )
