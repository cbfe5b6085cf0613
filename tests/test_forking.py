"""A fork of a process with threads can open connections, whatever the threads were doing."""

from __future__ import annotations

import subprocess
import sys

from coursekit import services

FORK = """
import os, signal, sys, threading
from coursekit import services
url, over, stuck = sys.argv[1], threading.Event(), 0

def connect():
    while not over.is_set():
        services.connect(url).close()

for _ in range(3):
    threading.Thread(target=connect, daemon=True).start()
for _ in range(15):
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)
        services.connect(url).close()
        os._exit(0)
    stuck += os.waitpid(pid, 0)[1] != 0
over.set()
print(stuck)
"""


def test_fork_beside_threads_that_connect_can_connect() -> None:
    services.ensure()
    done = subprocess.run(
        [sys.executable, "-c", FORK, services.postgres_url()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "0"
