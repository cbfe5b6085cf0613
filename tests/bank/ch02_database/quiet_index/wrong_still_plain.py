# says: A plain `create index` lets readers pass and stops writers.
# %%build steps/find_buyer.py
"""An index to find what a buyer holds."""

from alembic import op


def upgrade() -> None:
    op.execute("drop index if exists ix_hold_buyer_id")
    op.create_index("ix_hold_buyer_id", "hold", ["buyer_id"])


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_hold_buyer_id")
