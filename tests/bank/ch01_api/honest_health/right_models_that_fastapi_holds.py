# Lets FastAPI hold each answer against the model.
# %%build api/health.py
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel

from boxoffice.api.describe import ErrorOut

router = APIRouter(tags=["health"])


class HealthOut(BaseModel):
    status: Literal["open", "closed"]
    opens_at: datetime | None = None


@router.get("/health", responses={422: {"model": ErrorOut}, 503: {"model": HealthOut}})
async def read_health(response: Response, at: AwareDatetime | None = None) -> HealthOut:
    at = (at or datetime.now(UTC)).astimezone(UTC)
    if 2 <= at.hour < 10:
        response.status_code = 503
        opens_at = at.replace(hour=10, minute=0, second=0, microsecond=0)
        return HealthOut(status="closed", opens_at=opens_at)
    return HealthOut(status="open")
