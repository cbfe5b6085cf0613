# says: the change has to be stored
# says: `api/venues.py`: does the route call the service?
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    if venue_id not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


from boxoffice.models.venue import Venue


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    venue = await venues.find_venue(venue_id=venue_id)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return Venue(id=venue_id, **new.model_dump())
