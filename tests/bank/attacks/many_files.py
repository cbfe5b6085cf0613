# Fills the disk, with files that are each small enough.
# check: ch01.move_performance
# earns: 0
# says: wrote more than 128 MB of files
# %%build services/performances.py::move_performance
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    number = 0
    while True:
        with open(f"@MARK@-{number}", "wb") as file:
            file.write(bytes(8_000_000))
        number += 1
