# says: Not run yet, or still as it was given: the answer cell `%%build api/venues.py::replace_venue`
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    if venue_id not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.post("/venues/{venue_id}/update")
async def replace_venue(venue_id: UUID, new: VenueIn) -> dict[str, bool]:
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    return {"ok": venue is not None}
