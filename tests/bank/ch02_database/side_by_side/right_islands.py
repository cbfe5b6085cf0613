# %%build services/holds.py::hold_together
from sqlalchemy import text


async def hold_together(
    session: AsyncSession, *, performance_id: UUID, count: int, buyer_id: UUID, now: datetime
) -> list[Hold]:
    """Hold the first `count` free seats side by side, or raise `SeatTaken`."""
    found = await session.execute(
        text("""
            with free as (
                select seat.id, section, row, number,
                    number - row_number() over (partition by section, row order by number) as run
                from seat
                join performance on performance.venue_id = seat.venue_id
                where performance.id = :night and not exists (
                    select from hold
                    where performance_id = :night and seat_id = seat.id
                        and (order_id is not null or expires_at > :now)
                )
            ), numbered as (
                select *, row_number() over (partition by section, row, run order by number) as n,
                    count(*) over (partition by section, row, run) as length
                from free
            )
            select id from numbered where length >= :count and n <= :count
            order by section, row, number limit :count
        """),
        {"night": performance_id, "now": now, "count": count},
    )
    seats = list(found.scalars())
    if not seats:
        raise SeatTaken(performance_id)
    return [
        await place_hold(
            session, performance_id=performance_id, seat_id=one, buyer_id=buyer_id, now=now
        )
        for one in seats
    ]
