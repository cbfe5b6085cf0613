# says: what you read back is not what you put in
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
            text = urlsafe_b64decode(cursor)
            after = TypeAdapter(tuple[str, UUID]).validate_json(text)
        except ValueError as error:
            # Broken base64, broken JSON, a wrong shape: to us it is all one.
            raise CursorInvalid(cursor) from error
    # One more than asked: if it comes, there is a next page.
    rows = await store.venues.select(where={}, sort="name", after=after, limit=limit + 1)
    if len(rows) <= limit:
        return Page(items=rows, next_cursor=None)
    # A place, not a row: it can be found even when nobody stands there any more.
    last = rows[limit - 1]
    mark = urlsafe_b64encode(to_json([last.name.strip(), last.id])).decode()
    return Page(items=rows[:limit], next_cursor=mark)
