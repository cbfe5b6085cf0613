# says: write `.is_(None)`
# says: HoldNotFound, although Ana's hold is good
# %%build services/gifts.py::give_hold
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from boxoffice.errors import HoldNotFound
from boxoffice.models.hold import Hold


async def give_hold(
    session: AsyncSession,
    *,
    performance_id: UUID,
    seat_id: UUID,
    giver_id: UUID,
    friend_id: UUID,
    now: datetime,
) -> Hold:
    """Give a held seat to a friend, or raise `HoldNotFound`."""
    hold = await session.scalar(
        update(Hold)
        .where(
            Hold.performance_id == performance_id,
            Hold.seat_id == seat_id,
            Hold.buyer_id == giver_id,
            Hold.order_id is None,
            Hold.expires_at > now,
        )
        .values(buyer_id=friend_id)
        .returning(Hold)
        .execution_options(populate_existing=True)
    )
    if hold is None:
        raise HoldNotFound(performance_id, seat_id)
    return hold
