# says: return refusals(VenueNotFound, NothingOn, 422)
# says: each class knows its own status
# %%build api/venues.py
from datetime import UTC
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from boxoffice.api.dependencies import StoreDep
from boxoffice.api.describe import InvalidRequest, UnreadableBody, refusals
from boxoffice.api.parameters import VenueId
from boxoffice.api.schemas.performance import PerformanceOut
from boxoffice.api.schemas.venue import VenueOut
from boxoffice.errors import NotFound, PerformanceNotFound, VenueBusy, VenueNotFound
from boxoffice.services import venues

router = APIRouter(tags=["venues"])
After = Annotated[AwareDatetime, Query(description="The time after which to look.")]


class NothingOn(NotFound):
    code = "nothing_on"
    detail = "Nothing more is on at this venue."


@router.get("/venues")
async def list_venues(store: StoreDep) -> list[VenueOut]:
    """Every venue, by name."""
    return [VenueOut.model_validate(venue) for venue in await venues.list_venues(store)]


@router.get("/venues/{venue_id}", responses=refusals(VenueNotFound, InvalidRequest))
async def read_venue(venue_id: VenueId, store: StoreDep) -> VenueOut:
    """One venue."""
    return VenueOut.model_validate(await venues.find_venue(store, venue_id=venue_id))


def told_of_next() -> dict[int | str, dict[str, object]]:
    """The `responses` of `read_next_performance`: each way in which it refuses."""
    return refusals(VenueNotFound, NothingOn, 422)


try:
    told = told_of_next()
except NotImplementedError:  # not written yet
    told = {}


@router.get("/venues/{venue_id}/next-performance", responses=told)
async def read_next_performance(
    venue_id: VenueId, store: StoreDep, after: After
) -> PerformanceOut:
    """The first performance at a venue after a time."""
    await venues.find_venue(store, venue_id=venue_id)
    where = {"venue_id": venue_id}
    for performance in await store.performances.select(where=where, sort="starts_at"):
        if performance.starts_at > after.astimezone(UTC):
            return PerformanceOut.model_validate(performance)
    raise NothingOn(venue_id)
