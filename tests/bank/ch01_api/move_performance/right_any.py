# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    """Let a performance begin at another time, or raise `VenueBusy`."""
    performance = await find_performance(store, performance_id=performance_id)
    lasts = performance.ends_at - performance.starts_at
    moved = replace(performance, starts_at=starts_at, ends_at=starts_at + lasts)
    others = await store.performances.select(where={"venue_id": performance.venue_id})
    if any(
        one.starts_at < moved.ends_at and one.ends_at > moved.starts_at
        for one in others
        if one.id != performance_id
    ):
        raise VenueBusy(performance.venue_id)
    await store.performances.save(moved)
    return moved
