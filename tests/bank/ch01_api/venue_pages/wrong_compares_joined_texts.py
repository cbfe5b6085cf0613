# says: a sign that has a task in your cursor can stand in a name too
# %%build services/venues.py::page_venues
from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    rows = await store.venues.select(where={}, sort="name")
    if cursor is not None:
        if "#" not in cursor:
            raise CursorInvalid(cursor)
        rows = [venue for venue in rows if f"{venue.name}#{venue.id}" > cursor]
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    last = rows[limit - 1]
    return Page(items=rows[:limit], next_cursor=f"{last.name}#{last.id}")
