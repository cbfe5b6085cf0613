# says: It was made for another list
# %%build services/venues.py::page_venues
from base64 import urlsafe_b64decode

from pydantic import TypeAdapter

from boxoffice.errors import CursorInvalid
from boxoffice.services.paging import Page, encode_cursor


async def page_venues(store: Store, *, cursor: str | None = None, limit: int = 20) -> Page[Venue]:
    """Venues by name, at most `limit`, from the place of `cursor` on."""
    after = None
    if cursor is not None:
        try:
            text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            _, name, row_id = TypeAdapter(tuple[str, str, UUID]).validate_json(text)
            after = (name, row_id)
        except ValueError as error:
            raise CursorInvalid(cursor) from error
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    return Page(items=rows[:limit], next_cursor=encode_cursor(sort="name", row=rows[limit - 1]))
