# Never comes to an end.
# check: ch01.move_performance
# earns: 0
# says: did not answer within
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    while True:
        pass
