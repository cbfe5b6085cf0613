# says: Give back `None` before you touch the venue
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    venue = venues[venue_id]
    venue.name = new.name
    venue.city = new.city
    return venue

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return venue
