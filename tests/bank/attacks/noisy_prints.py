# Right, and says a lot on every stream.
# check: ch01.move_performance
# earns: all
# %%build services/performances.py::move_performance
import logging
import os
import sys
import warnings
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    print("moving", performance_id, flush=True)
    print("to", starts_at, file=sys.stderr)
    os.write(2, b"written to the file itself\n" * 1000)
    warnings.warn("something is deprecated", DeprecationWarning, stacklevel=1)
    logging.getLogger().error("not an error at all")
    performance = await find_performance(store, performance_id=performance_id)
    lasts = performance.ends_at - performance.starts_at
    moved = replace(performance, starts_at=starts_at, ends_at=starts_at + lasts)
    for other in await store.performances.select(where={"venue_id": performance.venue_id}):
        meets = other.starts_at < moved.ends_at and moved.starts_at < other.ends_at
        if meets and other.id != performance_id:
            raise VenueBusy(performance.venue_id)
    await store.performances.save(moved)
    return moved
