# %%build services/venues.py::page_venues
from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    after = None
    if cursor is not None:
        try:
            # From the right: an id has no bar, so the last one is ours.
            name, venue_id = cursor.rsplit("|", 1)
            after = (name, UUID(venue_id))
        except ValueError as error:
            raise CursorInvalid(cursor) from error
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    last = rows[limit - 1]
    return Page(items=rows[:limit], next_cursor=f"{last.name}|{last.id}")
