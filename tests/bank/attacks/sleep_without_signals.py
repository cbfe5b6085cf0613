# Sleeps, and lets no signal wake it.
# check: ch01.move_performance
# earns: 0
# says: did not answer within
# %%build services/performances.py::move_performance
import signal
import time
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
    while True:
        time.sleep(1000)
