# says: The column that breaks ties belongs into the index
# %%build migrations/versions/0009_speed_up_my_orders.py
"""An index for a buyer's newest orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_order_mine", "order", ["buyer_id", "placed_at"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_order_mine", "order", postgresql_concurrently=True)
