# says: also where only one field is another
# %%build api/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


@router.put("/venues/{venue_id}")
async def replace_venue(venue_id: UUID, new: VenueIn) -> Venue:
    # `VenueIn` refuses what does not fit (422), `None` becomes a 404, and what is left is a 200
    # with the venue itself: three outcomes, three statuses.
    venue = await venues.replace_venue(venue_id=venue_id, new=new)
    if venue is None:
        raise HTTPException(404, "There is no such venue.")
    return venue
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    # The id is what all links hold on to: it stays, and the values under it change. To store the
    # same thing at the same place twice leaves one state.
    for venue in venues.values():
        if venue.name == new.name:
            return venue
    if venue_id not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]
