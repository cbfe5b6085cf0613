# says: the id says which of them come after it
# %%build services/venues.py::page_venues
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import TypeAdapter
from pydantic_core import to_json

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    rows = await store.venues.select(where={}, sort="name")
    start = 0
    if cursor is not None:
        try:
            name, row_id = TypeAdapter(tuple[str, str]).validate_json(urlsafe_b64decode(cursor))
        except ValueError as error:
            raise CursorInvalid(cursor) from error
        ids = [str(venue.id) for venue in rows]
        if row_id in ids:
            start = ids.index(row_id) + 1
        else:
            while start < len(rows) and rows[start].name <= name:
                start += 1
    items = rows[start : start + limit]
    if start + limit >= len(rows):
        return Page(items=items, next_cursor=None)
    mark = urlsafe_b64encode(to_json([items[-1].name, str(items[-1].id)])).decode()
    return Page(items=items, next_cursor=mark)
