# says: Is a text compared with a `UUID`? They are never equal
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    if str(venue_id) not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]

# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return venue
