# %%build services/orders.py::list_orders
from sqlalchemy import select, text


async def list_orders(
    session: AsyncSession, *, buyer_id: UUID, limit: int, after: Order | None = None
) -> list[Order]:
    """The buyer's orders, newest first; the page that follows the order `after`."""
    query = select(Order).where(Order.buyer_id == buyer_id)
    if after is not None:
        query = query.where(text("(placed_at, id) < (:moment, :last)")).params(
            moment=after.placed_at, last=after.id
        )
    found = await session.scalars(query.order_by(text("placed_at desc, id desc")).limit(limit))
    return [*found.all()]
