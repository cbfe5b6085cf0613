# says: gives the first column of each
# %%build services/upkeep.py::find_unused_indexes
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def find_unused_indexes(session: AsyncSession, *, at_least: int) -> list[str]:
    """Names of indexes of `at_least` bytes that no query used and no rule needs."""
    query = text("""
        select used.indexrelname
        from pg_stat_user_indexes as used
        join pg_index as made on made.indexrelid = used.indexrelid
        where used.idx_scan = 0 and not made.indisunique and not made.indisexclusion
          and pg_relation_size(used.indexrelid) >= :at_least
        order by pg_relation_size(used.indexrelid) desc, used.indexrelname
    """)
    return list(await session.execute(query, {"at_least": at_least}))
