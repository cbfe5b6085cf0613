# says: The service gave `None`
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    if venue_id not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    return await venues.replace_venue(venue_id=venue_id, new=new)
