# Says that it is well, whatever it is asked.
# check: ch01.honest_health
# earns: 0
# %%build api/health.py
from fastapi import APIRouter, Response

router = APIRouter()


@router.get("/health")
async def read_health() -> Response:
    return Response('{"status": "ok", "healthy": true, "opens_at": null}', 200)
