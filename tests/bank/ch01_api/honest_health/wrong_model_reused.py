# says: the server sends one shape and the document promises another
# The 503 gets the model that was wrong already.
# %%build api/health.py
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    """Whether the box office serves."""

    status: Literal["open"]
    opens_at: datetime


@router.get("/health", response_model=HealthOut, responses={503: {"model": HealthOut}})
async def read_health(at: AwareDatetime | None = None) -> JSONResponse:
    """Whether the house is open at a time; now, if none is given."""
    at = (at or datetime.now(UTC)).astimezone(UTC)
    if 2 <= at.hour < 10:
        opens_at = at.replace(hour=10, minute=0, second=0, microsecond=0)
        return JSONResponse({"status": "closed", "opens_at": opens_at.isoformat()}, 503)
    return JSONResponse({"status": "open", "opens_at": None})
