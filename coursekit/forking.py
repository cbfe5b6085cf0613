"""Forks of a process with threads, never while one of them is inside libpq or OpenSSL.

A fork copies their locks as they are at that moment, without the thread that would let go of
them: the copy waits for ever at its own first connection, and PostgreSQL with it, as a database
is only dropped when all sessions that are just beginning have heard of it.
https://man7.org/linux/man-pages/man2/fork.2.html
"""

from __future__ import annotations

import os
import threading

QUIET = threading.Lock()
"""Held while a connection is opened; each fork of this process waits for it."""

os.register_at_fork(
    before=QUIET.acquire, after_in_parent=QUIET.release, after_in_child=QUIET.release
)
