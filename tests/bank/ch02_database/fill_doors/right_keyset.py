# %%build steps/fill_doors.py::fill_doors
from uuid import UUID

from sqlalchemy import text

from boxoffice.database import Sessions, transaction


async def fill_doors(sessions: Sessions, *, size: int) -> int:
    choose = text("""
        select id from performance where doors_at is null and id > :last
        order by id limit :size for update skip locked
    """)
    fill = text("""
        update performance set doors_at = starts_at - interval '30 minutes' where id = any(:ids)
    """)
    filled, last = 0, UUID(int=0)
    while True:
        async with transaction(sessions) as session:
            ids = list(await session.scalars(choose, {"last": last, "size": size}))
            if ids:
                await session.execute(fill, {"ids": ids})
        if not ids:
            return filled
        filled, last = filled + len(ids), ids[-1]
