# %%build steps/find_buyer.py
"""An index to find what a buyer holds."""

from alembic import op


NAME = "ix_hold_buyer_id"


def upgrade() -> None:
    downgrade()
    with op.get_context().autocommit_block():
        op.create_index(NAME, "hold", ["buyer_id"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(NAME, "hold", if_exists=True, postgresql_concurrently=True)
