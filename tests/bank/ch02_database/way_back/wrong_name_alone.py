# says: rename it: that keeps what is in it
# %%build steps/sort_seats.py
"""Venues have a town, seats have a kind, and no seat has a number over 500."""

from alembic import op


def upgrade() -> None:
    op.alter_column("venue", "city", new_column_name="town")
    op.execute("create type seat_kind as enum ('plain', 'comfort')")
    op.execute("alter table seat add column kind seat_kind not null default 'plain'")
    op.execute("alter table seat drop constraint if exists ck_seat_number_positive")
    op.execute(
        "alter table seat add constraint ck_seat_number_in_row check (number between 1 and 500)"
    )


def downgrade() -> None:
    op.execute("alter table seat drop constraint ck_seat_number_in_row")
    op.execute("alter table seat add constraint ck_seat_number_positive check (number > 0)")
    op.drop_column("seat", "kind")
    op.execute("drop type seat_kind")
    op.drop_column("venue", "town")
    op.add_column("venue", "city")
