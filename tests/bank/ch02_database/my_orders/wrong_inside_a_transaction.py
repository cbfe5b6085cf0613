# says: cannot run inside a transaction block
# says: `with op.get_context().autocommit_block():`
# %%build migrations/versions/0009_speed_up_my_orders.py
"""An index for a buyer's newest orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_index(
        "ix_order_mine", "order", ["buyer_id", "placed_at", "id"], postgresql_concurrently=True
    )


def downgrade() -> None:
    op.drop_index("ix_order_mine", "order")
