# says: A plain `drop index` locks the whole table
# says: the `downgrade` of migration 0002
# %%build steps/find_buyer.py
"""An index to find what a buyer holds."""

from alembic import op


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_hold_buyer_id")
        op.create_index("ix_hold_buyer_id", "hold", ["buyer_id"], postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index("ix_hold_buyer_id", "hold")
