# says: Change what the document says, not what the server does
# %%build api/health.py
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel

from boxoffice.api.describe import InvalidRequest, refusals

router = APIRouter(tags=["health"])


# Two models, for there are two answers. Each field has the type that is really sent.
class HealthOut(BaseModel):
    """An open house."""

    status: Literal["open"]
    opens_at: datetime | None


class ClosedOut(BaseModel):
    """A closed house, and when it opens."""

    status: Literal["closed"]
    opens_at: datetime


# `responses` adds the answers that the function's own model cannot tell.
@router.get(
    "/health",
    response_model=HealthOut,
    responses=refusals(InvalidRequest)
    | {503: {"model": ClosedOut, "description": "Closed for the night."}},
)
async def read_health(at: AwareDatetime | None = None) -> JSONResponse:
    """Whether the house is open at a time; now, if none is given."""
    at = (at or datetime.now(UTC)).astimezone(UTC)
    if 2 <= at.hour <= 10:
        opens_at = at.replace(hour=10, minute=0, second=0, microsecond=0)
        return JSONResponse({"status": "closed", "opens_at": opens_at.isoformat()}, 503)
    return JSONResponse({"status": "open", "opens_at": None})
