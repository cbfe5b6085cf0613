# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    old = venues.get(venue_id)
    if old is not None:
        venues[venue_id] = old.model_copy(update=new.model_dump())
    return venues.get(venue_id)

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return venue
