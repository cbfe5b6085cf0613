# %%build steps/find_buyer.py
"""An index to find what a buyer holds."""

from alembic import op


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_hold_buyer_id")
        op.execute("create index concurrently ix_hold_buyer_id on hold (buyer_id)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently ix_hold_buyer_id")
