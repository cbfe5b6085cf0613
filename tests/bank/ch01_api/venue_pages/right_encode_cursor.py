# %%build services/venues.py::page_venues
import json
from base64 import urlsafe_b64decode

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page, encode_cursor


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    after = None
    if cursor is not None:
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            sort, name, venue_id = json.loads(text)
            after = (str(name), UUID(venue_id))
        except (ValueError, TypeError, AttributeError) as error:
            raise CursorInvalid(cursor) from error
        if sort != "name":
            raise CursorInvalid(cursor)
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) > limit:
        rows = rows[:limit]
        return Page(items=rows, next_cursor=encode_cursor(sort="name", row=rows[-1]))
    return Page(items=rows, next_cursor=None)
