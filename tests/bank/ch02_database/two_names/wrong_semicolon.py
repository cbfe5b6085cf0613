# says: look there, and at the end of the line before
# %%build steps/rename_city.py
"""`venue.city` becomes `venue.town` while both apps run."""

from alembic import op

TRIGGER = """
    create function keep_city() returns trigger language plpgsql as $$
    begin
        if tg_op = 'INSERT' then
            new.town := coalesce(new.town, new.city)
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
    op.execute("alter table venue add column town text")
    op.execute(TRIGGER)
    op.execute("update venue set town = city")


def contract() -> None:
    op.execute("drop trigger keep_city on venue")
    op.execute("drop function keep_city")
    op.execute("alter table venue alter town set not null")
    op.execute("alter table venue drop column city")
