# says: An `async` function that nobody awaits never runs
# says: refuse_clash(store, moved)
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    """Let a performance begin at another time, or raise `VenueBusy`."""
    performance = await find_performance(store, performance_id=performance_id)
    lasts = performance.ends_at - performance.starts_at
    moved = replace(performance, starts_at=starts_at, ends_at=starts_at + lasts)
    refuse_clash(store, moved)
    await store.performances.save(moved)
    return moved
