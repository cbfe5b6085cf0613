# %%build services/upkeep.py::find_unused_indexes
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def find_unused_indexes(session: AsyncSession, *, at_least: int) -> list[str]:
    """Names of indexes of `at_least` bytes that no query used and no rule needs."""
    query = text("""
        with idle as (
            select indexrelid, indexrelname, pg_relation_size(indexrelid) as size
            from pg_stat_user_indexes where idx_scan = 0
        )
        select indexrelname from idle
        where size >= :at_least
          and indexrelid not in (select conindid from pg_constraint)
          and not exists (
            select from pg_index where pg_index.indexrelid = idle.indexrelid and indisunique)
        order by size desc
    """)
    rows = await session.execute(query, {"at_least": at_least})
    return [row.indexrelname for row in rows]
