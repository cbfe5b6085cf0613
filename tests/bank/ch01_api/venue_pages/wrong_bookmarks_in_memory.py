# says: also after a restart
# %%build services/venues.py::page_venues
from base64 import urlsafe_b64decode, urlsafe_b64encode

from pydantic import TypeAdapter
from pydantic_core import to_json

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    marks = page_venues.__dict__.setdefault("marks", {})
    if cursor is not None and cursor not in marks:
        raise CursorInvalid(cursor)
    after = marks.get(cursor)
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    last = rows[limit - 1]
    mark = urlsafe_b64encode(to_json([len(marks)])).decode()
    marks[mark] = (last.name, last.id)
    return Page(items=rows[:limit], next_cursor=mark)
