# says: The id came back as text
# %%build services/venues.py::page_venues
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import TypeAdapter
from pydantic_core import to_json

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    after = None
    if cursor is not None:
        try:
            after = TypeAdapter(tuple[str, str]).validate_json(urlsafe_b64decode(cursor))
        except ValueError as error:
            raise CursorInvalid(cursor) from error
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    last = rows[limit - 1]
    mark = urlsafe_b64encode(to_json([last.name, last.id])).decode()
    return Page(items=rows[:limit], next_cursor=mark)
