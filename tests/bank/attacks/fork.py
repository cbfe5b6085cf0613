# Makes processes without end.
# check: ch01.move_performance
# earns: 0
# says: started more than 32 processes
# %%build services/performances.py::move_performance
import os
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    while True:
        os.fork()
