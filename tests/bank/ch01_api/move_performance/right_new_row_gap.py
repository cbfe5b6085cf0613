# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    """Let a performance begin at another time, or raise `VenueBusy`."""
    performance = await find_performance(store, performance_id=performance_id)
    lasts = performance.ends_at - performance.starts_at
    ends_at = starts_at + lasts
    for other in await store.performances.select(where={}):
        if other.venue_id == performance.venue_id and other.id != performance.id:
            free = other.ends_at <= starts_at or ends_at <= other.starts_at
            if not free:
                raise VenueBusy(other.venue_id)
    moved = Performance(
        id=performance.id,
        show_id=performance.show_id,
        venue_id=performance.venue_id,
        starts_at=starts_at,
        ends_at=ends_at,
        price_cents=performance.price_cents,
    )
    await store.performances.save(moved)
    return moved
