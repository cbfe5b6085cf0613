# says: turns a column around
# %%build services/orders.py::list_orders
from sqlalchemy import select, tuple_


async def list_orders(
    session: AsyncSession, *, buyer_id: UUID, limit: int, after: Order | None = None
) -> list[Order]:
    """The buyer's orders, newest first; the page that follows the order `after`."""
    query = select(Order).where(Order.buyer_id == buyer_id)
    if after is not None:
        place = tuple_(Order.placed_at, Order.id)
        query = query.where(place > (after.placed_at, after.id))
    query = query.order_by(Order.placed_at, Order.id).limit(limit)
    return list(await session.scalars(query))
