# says: Asking and writing must be one step
# %%build services/gifts.py::give_hold
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
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
        select(Hold).where(Hold.performance_id == performance_id, Hold.seat_id == seat_id)
    )
    if hold is None or hold.buyer_id != giver_id or hold.order_id or hold.expires_at <= now:
        raise HoldNotFound(performance_id, seat_id)
    hold.buyer_id = friend_id
    await session.flush()
    return hold
