"""A small closed-loop load generator: so many callers, each with one open connection.

    python load.py PORT CALLERS PLAN.json

The plan is a list of [method, path, body or null]; the callers share it out. Prints JSON:
requests a second, milliseconds at the 50th, 95th and 99th percentile, and each status's count.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

Ask = tuple[str, str, object]


def _bytes(port: int, ask: Ask) -> bytes:
    method, path, body = ask
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n"
    if data:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


async def _caller(port: int, asks: list[bytes], seen: Counter[int], times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for ask in asks:
        begun = time.perf_counter()
        writer.write(ask)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        times.append(time.perf_counter() - begun)
        seen[int(head.split(b" ", 2)[1])] += 1
    writer.close()


async def measure(port: int, callers: int, plan: list[Ask]) -> dict[str, object]:
    """Send the plan and take the time; see the module."""
    asks = [_bytes(port, ask) for ask in plan]
    seen: Counter[int] = Counter()
    times: list[float] = []
    begun = time.perf_counter()
    async with asyncio.timeout(120):
        await asyncio.gather(
            *(_caller(port, asks[n::callers], seen, times) for n in range(callers))
        )
    seconds = time.perf_counter() - begun
    cuts = statistics.quantiles(times, n=100)
    return {
        "rate": len(times) / seconds,
        "p50": cuts[49] * 1000,
        "p95": cuts[94] * 1000,
        "p99": cuts[98] * 1000,
        "statuses": dict(seen),
    }


if __name__ == "__main__":
    port, callers, plan = sys.argv[1:]
    asks = json.loads(Path(plan).read_text(encoding="utf-8"))
    print(json.dumps(asyncio.run(measure(int(port), int(callers), asks))))
