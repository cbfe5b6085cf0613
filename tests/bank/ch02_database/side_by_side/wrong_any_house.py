# says: Your free seats stand in another house
# %%build services/holds.py::hold_together
from sqlalchemy import and_, select


async def hold_together(
    session: AsyncSession, *, performance_id: UUID, count: int, buyer_id: UUID, now: datetime
) -> list[Hold]:
    """Hold the first `count` free seats side by side, or raise `SeatTaken`."""
    free = await session.scalars(
        select(Seat)
        .outerjoin(
            Hold,
            and_(
                Hold.performance_id == performance_id, Hold.seat_id == Seat.id, is_taken(now)
            ),
        )
        .where(Hold.seat_id.is_(None))
        .order_by(Seat.section, Seat.row, Seat.number)
    )
    run: list[Seat] = []
    for seat in free:
        last = run[-1] if run else seat
        next_to = (last.section, last.row, last.number + 1)
        run = [*run, seat] if (seat.section, seat.row, seat.number) == next_to else [seat]
        if len(run) == count:
            break
    else:
        raise SeatTaken(performance_id)
    return [
        await place_hold(
            session, performance_id=performance_id, seat_id=seat.id, buyer_id=buyer_id, now=now
        )
        for seat in run
    ]
