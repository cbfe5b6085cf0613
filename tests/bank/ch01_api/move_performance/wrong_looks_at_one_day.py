# says: past midnight
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    """Let a performance begin at another time, or raise `VenueBusy`."""
    performance = await find_performance(store, performance_id=performance_id)
    lasts = performance.ends_at - performance.starts_at
    moved = replace(performance, starts_at=starts_at, ends_at=starts_at + lasts)
    for other in await store.performances.select(where={"venue_id": moved.venue_id}):
        if (
            other.id != moved.id
            and other.starts_at.date() == starts_at.date()
            and other.starts_at < moved.ends_at
            and moved.starts_at < other.ends_at
        ):
            raise VenueBusy(moved.venue_id)
    await store.performances.save(moved)
    return moved
