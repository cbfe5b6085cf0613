# says: A rename breaks it at once.
# %%build steps/rename_city.py
"""`venue.city` becomes `venue.town` while both apps run."""

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
    op.alter_column("venue", "city", new_column_name="town")


def contract() -> None:
    pass
