# Eats memory.
# check: ch01.move_performance
# earns: 0
# says: used more than 512 MB of memory
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    kept = []
    while True:
        kept.append(bytearray(10_000_000))
