# says: the stranger is refused, and Ana is not
# says: a hold that is over is refused, and a good one is not
# says: the second of two calls is refused, and a call alone is not
# %%build services/gifts.py::give_hold
from datetime import datetime
from uuid import UUID

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
    raise HoldNotFound(performance_id, seat_id)
