# says: `for update skip locked` chooses only rows that are free now.
# %%build steps/fill_doors.py::fill_doors
from sqlalchemy import text

from boxoffice.database import Sessions, transaction


async def fill_doors(sessions: Sessions, *, size: int) -> int:
    fill = text("""
        update performance set doors_at = starts_at - interval '30 minutes'
        where id in (
            select id from performance where doors_at is null
            limit :size for update
        ) returning id
    """)
    filled = 0
    while True:
        async with transaction(sessions) as session:
            ids = list(await session.scalars(fill, {"size": size}))
        if not ids:
            return filled
        filled += len(ids)
