# says: `autocommit_block` leaves it
# %%build steps/find_buyer.py
"""An index to find what a buyer holds."""

from alembic import op


def upgrade() -> None:
    op.create_index("ix_hold_buyer_id", "hold", ["buyer_id"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_hold_buyer_id")
