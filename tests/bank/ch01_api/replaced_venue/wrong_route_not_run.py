# says: one answer cell has not been run yet
# says: the cell `%%build api/venues.py::replace_venue`
# says: 0 of 6 points
# %%build services/venues.py::replace_venue
from boxoffice.models.venue import VenueIn


async def replace_venue(*, venue_id: UUID, new: VenueIn) -> Venue | None:
    if venue_id not in venues:
        return None
    venues[venue_id] = Venue(id=venue_id, **new.model_dump())
    return venues[venue_id]
