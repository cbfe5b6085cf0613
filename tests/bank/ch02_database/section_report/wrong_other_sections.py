# says: There is no such section in this house
# %%build services/sections.py::report_sections
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def report_sections(
    session: AsyncSession, *, performance_id: UUID
) -> list[dict[str, object]]:
    """Each section of the house: its seats, how many are sold, and what they cost together."""
    sold = """
        select seat_id from hold
        where performance_id = :night and order_id is not null
    """
    query = f"""
        with sold as ({sold})
        select seat.section, count(*) as seats, count(sold.seat_id) as sold,
            coalesce(sum(price.amount) filter (where sold.seat_id is not null), 0) as revenue
        from seat
        left join sold on sold.seat_id = seat.id
        left join price on price.section = seat.section and price.performance_id = :night
        group by seat.section
        order by revenue desc
    """
    rows = await session.execute(text(query), {"night": performance_id})
    return [dict(row) for row in rows.mappings()]
