# says: A cursor that counts rows is an offset in disguise
# %%build services/venues.py::page_venues
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import TypeAdapter
from pydantic_core import to_json

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    try:
        start = int(urlsafe_b64decode(cursor)) if cursor is not None else 0
    except ValueError as error:
        raise CursorInvalid(cursor) from error
    rows = await store.venues.select(where={}, sort="name")
    end = start + limit
    mark = urlsafe_b64encode(str(end).encode()).decode() if end < len(rows) else None
    return Page(items=rows[start:end], next_cursor=mark)
