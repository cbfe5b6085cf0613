# %%build steps/rename_city.py
"""`venue.city` becomes `venue.town` while both apps run."""

import sqlalchemy as sa
from alembic import op

TRIGGER = """
    create function keep_city() returns trigger language plpgsql as $$
    begin
        if tg_op = 'INSERT' then
            new.town := coalesce(new.town, new.city);
            new.city := coalesce(new.city, new.town);
        elsif new.city is distinct from old.city then
            new.town := new.city;
        else
            new.city := coalesce(new.town, new.city);
        end if;
        return new;
    end $$;
    create trigger keep_city before insert or update on venue
        for each row execute function keep_city()
"""


def expand() -> None:
    op.add_column("venue", sa.Column("town", sa.String()))
    op.execute("update venue set town = city")
    op.execute(TRIGGER)


def contract() -> None:
    op.execute("drop function keep_city cascade")
    op.alter_column("venue", "town", nullable=False)
    op.drop_column("venue", "city")
