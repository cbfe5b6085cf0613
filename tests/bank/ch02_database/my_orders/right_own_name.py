# The index has a name of its own, one of each line is built, and `downgrade` is plain.
# %%build migrations/versions/0009_speed_up_my_orders.py
"""An index for a buyer's newest orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_order_buyer_id_placed_at_id")
        op.execute(
            "create index concurrently ix_order_buyer_id_placed_at_id"
            ' on "order" (buyer_id, placed_at, id)'
        )


def downgrade() -> None:
    op.drop_index("ix_order_buyer_id_placed_at_id")
