# Leaves a process behind in a session of its own.
# check: ch01.move_performance
# earns: 0
# %%build services/performances.py::move_performance
import ctypes
import os
import time
from dataclasses import replace


async def move_performance(
    store: Store, *, performance_id: UUID, starts_at: datetime
) -> Performance:
    if os.fork() == 0:
        os.setsid()
        ctypes.CDLL(None).prctl(15, b"@MARK@", 0, 0, 0)
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(1000)
        os._exit(0)
    raise NotImplementedError
