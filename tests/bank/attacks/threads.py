# Makes threads without end.
# check: ch01.move_performance
# earns: 0
# says: can't start new thread
# %%build services/performances.py::move_performance
import threading
import time
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        time.sleep(0)
