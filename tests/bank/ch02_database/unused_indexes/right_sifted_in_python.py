# %%build services/upkeep.py::find_unused_indexes
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def find_unused_indexes(session: AsyncSession, *, at_least: int) -> list[str]:
    """Names of indexes of `at_least` bytes that no query used and no rule needs."""
    query = text("""
        select used.indexrelname, used.idx_scan, made.indisunique or made.indisexclusion,
               pg_relation_size(used.indexrelid)
        from pg_stat_user_indexes as used join pg_index as made using (indexrelid)
    """)
    rows = (await session.execute(query)).all()
    idle = [(size, name) for name, scans, rule, size in rows if not scans and not rule]
    return [name for size, name in sorted(idle, reverse=True) if size >= at_least]
