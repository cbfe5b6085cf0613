# says: Locks last until the commit.
# %%build steps/fill_doors.py::fill_doors
from sqlalchemy import text

from boxoffice.database import Sessions, transaction


async def fill_doors(sessions: Sessions, *, size: int) -> int:
    fill = text("""
        update performance set doors_at = starts_at - interval '30 minutes'
        where id in (
            select id from performance where doors_at is null for update skip locked
        ) returning id
    """)
    async with transaction(sessions) as session:
        return len(list(await session.scalars(fill)))
