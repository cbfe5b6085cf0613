# %%build services/venues.py::page_venues
from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    rows = await store.venues.select(where={}, sort="name")
    if cursor is not None:
        mark, bar, name = cursor.partition("|")
        try:
            place = (name, UUID(mark))
        except ValueError:
            raise CursorInvalid(cursor) from None
        if not bar:
            raise CursorInvalid(cursor)
        rows = [row for row in rows if (row.name, row.id) > place]
    page, rest = rows[:limit], rows[limit:]
    return Page(items=page, next_cursor=f"{page[-1].id}|{page[-1].name}" if rest else None)
