# %%build migrations/versions/0009_speed_up_my_orders.py
"""An index for a buyer's newest orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_order_mine")
        op.execute('create index concurrently ix_order_mine on "order" (buyer_id, placed_at, id)')


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("drop index concurrently if exists ix_order_mine")
