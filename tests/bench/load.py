"""A small closed-loop load generator: so many callers, each with one open connection."""

from __future__ import annotations

import asyncio
import sys
import time


async def _caller(port: int, path: str, count: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()
    good = 0
    for _ in range(count):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        good += head.startswith(b"HTTP/1.1 200")
    writer.close()
    return good


async def measure(port: int, path: str, callers: int, requests: int) -> float:
    """Requests a second; raises RuntimeError where an answer was not 200."""
    each = requests // callers
    begun = time.perf_counter()
    good = await asyncio.gather(*(_caller(port, path, each) for _ in range(callers)))
    seconds = time.perf_counter() - begun
    if sum(good) != each * callers:
        raise RuntimeError(f"{each * callers - sum(good)} answers were not 200")
    return each * callers / seconds


if __name__ == "__main__":
    port, path, callers, requests = sys.argv[1:]
    print(asyncio.run(measure(int(port), path, int(callers), int(requests))))
