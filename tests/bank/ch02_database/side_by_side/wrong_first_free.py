# says: all seats in one row
# %%build services/holds.py::hold_together
from sqlalchemy import and_, select


async def hold_together(
    session: AsyncSession, *, performance_id: UUID, count: int, buyer_id: UUID, now: datetime
) -> list[Hold]:
    """Hold the first `count` free seats side by side, or raise `SeatTaken`."""
    free = await session.scalars(
        select(Seat)
        .join(Performance, Performance.venue_id == Seat.venue_id)
        .outerjoin(
            Hold,
            and_(
                Hold.performance_id == Performance.id, Hold.seat_id == Seat.id, is_taken(now)
            ),
        )
        .where(Performance.id == performance_id, Hold.seat_id.is_(None))
        .order_by(Seat.section, Seat.row, Seat.number)
    )
    run = list(free)[:count]
    if len(run) < count:
        raise SeatTaken(performance_id)
    return [
        await place_hold(
            session, performance_id=performance_id, seat_id=seat.id, buyer_id=buyer_id, now=now
        )
        for seat in run
    ]
