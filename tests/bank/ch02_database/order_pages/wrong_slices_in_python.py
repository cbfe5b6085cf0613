# says: rows came from the database
# says: thrown away in Python
# %%build services/orders.py::list_orders
from sqlalchemy import select


async def list_orders(
    session: AsyncSession, *, buyer_id: UUID, limit: int, after: Order | None = None
) -> list[Order]:
    """The buyer's orders, newest first; the page that follows the order `after`."""
    query = select(Order).where(Order.buyer_id == buyer_id)
    query = query.order_by(Order.placed_at.desc(), Order.id.desc())
    orders = list(await session.scalars(query))
    start = 0 if after is None else [order.id for order in orders].index(after.id) + 1
    return orders[start : start + limit]
