# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue:
    venue = Venue(id=venue_id, name=new.name, city=new.city)
    venues.update({venue_id: venue})
    return venue

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}", status_code=200)
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    if await venues.find_venue(venue_id=venue_id) is None:
        raise HTTPException(status_code=404)
    return await venues.replace_venue(venue_id=venue_id, new=new)
