# %%build services/orders.py::list_orders
from sqlalchemy import and_, or_, select


async def list_orders(
    session: AsyncSession, *, buyer_id: UUID, limit: int, after: Order | None = None
) -> list[Order]:
    """The buyer's orders, newest first; the page that follows the order `after`."""
    query = select(Order).where(Order.buyer_id == buyer_id)
    if after is not None:
        query = query.where(
            or_(
                Order.placed_at < after.placed_at,
                and_(Order.placed_at == after.placed_at, Order.id < after.id),
            )
        )
    query = query.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit)
    return list(await session.scalars(query))
