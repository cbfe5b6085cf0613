# says: `session.scalars` gives the orders
# %%build services/orders.py::list_orders
from sqlalchemy import select, tuple_


async def list_orders(
    session: AsyncSession, *, buyer_id: UUID, limit: int, after: Order | None = None
) -> list[Order]:
    """The buyer's orders, newest first; the page that follows the order `after`."""
    query = select(Order).where(Order.buyer_id == buyer_id)
    if after is not None:
        query = query.where(tuple_(Order.placed_at, Order.id) < (after.placed_at, after.id))
    query = query.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit)
    return list(await session.execute(query))
