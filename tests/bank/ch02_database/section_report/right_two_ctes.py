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
        with sold as ({sold}), counted as (
            select section, count(*) as sold from seat join sold on sold.seat_id = seat.id
            group by section
        ), house as (
            select section, count(*) as seats from seat
            where venue_id = (select venue_id from performance where id = :night)
            group by section
        )
        select house.section, seats, coalesce(sold, 0) as sold,
            coalesce(sold, 0) * price.amount as revenue
        from house
        join price on price.section = house.section and price.performance_id = :night
        left join counted on counted.section = house.section
        order by revenue desc, house.section
    """
    rows = await session.execute(text(query), {"night": performance_id})
    return [dict(row) for row in rows.mappings()]
