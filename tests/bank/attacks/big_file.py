# Fills the disk.
# check: ch01.move_performance
# earns: 0
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    with open("@MARK@", "wb") as file:
        while True:
            file.write(bytes(1_000_000))
