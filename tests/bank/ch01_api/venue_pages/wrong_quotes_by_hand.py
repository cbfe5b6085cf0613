# says: a sign that has a task in your cursor can stand in a name too
# %%build services/venues.py::page_venues
import json

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    after = None
    if cursor is not None:
        try:
            place = json.loads(cursor)
            after = (place["name"], UUID(place["id"]))
        except (ValueError, TypeError, LookupError) as error:
            raise CursorInvalid(cursor) from error
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    last = rows[limit - 1]
    mark = f'{{"name": "{last.name}", "id": "{last.id}"}}'
    return Page(items=rows[:limit], next_cursor=mark)
